"""Registry credentials, from every shape in which a Taskcluster secret keeps them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final, NamedTuple

from runner.image.reference import BadReference, Registry
from runner.masking import Masked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DOCKER_HUB: Final = Registry("docker.io")


class BadSecretShape(ValueError):
    """A secret that holds no usable credentials; the message names keys, never values."""


class RegistryCredentials(NamedTuple):
    """A user name and a password or token, for one registry and no other."""

    registry: Registry
    username: str
    password: Masked

    @property
    def basic(self) -> Masked:
        """`user:password` in base64, as HTTP Basic and Docker's configuration want it."""
        pair = f"{self.username}:{self.password.reveal()}"
        return Masked(base64.b64encode(pair.encode()).decode())


def credentials_from_secret(secret: Mapping[str, object], default_username: str) -> RegistryCredentials:
    """Read the credentials out of a secret's content.

    The four shapes in use: `{"dockerhub_password"}` (with an optional `dockerhub_username`; else
    `default_username`), `{"dockercfg": {HOST: {"auth"}}}`, `{"dockercfg": {"auths": {HOST: {"auth"}}}}`, and
    `{"docker": {"registry", "username", "password"}}`.

    Raises:
        BadSecretShape: none of the shapes, several of them, or several registries.
    """
    shapes = [key for key in ("dockerhub_password", "dockercfg", "docker") if key in secret]
    if not shapes:
        raise BadSecretShape(
            "it has none of the keys `dockerhub_password`, `dockercfg`, `docker`; "
            f"keys present: {_keys(secret)}"
        )
    if len(shapes) > 1:
        raise BadSecretShape(f"it is ambiguous: it has {' and '.join(f'`{shape}`' for shape in shapes)}")
    match shapes[0]:
        case "dockerhub_password":
            return _from_password(secret, default_username)
        case "dockercfg":
            return _from_dockercfg(_mapping(secret, "dockercfg"))
        case _:
            return _from_docker(_mapping(secret, "docker"))


def _from_password(secret: Mapping[str, object], default_username: str) -> RegistryCredentials:
    username = _text(secret, "dockerhub_username") if "dockerhub_username" in secret else default_username
    return RegistryCredentials(DOCKER_HUB, username, Masked(_text(secret, "dockerhub_password")))


def _from_docker(docker: Mapping[str, object]) -> RegistryCredentials:
    registry = (
        _registry(_text(docker, "registry", "docker"), "`docker.registry`")
        if "registry" in docker
        else DOCKER_HUB
    )
    username = _text(docker, "username", "docker")
    return RegistryCredentials(registry, username, Masked(_text(docker, "password", "docker")))


def _from_dockercfg(dockercfg: Mapping[str, object]) -> RegistryCredentials:
    auths = _mapping(dockercfg, "auths", "dockercfg") if "auths" in dockercfg else dockercfg
    entries = list(_dockercfg_entries(auths))
    if len(entries) != 1:
        raise BadSecretShape(
            f"`dockercfg` names {len(entries)} registries where exactly one is wanted; "
            f"keys present: {_keys(auths)}"
        )
    return entries[0]


def _dockercfg_entries(auths: Mapping[str, object]) -> Iterator[RegistryCredentials]:
    for key in auths:
        entry = _mapping(auths, key, "dockercfg")
        # Docker's key is a URL for Docker Hub alone: `https://index.docker.io/v1/`.
        host = key.removeprefix("https://").removeprefix("http://").partition("/")[0]
        username, password = _decoded_auth(entry, key) if "auth" in entry else _pair(entry, key)
        yield RegistryCredentials(_registry(host, f"the key {key[:100]!r}"), username, Masked(password))


def _pair(entry: Mapping[str, object], key: str) -> tuple[str, str]:
    return _text(entry, "username", key), _text(entry, "password", key)


def _decoded_auth(entry: Mapping[str, object], key: str) -> tuple[str, str]:
    auth = _text(entry, "auth", key)
    try:
        # Docker reads over the line ends that `base64` writes.
        decoded = base64.b64decode(auth.replace("\n", "").replace("\r", ""), validate=True).decode()
    except ValueError:
        raise BadSecretShape(f"`auth` of {key!r} is not base64") from None
    username, colon, password = decoded.partition(":")
    if not (colon and username and password):
        raise BadSecretShape(f"`auth` of {key!r} does not hold `user:password`")
    return username, password


def _registry(host: str, where: str) -> Registry:
    try:
        return Registry.parse(host)
    except BadReference:
        raise BadSecretShape(f"{where} is not a registry's host[:port]") from None


def _text(mapping: Mapping[str, object], key: str, parent: str = "") -> str:
    where = f"`{parent}.{key}`" if parent else f"`{key}`"
    if key not in mapping:
        raise BadSecretShape(f"{where} is missing; keys present: {_keys(mapping)}")
    value = mapping[key]
    if not isinstance(value, str) or not value:
        raise BadSecretShape(f"{where} is not a text, or is empty")
    if not value.isprintable() and any("\ud800" <= character <= "\udfff" for character in value):
        raise BadSecretShape(f"{where} has half a surrogate pair, which is no text")
    return value


def _mapping(mapping: Mapping[str, object], key: str, parent: str = "") -> Mapping[str, object]:
    value = mapping[key]
    if not isinstance(value, dict):
        raise BadSecretShape(f"`{parent}.{key}` is not an object" if parent else f"`{key}` is not an object")
    return value


def _keys(mapping: Mapping[str, object]) -> str:
    return ", ".join(f"`{key[:60]}`" for key in sorted(mapping)) or "none"
