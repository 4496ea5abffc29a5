"""The index: from a digest to the task that published it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from runner.errors import Refused
from runner.task.taskcluster_http import TaskclusterError, quoted

if TYPE_CHECKING:
    from runner.image.digest import Digest
    from runner.task.queue_service import TaskSource
    from runner.task.taskcluster_http import Taskcluster


def digest_namespace(namespace: str, digest: Digest) -> str:
    """Where a digest's task stands below `namespace`."""
    return f"{namespace}.sha256.{digest.hex}"


class IndexEntry(NamedTuple):
    """A task in the index, and the digest of its statement's bytes as it was when the task put it there."""

    task_id: str
    statement: str | None


def insert_task(
    taskcluster: Taskcluster, namespace: str, digest: Digest, entry: IndexEntry, expires: str
) -> str:
    """Put a task under a digest; returns the namespace.

    Raises:
        Refused: the task lacks the scope.
        Unavailable: the index does not answer.
    """
    path = digest_namespace(namespace, digest)
    data = {"statement": entry.statement} if entry.statement else {}
    body = {"taskId": entry.task_id, "rank": 0, "data": data, "expires": expires}
    try:
        taskcluster.call("PUT", "index", f"task/{quoted(path)}", body)
    except TaskclusterError as error:
        if error.status != 403:
            raise Refused(f"The index did not take the task: {error}.") from error
        raise Refused(
            f"403 from index: this task lacks `index:insert-task:{path}`.",
            action=f"Add `index:insert-task:{namespace}.sha256.*` to `scopes` in .taskcluster.yml "
            "and to the role.",
        ) from error
    return path


def find_task(taskcluster: TaskSource, namespace: str, digest: Digest) -> IndexEntry | None:
    """The task that stands under a digest, or None.

    Raises:
        TaskclusterError: the index may not be read.
        Unavailable: it does not answer.
    """
    try:
        answer = taskcluster.call("GET", "index", f"task/{quoted(digest_namespace(namespace, digest))}")
    except TaskclusterError as error:
        if error.status == 404:
            return None
        raise
    data = answer.get("data")
    statement = data.get("statement") if isinstance(data, dict) else None
    return IndexEntry(str(answer["taskId"]), statement if isinstance(statement, str) else None)
