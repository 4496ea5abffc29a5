"""What a Dockerfile asks for: base images, build arguments, and a builder that can do what is in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from runner.image.dockerfile_syntax import Instruction, directives, instructions, triggered, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

_EMPTY: Final[Mapping[str, str]] = {}
# BuildKit defines them by itself; to the classic builder they are not known: unset without a word.
_PLATFORM_ARGS: Final = frozenset(
    f"{side}{what}" for side in ("BUILD", "TARGET") for what in ("PLATFORM", "OS", "ARCH", "VARIANT")
) | {"TARGETSTAGE"}
# Build arguments that need no ARG: https://docs.docker.com/reference/dockerfile/#predefined-args
_PREDEFINED: Final = (
    _PLATFORM_ARGS
    | {
        name
        for scheme in ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")
        for name in (scheme, scheme.upper())
    }
    | {"SOURCE_DATE_EPOCH"}
)
_CLASSIC_FLAGS: Final = {"ADD": {"chown"}, "COPY": {"chown", "from"}, "FROM": {"platform"}}
_HEALTHCHECK_FLAGS: Final = frozenset({"interval", "timeout", "start-period", "start-interval", "retries"})
_GIT_SOURCE: Final = re.compile(r"git@|git://|ssh://|https?://[^?#]*\.git(?:[?#]|\Z)")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET_WORDS: Final = frozenset(
    {
        "APIKEY",
        "CREDENTIAL",
        "CREDENTIALS",
        "KEY",
        "PASSPHRASE",
        "PASSWD",
        "PASSWORD",
        "PAT",
        "PWD",
        "SECRET",
        "SECRETS",
        "TOKEN",
        "TOKENS",
    }
)


class Need(NamedTuple):
    """Something that only BuildKit does.

    Args:
        line: of the instruction, from 1.
        feature: as it is written in the Dockerfile.
        why: what the classic builder does with it.
    """

    line: int
    feature: str
    why: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.feature} ({self.why})"


class Stage(NamedTuple):
    """A `FROM` and what it begins; `image` is as written, with its variables."""

    line: int
    image: str
    name: str | None
    platform: str | None


class BaseImage(NamedTuple):
    """An image that a build pulls; `reference` is None where it cannot be known before the build."""

    line: int
    written: str
    reference: str | None


class Dockerfile:
    """A Dockerfile, read; any text is one: what is wrong with it the builder says.

    Args:
        content: its bytes, UTF-8.
    """

    def __init__(self, content: bytes) -> None:
        text = content.decode("utf-8", "surrogateescape")
        self.directives = directives(text)
        self.instructions: tuple[Instruction, ...] = tuple(instructions(text))
        self.stages: tuple[Stage, ...] = tuple(
            _stage(instruction) for instruction in self.instructions if instruction.name == "FROM"
        )

    @property
    def args(self) -> frozenset[str]:
        """The build arguments that it takes, those that need no `ARG` included."""
        return _PREDEFINED | {
            name
            for instruction in map(triggered, self.instructions)
            if instruction.name == "ARG"
            for name, _ in _declared(instruction)
        }

    def base_images(self, build_args: Mapping[str, str] = _EMPTY) -> list[BaseImage]:
        """The images that a build of all stages pulls, each once: of `FROM`, `COPY --from` and `RUN --mount`.

        Args:
            build_args: their values; they win over the defaults.
        """
        return self._images(self.instructions, build_args)

    def parents(self, build_args: Mapping[str, str] = _EMPTY) -> list[BaseImage]:
        """Those of `FROM`, whose `ONBUILD` instructions run in the build.

        Args:
            build_args: their values; they win over the defaults.
        """
        return self._images([own for own in self.instructions if own.name == "FROM"], build_args)

    def _images(self, among: Sequence[Instruction], build_args: Mapping[str, str]) -> list[BaseImage]:
        known = self._global_args(build_args)
        stages: set[str] = set()
        found: dict[str, BaseImage] = {}
        for instruction in among:
            for written in _sources(instruction):
                reference = (
                    expanded(written, known) if instruction.name == "FROM" or "$" not in written else None
                )
                if reference is None or not (
                    reference.lower() in stages or _is_no_image(reference, instruction)
                ):
                    found.setdefault(reference or written, BaseImage(instruction.line, written, reference))
            if instruction.name == "FROM" and (name := _stage(instruction).name):
                stages.add(name.lower())
        return list(found.values())

    def needs_buildkit(self, build_args: AbstractSet[str] = frozenset()) -> list[Need]:
        """What only BuildKit does, or may do otherwise than the classic builder; by lines.

        Args:
            build_args: the names of those that are given: one that is given need not be set by BuildKit.
        """
        needs = []
        if syntax := self.directives.get("syntax"):
            needs.append(Need(1, f"# syntax={syntax}", "the classic builder ignores which language this is"))
        assumed = _PLATFORM_ARGS - build_args
        for instruction in self.instructions:
            needs += _needs(instruction, assumed)
        return needs

    def _global_args(self, build_args: Mapping[str, str]) -> dict[str, str | None]:
        """The values that `FROM` can use; None where one is BuildKit's to say."""
        known: dict[str, str | None] = {name: build_args.get(name) for name in _PLATFORM_ARGS}
        for instruction in self.instructions:
            if instruction.name == "FROM":
                break
            for name, default in _declared(instruction) if instruction.name == "ARG" else ():
                value = build_args.get(name)
                if value is None and default is not None:
                    value = expanded(_unquoted(default), known)
                    known[name] = value
                elif value is not None:
                    known[name] = value
        return known


