"""Image references: `[registry[:port]/]repository[:tag][@digest]` (distribution/reference's grammar)."""

from __future__ import annotations

import re
from typing import NamedTuple, Self

from runner.image.digest import Digest

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z")
_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*\Z")
_HOST = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?\Z"
)
_LONGEST_NAME = 255
_LOOPBACK_V4 = re.compile(r"127\.\d{1,3}\.\d{1,3}\.\d{1,3}\Z")

DOCKER_HUB = "docker.io"
# All of these mean Docker Hub, but pushing to the last two fails (moby/moby#10732).
_DOCKER_HUB_ALIASES = frozenset(
    {"docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com", "hub.docker.com"}
)


class BadReference(ValueError):
    """A text that is no image reference."""


class Registry(NamedTuple):
    """A registry by its host and port; Docker Hub's several names are one."""

    host: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a host, with a port if it has one.

        Raises:
            BadReference: it is no host.
        """
        host = text.lower()
        if not _HOST.match(host):
            raise BadReference(f"{text[:100]!r} is not a registry's host[:port]")
        return cls(DOCKER_HUB if host in _DOCKER_HUB_ALIASES else host)

    @property
    def is_docker_hub(self) -> bool:
        """Whether this is Docker Hub, by exact host match."""
        return self.host == DOCKER_HUB

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine: plain HTTP needs no permission there."""
        name = self.host.rsplit(":", 1)[0] if not self.host.endswith("]") else self.host
        return name in {"localhost", "[::1]"} or bool(_LOOPBACK_V4.match(name))

    @property
    def endpoint(self) -> str:
        """The host that serves the API."""
        return "registry-1.docker.io" if self.is_docker_hub else self.host

    @property
    def auth_key(self) -> str:
        """The key under which Docker's configuration keeps this registry's credentials."""
        return "https://index.docker.io/v1/" if self.is_docker_hub else self.host

    def __str__(self) -> str:
        return self.host


class Repository(NamedTuple):
    """A repository in a registry; its `path` has no registry."""

    registry: Registry
    path: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a repository without tag or digest.

        Raises:
            BadReference: it is none.
        """
        reference = ImageReference.parse(text)
        if reference.tag or reference.digest:
            raise BadReference(f"{text[:300]!r} has a tag or a digest where a repository is wanted")
        return cls(reference.repository.registry, reference.repository.path)

    @property
    def familiar(self) -> str:
        """The name as `docker` shows it: without `docker.io/` and `library/`, where it then still means the same."""
        if not self.registry.is_docker_hub:
            return str(self)
        first, _, rest = self.path.partition("/")
        if first == "library" and "/" not in rest:
            return rest
        return str(self) if "." in first or first == "localhost" else self.path

    def tagged(self, tag: str) -> ImageReference:
        """This repository's image under a tag."""
        return ImageReference(self, tag=check_tag(tag))

    def at(self, digest: Digest) -> ImageReference:
        """This repository's image with a digest."""
        return ImageReference(self, digest=digest)

    def __str__(self) -> str:
        return f"{self.registry}/{self.path}"


class ImageReference(NamedTuple):
    """An image: a repository and, where given, a tag and a digest (the digest decides)."""

    repository: Repository
    tag: str | None = None
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a reference; the first part is a registry if it has a dot, a port, or is `localhost`.

        Raises:
            BadReference: it is none; the message says which part is wrong.
        """
        rest, digest = _split_digest(text)
        rest, tag = _split_tag(rest)
        first, slash, path = rest.partition("/")
        if slash and ("." in first or ":" in first or first == "localhost"):
            registry = Registry.parse(first)
        else:
            registry, path = Registry(DOCKER_HUB), rest
        if registry.is_docker_hub and "/" not in path:
            path = f"library/{path}"
        _check_path(path, text)
        return cls(Repository(registry, path), tag, digest)

    @property
    def familiar(self) -> str:
        """The reference as `docker` shows it."""
        return self.repository.familiar + self._suffix

    @property
    def manifest_name(self) -> str:
        """What to ask the registry for: the digest, else the tag, else `latest`."""
        return str(self.digest) if self.digest else self.tag or "latest"

    @property
    def _suffix(self) -> str:
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    def __str__(self) -> str:
        return f"{self.repository}{self._suffix}"


def check_tag(tag: str) -> str:
    """The tag itself, if it is one.

    Raises:
        BadReference: it is none.
    """
    if not _TAG.match(tag):
        raise BadReference(
            f"{tag[:150]!r} is not a tag: letters, digits, `_`, `.` and `-`, at most 128, "
            "not beginning with `.` or `-`"
        )
    return tag


def _split_digest(text: str) -> tuple[str, Digest | None]:
    rest, at, digest = text.partition("@")
    if not at:
        return rest, None
    try:
        return rest, Digest(digest)
    except ValueError as error:
        raise BadReference(f"{text[:300]!r}: {error}") from None


def _split_tag(text: str) -> tuple[str, str | None]:
    head, colon, tag = text.rpartition(":")
    if not colon or "/" in tag:  # the colon of host:port
        return text, None
    return head, check_tag(tag)


def _check_path(path: str, text: str) -> None:
    if not path or len(path) > _LONGEST_NAME:
        raise BadReference(f"{text[:300]!r}: a repository's name has 1 to {_LONGEST_NAME} characters")
    for component in path.split("/"):
        if not _COMPONENT.match(component):
            raise BadReference(
                f"{text[:300]!r}: {component[:100]!r} is not a part of a repository's name: "
                "lower-case letters and digits, separated by `.`, `_`, `__` or `-`"
            )
