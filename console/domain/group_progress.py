"""Whether a group of tasks has come to its end, and to which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.domain.builds import COMPLETED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from console.domain.builds import Task


@dataclass(frozen=True, slots=True)
class TaskChange:
    """A task that is new, or not as it was.

    Args:
        task: as it is now.
        before: its state before, or None for one that was not known.
    """

    task: Task
    before: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How several tasks stand.

    Args:
        counts: tasks by state.
        unsuccessful: those that failed or were ended, and those that wait for such.
    """

    counts: Mapping[str, int]
    unsuccessful: tuple[str, ...]

    @property
    def is_success(self) -> bool:
        """Whether all completed."""
        return not self.unsuccessful and set(self.counts) <= {COMPLETED}


@dataclass(frozen=True, slots=True)
class Glance:
    """What is kept of a task between two looks at a group of many.

    Args:
        state: its state.
        run: the number of its runs.
        result: with the reason of an exception.
        waits_for: what it waits for, where it has not been scheduled.
        needs_success: whether those must complete.
    """

    state: str
    run: int
    result: str
    waits_for: tuple[str, ...]
    needs_success: bool

    @classmethod
    def at(cls, task: Task) -> Glance:
        """What is kept of a task."""
        waits = task.dependencies if task.state == "unscheduled" else ()
        return cls(task.state, len(task.runs), task.result, waits, task.needs_success)


def never_run(seen: Mapping[str, Glance]) -> frozenset[str]:
    """The tasks that stay unscheduled until their deadline, for what they wait for did not complete.

    Args:
        seen: the tasks of a group by id.
    """
    doomed: set[str] = set()
    while True:
        more = {
            task_id
            for task_id, glance in seen.items()
            if task_id not in doomed and glance.state == "unscheduled" and _is_doomed(glance, seen, doomed)
        }
        if not more:
            return frozenset(doomed)
        doomed |= more


def _is_doomed(glance: Glance, seen: Mapping[str, Glance], doomed: set[str]) -> bool:
    if any(needed in doomed for needed in glance.waits_for):
        return True
    states = (seen[needed].state for needed in glance.waits_for if needed in seen)
    return glance.needs_success and any(state in {"failed", "exception"} for state in states)


def standing(seen: Mapping[str, Glance]) -> Standing | None:
    """How the tasks ended, or None while one may still change."""
    doomed = never_run(seen)
    counts: dict[str, int] = {}
    wrong = []
    for task_id, glance in seen.items():
        if glance.state in {"pending", "running"} or (
            glance.state == "unscheduled" and task_id not in doomed
        ):
            return None
        counts[glance.state] = counts.get(glance.state, 0) + 1
        if glance.state != COMPLETED:
            wrong.append(task_id)
    return Standing(counts, tuple(wrong))
