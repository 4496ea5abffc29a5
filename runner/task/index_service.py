"""The index: from a digest to the task that published it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.errors import Refused
from runner.task.taskcluster_http import TaskclusterError, quoted

if TYPE_CHECKING:
    from runner.image.digest import Digest
    from runner.task.taskcluster_http import Taskcluster


def digest_namespace(namespace: str, digest: Digest) -> str:
    """Where a digest's task stands below `namespace`."""
    return f"{namespace}.sha256.{digest.hex}"


def insert_task(taskcluster: Taskcluster, namespace: str, digest: Digest, task_id: str, expires: str) -> str:
    """Put a task under a digest; returns the namespace.

    Raises:
        Refused: the task lacks the scope.
        Unavailable: the index does not answer.
    """
    path = digest_namespace(namespace, digest)
    body = {"taskId": task_id, "rank": 0, "data": {}, "expires": expires}
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


def find_task(taskcluster: Taskcluster, namespace: str, digest: Digest) -> str | None:
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
    return str(answer["taskId"])
