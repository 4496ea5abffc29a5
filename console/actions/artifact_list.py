"""List the artifacts of a task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.services import artifacts

if TYPE_CHECKING:
    from console.connection import Connection
    from console.domain.artifact import Artifact


async def list_artifacts(connection: Connection, task_id: str, run_id: int | None = None) -> list[Artifact]:
    """All artifacts of a run, unfinished ones and errors among them.

    Args:
        connection: whom to ask.
        task_id: of the task.
        run_id: of the run, or None for the last.

    Raises:
        Absent: there is no such task or run.
        RunnerError: as `Taskcluster.pages`.
    """
    return [found async for found in artifacts.listed(connection.taskcluster, task_id, run_id)]
