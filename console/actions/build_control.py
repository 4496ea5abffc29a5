"""Cancel, rerun and reorder builds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.domain.tasks import Task, task_of
from console.services import tasks
from runner.errors import Conflict

if TYPE_CHECKING:
    from console.connection import Connection


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What came of a cancellation.

    Args:
        ended: how many tasks it ended; those that had ended before are not among them.
        of: how many there are.
    """

    ended: int
    of: int


async def cancel_task(connection: Connection, task_id: str) -> Task:
    """End a task; one that has ended stays as it is, which the answer shows.

    Its worker learns of it when it next reports to the queue.

    Raises:
        Conflict: its deadline is past.
        RunnerError: as `Taskcluster.call`.
    """
    found = await connection.taskcluster.call("queue", "cancelTask", task_id)
    return task_of(found["status"])


async def cancel_group(connection: Connection, group_id: str) -> Cancelled:
    """Seal a group, for good, then end all its tasks that have not ended: the queue wants it so.

    Raises:
        RunnerError: as `Taskcluster.call`.
    """
    await connection.taskcluster.call("queue", "sealTaskGroup", group_id)
    found = await connection.taskcluster.call("queue", "cancelTaskGroup", group_id)
    return Cancelled(int(found["cancelledCount"]), int(found["taskGroupSize"]))


async def rerun_task(connection: Connection, task_id: str) -> Task:
    """Run a task once more, by the same definition; what it has pushed it finds and leaves.

    Raises:
        Conflict: it runs or waits already, or its deadline is past.
        RunnerError: as `Taskcluster.call`.
    """
    before = await tasks.status(connection.taskcluster, task_id)
    if before.state in {"pending", "running"}:
        raise Conflict(
            f"Task {task_id} is {before.state}: there is nothing to run again.",
            action="Wait for its end, or cancel it first.",
        )
    found = await connection.taskcluster.call("queue", "rerunTask", task_id)
    return task_of(found["status"])


async def change_priority(connection: Connection, task_id: str, priority: str) -> Task:
    """Change a task's place among those that wait.

    Args:
        connection: whom to ask.
        task_id: of the task.
        priority: one of `PRIORITIES`.

    Raises:
        Conflict: it has that priority, or its deadline is past.
        RunnerError: as `Taskcluster.call`.
    """
    before = await tasks.status(connection.taskcluster, task_id)
    if before.priority == priority:
        raise Conflict(f"Task {task_id} has the priority {priority} already.")
    payload = {"newPriority": priority}
    found = await connection.taskcluster.call("queue", "changeTaskPriority", task_id, payload=payload)
    return task_of(found["status"])
