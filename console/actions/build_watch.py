"""Watch a task, or all tasks of a group, to the end."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from console.domain.group_progress import Glance, Standing, TaskChange, standing
from console.failures import Absent
from console.services import tasks
from runner.errors import Unavailable
from runner.retry import Backoff

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from console.connection import Connection
    from console.domain.tasks import Task


@dataclass(frozen=True, slots=True)
class WatchPace:
    """How often is asked; sleep and randomness are the connection's pace's.

    Args:
        backoff: waits between two looks: the first after a change, then longer ones.
        many: how many tasks may be looked at so often; of twice as many each wait is twice as long.
        longest: seconds that no wait exceeds, however many they are.
        failures: looks in a row that may fail; each has made several attempts.
    """

    backoff: Backoff = field(default_factory=lambda: Backoff(attempts=0, first=1.0, longest=10.0))
    many: int = 1000
    longest: float = 300.0
    failures: int = 3

    def wait(self, quiet: int, tasks: int, jitter: float) -> float:
        """Seconds until the next look, after so many looks that saw no change, at so many tasks."""
        return min(self.backoff.wait(quiet, None, jitter) * max(1.0, tasks / self.many), self.longest)


@dataclass(frozen=True, slots=True)
class Watched:
    """What is watched.

    Args:
        group_id: the group, or the one that the task is in.
        task_id: the one task that is watched, or None for the whole group.
    """

    group_id: str
    task_id: str | None


async def what_to_watch(connection: Connection, task_or_group: str) -> Watched:
    """A group where the id names one; otherwise the task.

    A task that a push creates alone has the id of its group, and a decision task's group is what it creates.

    Raises:
        Absent: it is the id of neither.
        RunnerError: as `Taskcluster.call`.
    """
    try:
        task = await tasks.status(connection.taskcluster, task_or_group)
    except Absent:
        await connection.taskcluster.call("queue", "getTaskGroup", task_or_group)
        return Watched(task_or_group, None)
    return Watched(task.group_id, None if task.group_id == task_or_group else task_or_group)


async def watch(
    connection: Connection, watched: Watched, pace: WatchPace | None = None
) -> AsyncGenerator[TaskChange | Standing, None]:
    """The changes as they are seen, the first look's among them, then how it ended.

    Args:
        connection: whom to ask.
        watched: what.
        pace: how often.

    Raises:
        Absent: it is there no longer.
        Unavailable: the queue does not answer, however often it is asked.
        RunnerError: as `Taskcluster.call`.
    """
    pace = pace or WatchPace()
    waits = connection.taskcluster.pace
    seen: dict[str, Glance] = {}
    quiet = failed = 0
    while True:
        changed = False
        try:
            async with contextlib.aclosing(_looked(connection, watched)) as found:
                async for task in found:
                    glance, known = Glance.at(task), seen.get(task.task_id)
                    seen[task.task_id] = glance
                    if known is None or (known.result, known.run) != (glance.result, glance.run):
                        changed = True
                        yield TaskChange(task, known.state if known else None)
        except Unavailable as error:
            failed += 1
            if failed > pace.failures:
                raise
            waits.notice(f"{error.what} It is asked again.")
        else:
            failed = 0
            end = standing(seen)
            if end is not None:
                yield end
                return
        quiet = 1 if changed else min(quiet + 1, 10)
        await waits.sleep(pace.wait(quiet, len(seen), waits.jitter()))


async def _looked(connection: Connection, watched: Watched) -> AsyncGenerator[Task, None]:
    if watched.task_id is not None:
        found = await tasks.task(connection.taskcluster, watched.task_id)
        yield found
        return
    async for page in tasks.group(connection.taskcluster, watched.group_id):
        for task in page:
            yield task
