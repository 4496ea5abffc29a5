"""Whether a group of tasks has come to its end, and to which."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from console.domain.tasks import COMPLETED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from console.domain.tasks import Task


_BAD: Final = frozenset({"failed", "exception"})


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


class Glance(NamedTuple):
    """What is kept of a task between two looks at a group of many: as little as can be.

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
        """What is kept of a task; the same object for tasks that stand alike, as most of a large group do."""
        waits = task.dependencies if task.state == "unscheduled" else ()
        return _alike(cls(task.state, len(task.runs), task.result, waits, task.needs_success))


@lru_cache(maxsize=4096)
def _alike(glance: Glance) -> Glance:
    return glance


def never_run(seen: Mapping[str, Glance]) -> frozenset[str]:
    """The tasks that stay unscheduled until their deadline, for what they wait for did not complete.

    Args:
        seen: the tasks of a group by id.
    """
    waiting: dict[str, list[str]] = {}
    for task_id, glance in seen.items():
        if glance.state == "unscheduled":
            for needed in glance.waits_for:
                waiting.setdefault(needed, []).append(task_id)
    ended_badly = {needed for needed in waiting if needed in seen and seen[needed].state in _BAD}
    doomed = {task_id for needed in ended_badly for task_id in waiting[needed] if seen[task_id].needs_success}
    beyond = [*doomed]
    while beyond:
        for task_id in waiting.get(beyond.pop(), ()):
            if task_id not in doomed:
                doomed.add(task_id)
                beyond.append(task_id)
    return frozenset(doomed)


def standing(seen: Mapping[str, Glance]) -> Standing | None:
    """How the tasks ended, or None while one may still change."""
    if any(glance.state in {"pending", "running"} for glance in seen.values()):
        return None
    doomed = never_run(seen)
    counts: dict[str, int] = {}
    wrong = []
    for task_id, glance in seen.items():
        if glance.state == "unscheduled" and task_id not in doomed:
            return None
        counts[glance.state] = counts.get(glance.state, 0) + 1
        if glance.state != COMPLETED:
            wrong.append(task_id)
    return Standing(counts, tuple(wrong))
