"""What a build's image is verified against: read of its task's statement and of the checkout."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from console.actions.artifact_list import list_artifacts
from console.actions.build_report import STATEMENT, named
from console.actions.repository import repository_of
from console.domain.verify_demand import Known, demand_of
from console.failures import Absent, MissingScopes
from console.services import artifacts, tasks
from runner.settings import Settings
from runner.task.statement import BadStatement, Statement

if TYPE_CHECKING:
    from pathlib import Path

    from console.connection import Connection

_MOST = 4 << 20
# Of a group: a build is a decision and a few tasks.
_LOOKED_AT = 20


async def demand_for(connection: Connection, folder: Path, task_id: str) -> list[str]:
    """The words of `lading verify` for what a task, or a task of its group, published.

    Args:
        connection: an open connection.
        folder: the checkout.
        task_id: of the task, or of the first of a group.

    Raises:
        RunnerError: as `Taskcluster.call`, but for what is absent or may not be read.
    """
    known = await asyncio.to_thread(_known, folder)
    statement = await _statement(connection, task_id)
    if statement is not None:
        return demand_of(task_id, statement, known)
    for other in await _others(connection, task_id):
        statement = await _statement(connection, other)
        if statement is not None:
            return demand_of(other, statement, known)
    return demand_of(task_id, None, known)


def _known(folder: Path) -> Known:
    repository = repository_of(folder)
    images = [image for image in repository.images if isinstance(image, Settings)]
    return Known(
        repository.slug,
        tuple(image.repository for image in images),
        frozenset(host for image in images for host in image.insecure_registries),
    )


async def _others(connection: Connection, group_id: str) -> list[str]:
    """The tasks of a group whose first is meant; none where it is one task of another group."""
    try:
        async for page in tasks.group(connection.taskcluster, group_id):
            return [task.task_id for task in page if task.task_id != group_id][:_LOOKED_AT]
    except (Absent, MissingScopes):
        pass
    return []


async def _statement(connection: Connection, task_id: str) -> Statement | None:
    try:
        for artifact in named(await list_artifacts(connection, task_id), STATEMENT)[:1]:
            content = await artifacts.content(
                connection.taskcluster, task_id, artifact.run_id, artifact.name, most=_MOST
            )
            return Statement.from_json(content)
    except (Absent, MissingScopes, BadStatement):
        pass
    return None
