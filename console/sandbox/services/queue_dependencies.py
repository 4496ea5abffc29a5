"""queue: tasks that wait for others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from console.sandbox.failures import input_error
from console.sandbox.services.queue_model import load, save

if TYPE_CHECKING:
    from collections.abc import Mapping

    from console.sandbox.deployment import Deployment
    from console.sandbox.services.queue_model import Task
    from console.sandbox.store import Store


def remember(store: Store, task_id: str, definition: Mapping[str, Any]) -> None:
    """Store what a new task waits for; what is resolved already does not hold it up.

    Raises:
        ApiError: 400, some of it does not exist; the task then is not created.
    """
    required = {needed: load(store, needed) for needed in definition["dependencies"] if needed != task_id}
    absent = [needed for needed, task in required.items() if task is None]
    if absent:
        listed = "\n".join(f" * {needed}" for needed in absent)
        raise input_error(
            f"`task.dependencies` references non-existing tasks: \n{listed}\n"
            "All taskIds in `task.dependencies` **must** exist\nbefore the task is created.\n"
        )
    for needed in definition["dependencies"]:
        task = required.get(needed)
        is_met = task is not None and _meets(task, definition["requires"])
        store.run("insert into dependencies values (?, ?, ?)", task_id, needed, is_met)


def _meets(task: Task, requires: str) -> bool:
    return task.state == "completed" or (requires == "all-resolved" and task.is_resolved)


def is_ready(store: Store, task_id: str) -> bool:
    """Whether nothing holds the task up."""
    return store.one("select 1 from dependencies where dependent = ? and not is_met", task_id) is None


def resolved(deployment: Deployment, task: Task) -> None:
    """Schedule those that waited for this task alone."""
    store = deployment.store
    for row in store.all("select dependent from dependencies where required = ?", task.task_id):
        dependent = load(store, row["dependent"])
        if dependent is None or not _meets(task, dependent.definition["requires"]):
            continue
        store.run(
            "update dependencies set is_met = 1 where dependent = ? and required = ?",
            *(dependent.task_id, task.task_id),
        )
        is_due = dependent.state == "unscheduled" and dependent.deadline > deployment.now()
        if is_due and is_ready(store, dependent.task_id):
            dependent.schedule("scheduled", deployment.time())
            save(deployment, dependent)
