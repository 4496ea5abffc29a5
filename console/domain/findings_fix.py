"""The steps that turn a finding green, each as a value that a program can take."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class RunCommand:
    """A command to run.

    Args:
        words: the command line.
    """

    words: tuple[str, ...]

    @property
    def command(self) -> str:
        """As it is typed."""
        return shlex.join(self.words)

    def as_json(self) -> dict[str, Any]:
        """The step as data."""
        return {"kind": "command", "command": self.command, "words": list(self.words)}


@dataclass(frozen=True, slots=True, kw_only=True)
class EditRole:
    """A role's scopes to change.

    Args:
        role_id: which.
        add: scopes that it lacks.
        remove: scopes that it must not have.
        stated: what it states now, none where there is no such role; None where it could not be read.
    """

    role_id: str
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    stated: tuple[str, ...] | None = ()

    @property
    def scopes(self) -> tuple[str, ...] | None:
        """All that it is to state: the standard input of the command; None where that is not known."""
        if self.stated is None:
            return None
        return tuple(sorted({*self.stated, *self.add} - set(self.remove)))

    @property
    def command(self) -> str:
        """As it is typed: all of the scopes go to its standard input; the last of them cannot be taken out so."""
        words = ("lading", "role", "set", self.role_id)
        if not self.scopes:
            return shlex.join(words)
        return f"printf '%s\\n' {shlex.join(self.scopes)} | {shlex.join((*words, '--yes'))}"

    def as_json(self) -> dict[str, Any]:
        """The step as data."""
        return {
            "kind": "role",
            "command": self.command,
            "role": self.role_id,
            "add": list(self.add),
            "remove": list(self.remove),
            "scopes": None if self.scopes is None else list(self.scopes),
        }


@dataclass(frozen=True, slots=True)
class ConfigureRole:
    """A generated role: the configuration repository is to be changed.

    Args:
        role_id: which.
        add: scopes that it lacks.
        remove: scopes that it must not have.
        text: what to put into the repository; "" where something is to be taken out.
    """

    role_id: str
    add: tuple[str, ...]
    remove: tuple[str, ...]
    text: str

    @property
    def command(self) -> str:
        """There is none."""
        return ""

    def as_json(self) -> dict[str, Any]:
        """The step as data."""
        return {
            "kind": "configuration",
            "role": self.role_id,
            "add": list(self.add),
            "remove": list(self.remove),
            "text": self.text,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateSecret:
    """Registry credentials to set anew in a secret.

    Args:
        secret: its name.
        registry: whose, or "" for the one in use.
        user: who, or "" for the one in use.
        expires: when, or "" to keep what is there.
    """

    secret: str
    registry: str = ""
    user: str = ""
    expires: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """The command line; it asks for the token, or reads it from standard input."""
        options = {"--registry": self.registry, "--user": self.user, "--expires": self.expires}
        given = (word for option, value in options.items() if value for word in (option, value))
        return ("lading", "secret", "rotate", self.secret, *given)

    @property
    def command(self) -> str:
        """As it is typed."""
        return shlex.join(self.words)

    def as_json(self) -> dict[str, Any]:
        """The step as data."""
        return {"kind": "secret", "command": self.command, "name": self.secret, "words": list(self.words)}


class How(StrEnum):
    """What is done to a member."""

    SET = "set"
    ADD = "add"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Edit:
    """One member of a task or of an image's settings to change.

    Args:
        path: from the task, or from `[image.NAME]`.
        how: SET replaces it, ADD adds the value to a list, REMOVE takes the member, or the value in a list, out.
        value: in json-e for a task.
    """

    path: tuple[str | int, ...]
    how: How
    value: Any = None

    def __str__(self) -> str:
        where = ".".join(map(str, self.path))
        return f"{self.how} {where}" + ("" if self.value is None else f": {self.value}")


@dataclass(frozen=True, slots=True, kw_only=True)
class EditFile:
    """A file of the repository to change.

    Args:
        file: its name.
        line: where, from 1; 0 where that is not known.
        task: which of the task file's own tasks, from 0, that the edits are about.
        image: which `[image.NAME]` of lading.toml.
        edits: what to change; none where only a person can tell.
    """

    file: str
    line: int = 0
    task: int = 0
    image: str = ""
    edits: Sequence[Edit] = ()

    @property
    def command(self) -> str:
        """There is none."""
        return ""

    def as_json(self) -> dict[str, Any]:
        """The step as data."""
        edits = [{"path": list(edit.path), "how": str(edit.how), "value": edit.value} for edit in self.edits]
        place = {"image": self.image} if self.image else {"task": self.task}
        return {"kind": "file", "file": self.file, "line": self.line, **place, "edits": edits}


@dataclass(frozen=True, slots=True)
class AtRegistry:
    """Something that is done at the registry, with its own tools.

    Args:
        repository: `registry/path`.
        what: `grant push` or `remove tag`.
        whom: the user, or the tag.
    """

    repository: str
    what: str
    whom: str

    @property
    def command(self) -> str:
        """There is none."""
        return ""

    def as_json(self) -> dict[str, Any]:
        """The step as data."""
        return {"kind": "registry", "repository": self.repository, "what": self.what, "whom": self.whom}


Fix: TypeAlias = "RunCommand | EditRole | ConfigureRole | RotateSecret | EditFile | AtRegistry"

NEW_TASK_FILE: Final = RunCommand(("lading", "task", "init", "--pool", "POOL", "--print"))
"""Shows files that publish, in place of those that are out of date or not there."""
