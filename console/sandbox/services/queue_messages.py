"""queue: what it publishes when a task changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from console.sandbox.pulse import Message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.sandbox.deployment import Deployment
    from console.sandbox.services.queue_model import Task

_EXCHANGE: Final = "exchange/taskcluster-queue/v1/task-"
_OF_RUN: Final = ("runId", "workerGroup", "workerId")


def publish(deployment: Deployment, before: Task | None, task: Task) -> None:
    """Tell those who are bound to it of a change; see `messages`."""
    for message in messages(before, task):
        deployment.pulse.publish(message)


def messages(before: Task | None, task: Task) -> Iterator[Message]:
    """What tells of a change: that the task is there, and in what state it is now.

    Args:
        before: the task as it was stored, or None if it is new.
        task: as it is now.
    """
    if before is None:
        yield _message("defined", task, {})
    was = (before.state, len(before.runs)) if before is not None else ("unscheduled", 0)
    if (task.state, len(task.runs)) == was:
        return
    last = task.runs[-1]
    told: dict[str, Any] = {name: last[name] for name in _OF_RUN if name in last}
    if task.state == "running":
        told["takenUntil"] = last["takenUntil"]
    yield _message(task.state, task, told)


def _message(what: str, task: Task, told: dict[str, Any]) -> Message:
    last = task.runs[-1] if task.runs else {}
    words = [
        *("primary", task.task_id, *(str(last.get(name, "_")) for name in _OF_RUN)),
        *(
            task.definition["provisionerId"],
            task.definition["workerType"],
            task.scheduler_id,
            task.group_id,
            "_",
        ),
    ]
    payload = {"version": 1, "status": task.status(), **told, "task": {"tags": task.definition["tags"]}}
    routes = (f"route.{route}" for route in task.definition["routes"])
    return Message(f"{_EXCHANGE}{what}", (".".join(words), *routes), payload)
