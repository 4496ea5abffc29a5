"""lading.toml, the environment and flags, made into one frozen value that says where each part came from."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from runner.errors import SettingsError
from runner.image.reference import BadReference, Registry, Repository

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

FILE_NAME: Final = "lading.toml"
_IMAGE_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*\Z")
_SECRET_ID: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")
_TEXT, _TEXTS, _TABLE, _FLAG = "a text", "a list of texts", "a table of texts", "true or false"


class Option(NamedTuple):
    """One thing that can be set for an image.

    Args:
        key: its name in lading.toml; the variable `LADING_KEY`.
        kind: what it must be.
        about: one line of help.
        choices: the values allowed, or none for any.
    """

    key: str
    kind: str
    about: str
    choices: tuple[str, ...] = ()

    @property
    def flag(self) -> str:
        """The flag without its dashes; one that is repeated is in the singular."""
        return self.key.removesuffix("s") if self.kind in {_TEXTS, _TABLE} else self.key

    @property
    def variable(self) -> str:
        """The environment variable; LADING_REPOSITORY already names the source repository."""
        key = "image-repository" if self.key == "repository" else self.key
        return "LADING_" + key.upper().replace("-", "_")


OPTIONS: Final = (
    Option("repository", _TEXT, "where the image goes: [registry/]name, without a tag"),
    Option("dockerfile", _TEXT, "the Dockerfile, relative to the checkout"),
    Option("context", _TEXT, "the folder that is sent to the builder, relative to the checkout"),
    Option("secret", _TEXT, "the Taskcluster secret with the registry's credentials"),
    Option("username", _TEXT, "the user name where the secret holds a password alone"),
    Option("tags", _TEXTS, "tags: {branch} {tag} {version} {commit} {short-commit} {date}, or plain text"),
    Option("build-args", _TABLE, "values of the Dockerfile's ARGs"),
    Option(
        "build-secrets", _TABLE, "for RUN --mount=type=secret: ID = 'NAME OF A TASKCLUSTER SECRET#KEY IN IT'"
    ),
    Option("labels", _TABLE, "labels beside those that lading sets"),
    Option("target", _TEXT, "the stage of the Dockerfile to build"),
    Option("platforms", _TEXTS, "platforms to build for, such as linux/amd64"),
    Option("network", _TEXT, "the network of RUN: default, host or none", ("default", "host", "none")),
    Option(
        "engine",
        _TEXT,
        "what builds: auto, docker (the classic builder) or buildx",
        ("auto", "docker", "buildx"),
    ),
    Option(
        "transport", _TEXT, "who pushes: auto, engine or direct (lading itself)", ("auto", "engine", "direct")
    ),
    Option("index", _TEXT, "the index namespace under which the task is found by digest"),
    Option("reproducible", _FLAG, "put nothing into the image that depends on more than the commit"),
)
_TOP_LEVEL: Final = ("image", "insecure-registries")
_DEFAULTS: Final[Mapping[str, Any]] = {
    "dockerfile": "Dockerfile",
    "context": ".",
    "build-args": {},
    "build-secrets": {},
    "labels": {},
    "platforms": (),
    "network": "default",
    "engine": "auto",
    "transport": "auto",
    "reproducible": False,
}


class Settings(NamedTuple):
    """What to build and where it goes; see OPTIONS for the meaning of each."""

    image: str
    repository: Repository
    dockerfile: str
    context: str
    secret: str
    username: str
    tags: tuple[str, ...] | None
    build_args: Mapping[str, str]
    build_secrets: Mapping[str, str]
    labels: Mapping[str, str]
    target: str | None
    platforms: tuple[str, ...]
    network: str
    engine: str
    transport: str
    index: str | None  # type: ignore[assignment]  # a tuple's method, of which nothing here makes use
    reproducible: bool
    insecure_registries: frozenset[str]
    several_images: bool
    sources: Mapping[str, str] = MappingProxyType({})

    @property
    def artifact_prefix(self) -> str:
        """Where this image's artifacts are: with several images each has a folder."""
        return f"public/{self.image}/" if self.several_images else "public/"


