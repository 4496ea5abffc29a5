"""All that can be told of one build's task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.actions.artifact_list import list_artifacts
from console.actions.build_report import REPORT, STATEMENT, named, read_json
from console.domain.build_timeline import TimelineStep, timeline
from console.domain.builds import tells_result
from console.failures import Absent, MissingScopes
from console.services import tasks
from runner.errors import RunnerError

if TYPE_CHECKING:
    from console.connection import Connection
    from console.domain.artifact import Artifact
    from console.domain.builds import Task


@dataclass(frozen=True, slots=True)
class TaskDetail:
    """A task.

    Args:
        task: with its definition and runs.
        artifacts: of its last run.
        timeline: from the decision to the push.
        digest: that it published, or "".
        tags: that it pushed, with their states.
        dependencies: the tasks that it waits for; one that is there no longer is left out.
        problems: what could not be read, in words.
    """

    task: Task
    artifacts: tuple[Artifact, ...]
    timeline: tuple[TimelineStep, ...]
    digest: str
    tags: tuple[tuple[str, str], ...]
    dependencies: tuple[Task, ...]
    problems: tuple[str, ...]


async def read_task(connection: Connection, task_id: str) -> TaskDetail:
    """A task with what it left behind.

    Raises:
        Absent: there is no such task.
        RunnerError: as `Taskcluster.call`.
    """
    task = await tasks.task(connection.taskcluster, task_id)
    problems: list[str] = []
    found: list[Artifact] = []
    try:
        found = await list_artifacts(connection, task_id) if task.runs else []
    except RunnerError as error:
        problems.append(str(error))
    report, statement = None, None
    for artifact in named(found, REPORT)[:1]:
        report, problem = await read_json(connection, artifact)
        problems.extend([problem] if problem else [])
    for artifact in named(found, STATEMENT)[:1]:
        statement, problem = await read_json(connection, artifact)
        problems.extend([problem] if problem else [])
    decision = None
    if task.group_id != task_id:
        decision = await _task(connection, task.group_id)
    dependencies = [await _task(connection, needed) for needed in task.dependencies[:20]]
    digest, tags = tells_result(statement)
    return TaskDetail(
        task,
        tuple(found),
        timeline(task, decision=decision, report=report),
        digest,
        tags,
        tuple(needed for needed in dependencies if needed is not None),
        tuple(problems),
    )


async def _task(connection: Connection, task_id: str) -> Task | None:
    try:
        return await tasks.task(connection.taskcluster, task_id)
    except (Absent, MissingScopes):
        return None