def looks_secret(name: str) -> bool:
    """Whether a build argument is called like a secret: its value would be in the image's history."""
    parts = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).upper().split("_")
    return "PUBLIC" not in parts and not _SECRET_WORDS.isdisjoint(parts)


def expanded(text: str, known: Mapping[str, str | None]) -> str | None:
    """The text with its variables replaced, unset ones by nothing; None if that cannot be known.

    Args:
        text: with `$X`, `${X}`, `${X:-d}`, `${X-d}`, `${X:+a}`, `${X+a}`; other forms cannot be known here.
        known: values by name; None for one that the builder sets.
    """
    result = ""
    at = 0
    while at < len(text):
        char = text[at]
        if char == "\\" and at + 1 < len(text):
            result += text[at + 1]
            at += 2
        elif char != "$":
            result += char
            at += 1
        else:
            value, at = _variable(text, at + 1, known)
            if value is None:
                return None
            result += value
    return result


def _variable(text: str, at: int, known: Mapping[str, str | None]) -> tuple[str | None, int]:
    """A variable's value and where it ends; `at` is after the dollar."""
    braced = text.startswith("{", at)
    match = _NAME.match(text, at + braced)
    if not match:
        return (None, at) if braced else ("$", at)
    name, end = match[0], match.end()
    if not braced:
        return known.get(name, ""), end
    close = _closing(text, end)
    if close is None:
        return None, end
    form = re.match(r"(:?)([-+])", text[end:close])
    if form:
        return _by_form(name, form, text[end + form.end() : close], known), close + 1
    return (known.get(name, "") if end == close else None), close + 1


def _by_form(name: str, form: re.Match[str], word: str, known: Mapping[str, str | None]) -> str | None:
    if name in known and known[name] is None:
        return None
    value = known.get(name)
    is_set = bool(value) if form[1] else value is not None
    if form[2] == "-":
        return value if is_set else expanded(word, known)
    return expanded(word, known) if is_set else ""


def _closing(text: str, at: int) -> int | None:
    depth = 1
    for end in range(at, len(text)):
        depth += (text[end] == "{") - (text[end] == "}")
        if not depth:
            return end
    return None


def _stage(instruction: Instruction) -> Stage:
    parts = instruction.arguments.split()
    named = len(parts) == 3 and parts[1].upper() == "AS"  # image AS name
    return Stage(
        instruction.line,
        _unquoted(parts[0]) if parts else "",
        parts[2] if named else None,
        instruction.flag("platform"),
    )


def _declared(instruction: Instruction) -> Iterator[tuple[str, str | None]]:
    for word in words(instruction.arguments) or instruction.arguments.split():
        name, given, default = word.partition("=")
        yield name, default if given else None


def _unquoted(text: str) -> str:
    return re.sub(r"['\"]", "", text)


def _sources(instruction: Instruction) -> Iterator[str]:
    if instruction.name == "FROM":
        yield _stage(instruction).image
    elif instruction.name in {"COPY", "ADD"} and (source := instruction.flag("from")):
        yield source
    elif instruction.name == "RUN":
        for flag in instruction.flags:
            name, _, options = flag.partition("=")
            if name == "--mount":
                yield from (option[5:] for option in options.split(",") if option.startswith("from="))


def _is_no_image(reference: str, instruction: Instruction) -> bool:
    """`scratch`, a stage by its number, or nothing."""
    return reference in {"", "scratch"} or (instruction.name != "FROM" and reference.isdecimal())


def _needs(instruction: Instruction, assumed: AbstractSet[str]) -> Iterator[Need]:
    line, inner = instruction.line, triggered(instruction)
    if inner.heredocs:
        yield Need(
            line,
            f"{inner.name} <<{inner.heredocs[0]}",
            "the classic builder fails, or runs nothing and succeeds",
        )
    for flag in inner.flags:
        name = flag.removeprefix("--").partition("=")[0]
        known = _HEALTHCHECK_FLAGS if inner.name == "HEALTHCHECK" else _CLASSIC_FLAGS.get(inner.name, set())
        if name not in known:
            yield Need(line, f"{inner.name} --{name}", "the classic builder refuses or ignores it")
    if inner.name == "ADD":
        for source in (words(inner.arguments) or inner.arguments.split())[:-1]:
            if _GIT_SOURCE.match(_unquoted(source).lstrip("[").rstrip(",")):
                yield Need(line, f"ADD {source}", "the classic builder does not clone")
    if inner.name == "FROM":
        used = " ".join((*inner.flags, inner.arguments))
        names = [name for name in re.findall(r"\$\{?([A-Za-z_]\w*)", used) if name in _PLATFORM_ARGS]
    else:
        names = [name for name, _ in _declared(inner) if name in assumed] if inner.name == "ARG" else []
    for name in names:
        yield Need(line, f"{inner.name} with {name}", "the classic builder does not set it")
