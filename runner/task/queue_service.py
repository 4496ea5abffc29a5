"""What a task may read of the queue: definitions, runs, and other runs' public artifacts.

A task's own credentials cannot read even its own definition: all of this works where the deployment's
`anonymous` role or the task's `scopes` allow it, and is unknown elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.errors import Unavailable
from runner.task.taskcluster_http import TaskclusterError, quoted

if TYPE_CHECKING:
    from typing import Protocol

    class TaskSource(Protocol):
        """Where a task is read: Taskcluster, or a folder (`runner.verification_folder`)."""

        def call(self, method: str, service: str, path: str) -> Any:
            """The JSON that a service answers; see `Taskcluster.call`."""

        def fetch(self, service: str, path: str, limit: int) -> bytes:
            """The bytes behind a path; see `Taskcluster.fetch`."""


def task_definition(taskcluster: TaskSource, task_id: str) -> dict[str, Any]:
    """A task's definition.

    Raises:
        TaskclusterError: it does not exist or may not be read.
        Unavailable: the queue does not answer.
    """
    definition = taskcluster.call("GET", "queue", f"task/{quoted(task_id)}")
    return definition if isinstance(definition, dict) else {}


def own_definition(taskcluster: TaskSource, task_id: str) -> dict[str, Any] | None:
    """The definition of the task that this runs in, or None where it may not be read."""
    try:
        return task_definition(taskcluster, task_id)
    except (TaskclusterError, Unavailable):
        return None


def task_status(taskcluster: TaskSource, task_id: str) -> dict[str, Any]:
    """A task's status: its state and its runs.

    Raises:
        TaskclusterError: it does not exist or may not be read.
        Unavailable: the queue does not answer.
    """
    answer = taskcluster.call("GET", "queue", f"task/{quoted(task_id)}/status")
    status = answer.get("status") if isinstance(answer, dict) else None
    return status if isinstance(status, dict) else {}


def run_artifact(taskcluster: TaskSource, task_id: str, run_id: int, name: str, limit: int) -> bytes | None:
    """The content of one run's artifact, or None if the run has none of this name.

    Raises:
        TaskclusterError: it may not be read, or the worker left an error in its place.
        Unavailable: queue or storage do not answer, or it is longer than `limit` bytes.
    """
    path = f"task/{quoted(task_id)}/runs/{run_id}/artifacts/{quoted(name)}"
    try:
        return taskcluster.fetch("queue", path, limit)
    except TaskclusterError as error:
        if error.status in {404, 410}:
            return None
        raise


def run_artifacts(taskcluster: TaskSource, task_id: str, run_id: int) -> list[str]:
    """The names of a run's artifacts, all pages of them.

    Raises:
        TaskclusterError: they may not be listed.
        Unavailable: the queue does not answer.
    """
    path = f"task/{quoted(task_id)}/runs/{run_id}/artifacts"
    names: list[str] = []
    token = ""
    while True:
        answer = taskcluster.call(
            "GET", "queue", f"{path}?continuationToken={quoted(token)}" if token else path
        )
        names += [str(artifact["name"]) for artifact in answer["artifacts"]]
        token = str(answer.get("continuationToken") or "")
        if not token:
            return names