def load_settings(
    text: str | None,
    environment: Mapping[str, str],
    flags: Mapping[str, Any],
    *,
    image: str | None,
    slug: str | None,
    host: str = "github.com",
) -> Settings:
    """Settings for one image, by the precedence flag > environment > file > default.

    Args:
        text: lading.toml's content, or None where there is no such file.
        environment: the variables.
        flags: the flags that were typed, by key.
        image: which `[image.NAME]`, or None if there is only one.
        slug: the source repository, from which the defaults of `secret` and `repository` are derived.
        host: where the source repository is.

    Raises:
        SettingsError: with every problem at once.
    """
    problems: list[str] = []
    document = _parse(text, problems)
    images = _images(document, problems)
    chosen = _choose(images, image, problems)
    values, sources = _merge(images.get(chosen, {}), chosen, environment, flags, problems)
    _fill_defaults(values, sources, slug, host)
    repository = _repository(values.get("repository"), problems)
    insecure = _insecure(document, environment, flags, problems)
    if problems or repository is None:
        raise SettingsError(problems)
    return Settings(
        image=chosen,
        repository=repository,
        dockerfile=values["dockerfile"],
        context=values["context"],
        secret=values["secret"],
        username=values.get("username") or repository.path.partition("/")[0],
        tags=tuple(values["tags"]) if "tags" in values else None,
        build_args=values["build-args"],
        build_secrets=values["build-secrets"],
        labels=values["labels"],
        target=values.get("target"),
        platforms=tuple(values["platforms"]),
        network=values["network"],
        engine=values["engine"],
        transport=values["transport"],
        index=values.get("index"),
        reproducible=values["reproducible"],
        insecure_registries=insecure,
        several_images=len(images) > 1,
        sources=sources,
    )


def _parse(text: str | None, problems: list[str]) -> dict[str, Any]:
    if text is None:
        return {}
    import tomllib

    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        problems.append(f"{FILE_NAME}: {error}")
        return {}
    unknown = [key for key in document if key not in _TOP_LEVEL]
    problems.extend(f"{FILE_NAME}: unknown key `{key}`{_nearest(key, _TOP_LEVEL)}" for key in unknown)
    return document


def _nearest(key: str, keys: Sequence[str]) -> str:
    import difflib

    near = difflib.get_close_matches(key, keys, n=1)
    return (
        f"; did you mean `{near[0]}`?" if near else f"; there are {', '.join(f'`{known}`' for known in keys)}"
    )


def _images(document: Mapping[str, Any], problems: list[str]) -> dict[str, dict[str, Any]]:
    images = document.get("image", {})
    if not isinstance(images, dict) or not all(isinstance(image, dict) for image in images.values()):
        problems.append(f"{FILE_NAME}: an image is a table with a name: [image.NAME]")
        return {}
    # A name is a folder among the artifacts.
    problems.extend(
        f"{FILE_NAME}: {name!r} is no name of an image: letters, digits, `_`, `.`, `-`, and no dot at first"
        for name in images
        if not _IMAGE_NAME.match(name)
    )
    return images


def _choose(images: Mapping[str, object], image: str | None, problems: list[str]) -> str:
    if image is not None:
        if images and image not in images:
            problems.append(f"{FILE_NAME} has no [image.{image}]; it has {', '.join(sorted(images))}")
        return image
    if len(images) > 1:
        problems.append(f"{FILE_NAME} has several images: name one of {', '.join(sorted(images))}")
    return next(iter(images), "image")


def _merge(
    section: Mapping[str, Any],
    image: str,
    environment: Mapping[str, str],
    flags: Mapping[str, Any],
    problems: list[str],
) -> tuple[dict[str, Any], dict[str, str]]:
    keys = [option.key for option in OPTIONS]
    unknown = [key for key in section if key not in keys]
    problems.extend(
        f"{FILE_NAME} [image.{image}]: unknown key `{key}`{_nearest(key, keys)}" for key in unknown
    )
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for option in OPTIONS:
        found = _find(option, section, image, environment, flags)
        if found is None:
            continue
        raw, source = found
        problem = _problem(option, raw)
        if problem:
            problems.append(f"{source}: `{option.key}` {problem}")
            continue
        values[option.key], sources[option.key] = raw, source
    return values, sources


