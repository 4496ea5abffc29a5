"""The layout that another task built: fetched from its artifacts, and believed only as far as that task's statement."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from runner.errors import IntegrityFailure, Refused, UsageError
from runner.image.layout import INDEX_FILE, LAYOUT_FILE, Layout
from runner.task.event import EventKind
from runner.task.queue_service import (
    own_definition,
    run_artifact,
    run_artifacts,
    task_definition,
    task_status,
)
from runner.task.statement import STATEMENT_NAME, BadStatement, Statement
from runner.task.taskcluster_http import TaskclusterError, quoted
from runner.verification import belongs_to, is_of_pull_request

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from runner.job import Job
    from runner.task.taskcluster_http import Taskcluster

TASK_ID: Final = re.compile(r"[A-Za-z0-9_-]{22}\Z")
_LONGEST_STATEMENT: Final = 4 << 20
_PART: Final = re.compile(rf"{re.escape(LAYOUT_FILE)}|{re.escape(INDEX_FILE)}|blobs/sha256/[0-9a-f]{{64}}")


def fetch_layout(job: Job, taskcluster: Taskcluster, task_id: str, folder: Path) -> Layout:
    """Fetch a task's layout, once its statement says that it is of this repository and commit.

    Args:
        job: of the task that pushes.
        taskcluster: its proxy.
        task_id: of the task that built.
        folder: where the layout is put.

    Raises:
        Refused: the task has not completed, is a pull request's, or may not be read.
        UsageError: it left no layout, or several.
        IntegrityFailure: it is another repository's or commit's, or the layout is not what its statement says.
    """
    try:
        run_id = _completed_run(taskcluster, task_id)
        definition = task_definition(taskcluster, task_id)
        names = run_artifacts(taskcluster, task_id, run_id)
        statement = _statement(job, taskcluster, names, task_id, run_id)
        _check_origin(job, taskcluster, statement, definition, task_id)
        _download(
            taskcluster, names, f"task/{quoted(task_id)}/runs/{run_id}/artifacts/", folder, job.settings.image
        )
    except TaskclusterError as error:
        raise Refused(
            f"Task {task_id} cannot be read: {error.status} from {error.service}.",
            cause=f"Missing: {error.missing_scopes}." if error.missing_scopes else "",
        ) from error
    layout = Layout.read(folder)
    if layout.manifest.digest != statement.published:
        raise IntegrityFailure(
            f"Task {task_id} left a layout of {layout.manifest.digest}, and its statement says {statement.published}.",
            action="Build it again; nothing was pushed.",
        )
    return layout


def _completed_run(taskcluster: Taskcluster, task_id: str) -> int:
    runs = task_status(taskcluster, task_id).get("runs", [])
    completed = [int(run["runId"]) for run in runs if run.get("state") == "completed"]
    if not completed:
        raise Refused(
            f"No run of task {task_id} has completed.", action="Make this task depend on it: `dependencies`."
        )
    return completed[-1]


def _statement(job: Job, taskcluster: Taskcluster, names: list[str], task_id: str, run_id: int) -> Statement:
    found = [name for name in names if name.startswith("public/") and name.endswith(f"/{STATEMENT_NAME}")]
    own = f"{job.settings.artifact_prefix}{STATEMENT_NAME}"
    name = own if own in found else found[0] if len(found) == 1 else None
    content = run_artifact(taskcluster, task_id, run_id, name, _LONGEST_STATEMENT) if name else None
    if content is None:
        raise UsageError(f"Task {task_id} left no statement {own}: it is no `lading-runner build`.")
    try:
        statement = Statement.from_json(content)
    except BadStatement as error:
        raise IntegrityFailure(f"{name} of task {task_id} is no statement: {error}.") from error
    if (statement.task_id, statement.run_id) != (task_id, run_id):
        raise IntegrityFailure(
            f"Task {task_id} run {run_id} has the statement of task {statement.task_id} run {statement.run_id}."
        )
    return statement


def _check_origin(
    job: Job, taskcluster: Taskcluster, statement: Statement, definition: Mapping[str, Any], task_id: str
) -> None:
    scopes = [scope for scope in definition.get("scopes", ()) if isinstance(scope, str)]
    event = job.event
    if statement.event.get("kind") == EventKind.PULL_REQUEST or is_of_pull_request(
        scopes, event.host, event.slug
    ):
        raise Refused(
            f"Task {task_id} built a pull request, which is not pushed.",
            action="Push what a task built for a branch or a tag.",
        )
    if statement.source != event.source:
        raise IntegrityFailure(f"Task {task_id} built {statement.source}, and this task is {event.source}'s.")
    if statement.revision != job.revision:
        raise IntegrityFailure(
            f"Task {task_id} built commit {statement.revision}, and this task is about {job.revision}."
        )
    if belongs_to(scopes, event.host, event.slug):
        return
    # A statement's source is its own claim. A build task needs no scope that proves it: then this task must name it.
    own = own_definition(taskcluster, job.task.task_id) or {}
    if task_id not in own.get("dependencies", ()):
        raise Refused(
            f"Nothing shows that task {task_id} is {event.source}'s.",
            cause="It has none of the repository's scopes, and this task does not depend on it.",
            action="Name it in this task's `dependencies`.",
        )


def _download(taskcluster: Taskcluster, names: list[str], path: str, folder: Path, image: str) -> None:
    tops = [name.removesuffix(LAYOUT_FILE) for name in names if name.endswith(f"/{LAYOUT_FILE}")]
    named = [top for top in tops if f"/{image}/" in top]
    if len(tops) != 1 and len(named) != 1:
        raise UsageError(
            f"The task left {len(tops)} layouts among its artifacts.",
            action="Declare the folder of `lading-runner build --output` as an artifact.",
        )
    top = tops[0] if len(tops) == 1 else named[0]
    for name in names:
        part = name.removeprefix(top)
        if part != name and _PART.fullmatch(part):
            target = folder / part
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                taskcluster.download("queue", path + quoted(name), file)
