"""The runner's errors: each class owns the exit code that a task ends with.

RunnerError
├── UsageError        2  flags, environment or lading.toml are wrong
│   └── SettingsError 2  every problem of the settings at once
├── BuildFailed       1  the user's Dockerfile
├── Refused           3  a scope, a credential or a permission is missing
├── Unavailable       4  registry, network, engine or Taskcluster; worth another run
├── IntegrityFailure  6  a digest differs, a tag is not what it should be
├── CannotTell        7  what would decide it cannot be read
├── Conflict          8  somebody else changed it meanwhile
└── Interrupted       130, 143  a signal
"""

from __future__ import annotations

from enum import IntEnum
from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class ExitCode(IntEnum):
    """What both programs answer their caller; `Unavailable` suits `onExitStatus.retry`."""

    OK = 0
    NO = 1
    USAGE = 2
    REFUSED = 3
    UNAVAILABLE = 4
    INTERNAL = 5
    INTEGRITY = 6
    CANNOT_TELL = 7
    CONFLICT = 8
    SIGINT = 130
    SIGTERM = 143


class RunnerError(Exception):
    """Something a user can understand: what happened, its likely cause, the next action.

    Args:
        what: what happened, one sentence.
        cause: the likely cause, or "" where `what` says it.
        action: what to do next, or "" where nothing can be done.
    """

    exit_code = ExitCode.INTERNAL

    def __init__(self, what: str, *, cause: str = "", action: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.cause = cause
        self.action = action

    def __str__(self) -> str:
        return " ".join(part for part in (self.what, self.cause, self.action) if part)


class UsageError(RunnerError):
    """The way the program was called is wrong."""

    exit_code = ExitCode.USAGE


class SettingsError(UsageError):
    """Every problem of the settings at once."""

    def __init__(self, problems: Sequence[str]) -> None:
        listed = "".join(f"\n  - {problem}" for problem in problems)
        super().__init__(f"The settings have {len(problems)} problem{'s'[: len(problems) != 1]}:{listed}")
        self.problems = tuple(problems)


class BuildFailed(RunnerError):
    """The Dockerfile did not build."""

    exit_code = ExitCode.NO


class Refused(RunnerError):
    """A scope, a credential or a permission is missing."""

    exit_code = ExitCode.REFUSED


class Unavailable(RunnerError):
    """Not available now: fit for another run."""

    exit_code = ExitCode.UNAVAILABLE


class IntegrityFailure(RunnerError):
    """A digest differs, or a tag is not what it should be."""

    exit_code = ExitCode.INTEGRITY


class CannotTell(RunnerError):
    """What would decide the question cannot be read."""

    exit_code = ExitCode.CANNOT_TELL


class Conflict(RunnerError):
    """Somebody else changed it meanwhile."""

    exit_code = ExitCode.CONFLICT


class Interrupted(RunnerError):
    """A signal ended the work."""

    def __init__(self, signal_number: int) -> None:
        name = {2: "SIGINT", 15: "SIGTERM"}.get(signal_number, f"signal {signal_number}")
        super().__init__(
            f"Ended by {name}.",
            cause="The worker was shut down, maxRunTime ran out, or somebody cancelled."
            if name == "SIGTERM"
            else "",
            action="A rerun completes what is missing.",
        )
        self.exit_code = ExitCode.SIGINT if name == "SIGINT" else ExitCode.SIGTERM


def place_of(error: BaseException) -> str:
    """An unexpected exception's type and place, without its text, which may hold a secret."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" at {PurePath(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else ""
    return f"{type(error).__name__}{place}"