def _find(
    option: Option,
    section: Mapping[str, Any],
    image: str,
    environment: Mapping[str, str],
    flags: Mapping[str, Any],
) -> tuple[Any, str] | None:
    if flags.get(option.key) is not None:
        return flags[option.key], f"flag --{option.flag}"
    if environment.get(option.variable):
        return _from_text(option.kind, environment[option.variable]), f"environment {option.variable}"
    if option.key in section:
        return section[option.key], f"{FILE_NAME} [image.{image}]"
    return None


def _from_text(kind: str, text: str) -> Any:
    if kind == _TEXTS:
        return [part.strip() for part in text.split(",") if part.strip()]
    if kind == _TABLE:
        pairs = (line.partition("=") for line in text.splitlines() if line.strip())
        # What is no NAME=VALUE has no name, which is no table of texts.
        return {key.strip() if equals else "": value for key, equals, value in pairs}
    if kind == _FLAG:
        return {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text)
    return text


def _problem(option: Option, value: Any) -> str | None:
    checks: dict[str, Callable[[Any], bool]] = {
        _TEXT: lambda found: isinstance(found, str) and bool(found),
        _TEXTS: lambda found: (
            isinstance(found, list | tuple) and all(isinstance(part, str) for part in found)
        ),
        _TABLE: lambda found: (
            isinstance(found, dict)
            and all(isinstance(part, str) for part in found.values())
            and "" not in found
        ),
        _FLAG: lambda found: isinstance(found, bool),
    }
    if not checks[option.kind](value):
        return f"must be {option.kind}"
    if option.choices and value not in option.choices:
        return f"is {value!r}, and must be one of {', '.join(option.choices)}"
    if option.key == "build-secrets" and not all(
        _SECRET_ID.match(name) and all(secret.rpartition("#")[::2]) for name, secret in value.items()
    ):
        return "must have the secret's name and the key in it as values, `NAME#KEY`, and plain words as names"
    if option.key in {"dockerfile", "context"} and value.startswith("/"):
        return "must be relative to the checkout"
    return None


def _fill_defaults(values: dict[str, Any], sources: dict[str, str], slug: str | None, host: str) -> None:
    derived = {"secret": f"repo:{host}/{slug}:dockerhub", "repository": slug.lower()} if slug else {}
    for key, value in {**_DEFAULTS, **derived}.items():
        if key not in values:
            values[key] = value
            sources[key] = "from the source repository" if key in derived else "default"
    values.setdefault("secret", "")


def _repository(text: str | None, problems: list[str]) -> Repository | None:
    if text is None:
        problems.append(
            f"the image's repository is not known: set `repository` in {FILE_NAME}, or --repository, "
            "or LADING_IMAGE_REPOSITORY"
        )
        return None
    try:
        return Repository.parse(text)
    except BadReference as error:
        problems.append(f"`repository`: {error}")
        return None


def _insecure(
    document: Mapping[str, Any], environment: Mapping[str, str], flags: Mapping[str, Any], problems: list[str]
) -> frozenset[str]:
    listed = document.get("insecure-registries", [])
    if not isinstance(listed, list) or not all(isinstance(host, str) for host in listed):
        problems.append(f"{FILE_NAME}: `insecure-registries` must be {_TEXTS}")
        listed = []
    hosts = [
        *listed,
        *_from_text(_TEXTS, environment.get("LADING_INSECURE_REGISTRIES", "")),
        *(flags.get("insecure-registry") or []),
    ]
    accepted = set()
    for host in hosts:
        try:
            accepted.add(Registry.parse(host).host)
        except BadReference as error:
            problems.append(f"insecure registry: {error}")
    return frozenset(accepted)
