"""What will keep a push from publishing, as far as a task can know by itself: pure decisions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from runner.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runner.errors import RunnerError


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at, what was seen, and the one next action."""

    name: str
    level: Level
    seen: str
    action: str = ""
    exit_code: ExitCode = ExitCode.OK


def problem(name: str, error: RunnerError) -> Finding:
    """An error that publish would end with."""
    seen = f"{error.what} {error.cause}".strip()
    return Finding(name, Level.PROBLEM, seen, error.action, error.exit_code)


def exit_code_of(findings: Iterable[Finding]) -> ExitCode:
    """What publish would exit with: the first problem's code; what is unknown does not stop it."""
    return next((finding.exit_code for finding in findings if finding.level is Level.PROBLEM), ExitCode.OK)
