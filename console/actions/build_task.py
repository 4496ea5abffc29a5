"""All that can be told of one build's task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from console.actions.artifact_list import list_artifacts
from console.actions.build_report import REPORT, STATEMENT, named, read_json
from console.domain.build_result import BuildResult, result_of
from console.domain.build_timeline import TimelineStep, timeline
from console.failures import Absent, MissingScopes
from console.services import tasks
from runner.errors import RunnerError

if TYPE_CHECKING:
    from console.connection import Connection
    from console.domain.artifact import Artifact
    from console.domain.tasks import Task


_MOST_IMAGES: Final = 20
_MOST_DEPENDENCIES: Final = 20


@dataclass(frozen=True, slots=True)
class TaskDetail:
    """A task.

    Args:
        task: with its definition and runs.
        artifacts: of its last run.
        timeline: from the decision to the push.
        results: what came of each image, in the order of their artifacts.
        dependencies: the tasks that it waits for; one that is there no longer is left out.
        problems: what could not be read, in words.
    """

    task: Task
    artifacts: tuple[Artifact, ...]
    timeline: tuple[TimelineStep, ...]
    results: tuple[BuildResult, ...]
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
    reports = await _by_image(connection, found, REPORT, problems)
    statements = await _by_image(connection, found, STATEMENT, problems)
    decision = None
    if task.group_id != task_id:
        decision = await _task(connection, task.group_id)
    if len(task.dependencies) > _MOST_DEPENDENCIES:
        problems.append(
            f"It waits for {len(task.dependencies)} tasks: the first {_MOST_DEPENDENCIES} are shown."
        )
    dependencies = [await _task(connection, needed) for needed in task.dependencies[:_MOST_DEPENDENCIES]]
    return TaskDetail(
        task,
        tuple(found),
        timeline(task, decision=decision, reports=[*reports.values()]),
        tuple(
            result_of(reports.get(image), statements.get(image))
            for image in dict.fromkeys([*reports, *statements])
        ),
        tuple(needed for needed in dependencies if needed is not None),
        tuple(problems),
    )


async def _by_image(
    connection: Connection, found: list[Artifact], name: str, problems: list[str]
) -> dict[str, object]:
    """The JSON of each image's artifact of that name, by the folder that it is in."""
    read: dict[str, object] = {}
    for artifact in named(found, name)[:_MOST_IMAGES]:
        content, problem = await read_json(connection, artifact)
        if problem:
            problems.append(problem)
        else:
            read[artifact.name.removesuffix(name)] = content
    return read


async def _task(connection: Connection, task_id: str) -> Task | None:
    try:
        return await tasks.task(connection.taskcluster, task_id)
    except (Absent, MissingScopes):
        return None
