"""A secret of Taskcluster, whose content no repr, log or traceback shows."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Never

from runner.masking import MASK, Masked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

# How a value inside a body is reached: keys of objects and indices of lists.
Path = tuple[str | int, ...]


class SecretBody:
    """A secret's JSON object; `reveal` gives it, nothing else does."""

    __slots__ = ("_content",)

    def __init__(self, content: Mapping[str, object]) -> None:
        self._content = copy.deepcopy(dict(content))

    def reveal(self) -> dict[str, Any]:
        """A copy of the content."""
        return copy.deepcopy(self._content)

    def __repr__(self) -> str:
        return f"SecretBody({MASK})"

    def __eq__(self, other: object) -> bool:
        return (
            _typed(self._content) == _typed(other._content)
            if isinstance(other, SecretBody)
            else NotImplemented
        )

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> Never:
        raise TypeError("a secret is not pickled")


@dataclass(frozen=True, slots=True)
class SecretRecord:
    """A secret as the service has it.

    Args:
        body: its content.
        expires: when the service forgets it.
    """

    body: SecretBody
    expires: datetime


@dataclass(frozen=True, slots=True)
class NoSecret:
    """The service answers 404: never set, deleted, or expired."""


@dataclass(frozen=True, slots=True)
class HiddenSecret:
    """The service answers 403, which it does whether there is a secret or not.

    Args:
        scope: what the caller lacks.
    """

    scope: str


SecretState = SecretRecord | NoSecret | HiddenSecret


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value that is neither an object nor a list with something in it.

    Args:
        path: where it is.
        value: its text; of what is no text, its JSON.
    """

    path: Path
    value: Masked

    @property
    def name(self) -> str:
        """As a person reads and types it: `docker.password`."""
        return name_of(self.path)


def name_of(path: Path) -> str:
    """A path, its parts joined by dots."""
    return ".".join(map(str, path))


def walk(content: object, path: Path = ()) -> Iterator[tuple[Path, object]]:
    """The leaves of a JSON value, with their paths, in its own order."""
    parts: list[tuple[str | int, object]] = []
    if isinstance(content, dict):
        parts = [(str(key), value) for key, value in content.items()]
    elif isinstance(content, list):
        parts = list(enumerate(content))
    if not parts:
        if path:
            yield path, content
        return
    for key, value in parts:
        yield from walk(value, (*path, key))


def _typed(content: object) -> object:
    """JSON's own equality: 1, 1.0 and true are three values."""
    if isinstance(content, dict):
        return {key: _typed(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_typed(value) for value in content]
    return type(content), content
