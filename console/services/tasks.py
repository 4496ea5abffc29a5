"""The queue's tasks and groups as values."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from console.domain.tasks import Task, task_of
from console.failures import Absent, MissingScopes, NoSuchRoute, Rejected
from runner.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from console.services.taskcluster import Taskcluster


async def status(taskcluster: Taskcluster, task_id: str) -> Task:
    """A task without its definition.

    Raises:
        Absent: there is none, or no longer.
        RunnerError: as `Taskcluster.call`.
    """
    found = await taskcluster.call("queue", "status", task_id)
    with _expected():
        return task_of(found["status"])


async def task(taskcluster: Taskcluster, task_id: str) -> Task:
    """A task with its definition; as `status`."""
    definition = await taskcluster.call("queue", "task", task_id)
    found = await taskcluster.call("queue", "status", task_id)
    with _expected():
        return task_of(found["status"], definition)


_AT_ONCE: Final = 100


async def several(taskcluster: Taskcluster, task_ids: Sequence[str]) -> dict[str, Task]:
    """Those of the tasks that there are, by id, with their definitions.

    Raises:
        RunnerError: as `Taskcluster.call`.
    """
    found: dict[str, Task] = {}
    for first in range(0, len(task_ids), _AT_ONCE):
        payload, query = {"taskIds": [*task_ids[first : first + _AT_ONCE]]}, {"limit": str(_AT_ONCE)}
        definitions = await taskcluster.call("queue", "tasks", payload=payload, query=query)
        statuses = await taskcluster.call("queue", "statuses", payload=payload, query=query)
        with _expected():
            by_id = {item["taskId"]: item["task"] for item in definitions["tasks"]}
            for item in statuses["statuses"]:
                if item["taskId"] in by_id:
                    found[item["taskId"]] = task_of(item["status"], by_id[item["taskId"]])
    return found


# A page of 1,000, which is what the queue gives unasked, takes 3 MB and keeps an event loop for 0.1 s.
_PAGE: Final = 200


async def group(taskcluster: Taskcluster, group_id: str) -> AsyncIterator[list[Task]]:
    """The tasks of a group, page by page.

    Raises:
        Absent: there is no such group.
        RunnerError: as `Taskcluster.pages`.
    """
    query = {"limit": str(_PAGE)}
    async for page in taskcluster.pages("queue", "listTaskGroup", group_id, key="tasks", query=query):
        await asyncio.sleep(0)
        with _expected():
            found = [task_of(item["status"], item["task"]) for item in page]
        yield found


async def ahead(taskcluster: Taskcluster, task_id: str) -> int | None:
    """How many tasks of its queue wait before a task, or None where that may not be known."""
    try:
        definition: dict[str, Any] = await taskcluster.call("queue", "task", task_id)
        queue = definition.get("taskQueueId") or f"{definition['provisionerId']}/{definition['workerType']}"
        number = 0
        async for page in taskcluster.pages("queue", "listPendingTasks", queue, key="tasks"):
            for item in page:
                if item["taskId"] == task_id:
                    return number
                number += 1
    except (MissingScopes, NoSuchRoute, Absent, Rejected, KeyError):
        return None
    return None


@contextmanager
def _expected() -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        raise Unavailable(
            "queue tells of a task in a shape that is not known.",
            cause="It may be no Taskcluster, or a newer one.",
        ) from error
