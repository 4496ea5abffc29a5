"""What is read of an image's task: how it is found, its definition, its run's statement and signature."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from runner.chain_of_trust import CHAIN_NAME, SIGNATURE_NAME, SignedChain
from runner.errors import RunnerError, Unavailable
from runner.image.digest import Digest
from runner.task.image_metadata import BUILD_LABEL
from runner.task.index_service import find_task
from runner.task.queue_service import run_artifact, run_artifacts, task_definition, task_status
from runner.task.report import REPORT_NAME, reported_statement
from runner.task.statement import STATEMENT_NAME, BadStatement, Statement
from runner.task.taskcluster_http import TaskclusterError
from runner.verification_image import stated_images

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from runner.task.queue_service import TaskSource
    from runner.verification_values import Evidence

_LONGEST_STATEMENT: Final = 4 << 20
_LONGEST_CHAIN: Final = 16 << 20
_SINGLE: Final = f"public/{STATEMENT_NAME}"
_TASK_URL: Final = re.compile(r"https?://[^/]+/tasks/(?P<task>[A-Za-z0-9_-]{22})/runs/(?P<run>\d+)\Z")


@dataclass(frozen=True, slots=True)
class Lookup:
    """How the task is found.

    Args:
        task: its id, or None.
        index: the namespace under which digests are found, or None.
        signed: whether Chain of Trust is asked for.
        saved: whose status is in the folder that all is read from, or None.
    """

    task: str | None = None
    index: str | None = None
    signed: bool = False
    saved: str | None = None


def gather_known(
    taskcluster: TaskSource, lookup: Lookup, evidence: Evidence, labels: Mapping[str, str]
) -> Evidence:
    """The same for what is known of an image without its manifest, such as what an engine tells.

    Args:
        taskcluster: who is trusted.
        lookup: how the task is found.
        evidence: what is known.
        labels: the image's, which may hint at its task.
    """
    if lookup.saved is not None:
        found = _Found(lookup.saved, "of the folder")
    else:
        found = _task(taskcluster, lookup, evidence.digest, labels)
    if found.task_id is None:
        return replace(evidence, why_no_statement=found.why)
    return _of_task(taskcluster, evidence, found, signed=lookup.signed)


@dataclass(frozen=True, slots=True)
class _Found:
    """A task and how it was found, or why not; `recorded` is the statement's digest as the index has it."""

    task_id: str | None
    by: str = ""
    why: str = ""
    recorded: str | None = None


def _task(taskcluster: TaskSource, lookup: Lookup, digest: Digest, labels: Mapping[str, str]) -> _Found:
    if lookup.task is not None:
        return _Found(lookup.task, "given")
    if lookup.index is not None:
        try:
            entry = find_task(taskcluster, lookup.index, digest)
        except (TaskclusterError, Unavailable) as error:
            return _Found(None, why=f"the index could not be read: {_short(error)}")
        if entry is None:
            return _Found(None, why=f"the index {lookup.index} has no task for {digest}")
        return _Found(entry.task_id, f"index {lookup.index}", recorded=entry.statement)
    hint = _TASK_URL.match(labels.get(BUILD_LABEL, ""))
    if hint:
        return _Found(hint["task"], "the image's label, a hint")
    return _Found(None, why="no task is named: give --task or --index")


def _of_task(taskcluster: TaskSource, evidence: Evidence, found: _Found, *, signed: bool) -> Evidence:
    task_id = found.task_id or ""
    definition, why_no_definition = _definition(taskcluster, task_id)
    run_id, state, why = _run(taskcluster, task_id)
    evidence = replace(
        evidence,
        task_id=task_id,
        run_id=run_id,
        found_by=found.by,
        run_state=state,
        definition=definition,
        why_no_definition=why_no_definition,
        why_no_statement=why,
    )
    if run_id is None:
        return evidence
    evidence = _with_statement(taskcluster, evidence, task_id, run_id)
    if signed:
        evidence = _with_chain(taskcluster, evidence, task_id, run_id)
    if found.recorded and evidence.statement_sha256:
        recorded = {**evidence.recorded_sha256, "the index": found.recorded}
        evidence = replace(evidence, recorded_sha256=recorded)
    return evidence


def _definition(taskcluster: TaskSource, task_id: str) -> tuple[dict[str, Any] | None, str]:
    try:
        return task_definition(taskcluster, task_id), ""
    except (TaskclusterError, Unavailable) as error:
        return None, f"the task's definition cannot be read: {_short(error)}"


def _run(taskcluster: TaskSource, task_id: str) -> tuple[int | None, str | None, str]:
    """The latest run that completed, else the latest."""
    try:
        runs = task_status(taskcluster, task_id).get("runs", [])
    except (TaskclusterError, Unavailable) as error:
        return None, None, f"the task's status cannot be read: {_short(error)}"
    completed = [run for run in runs if run.get("state") == "completed"]
    chosen = (completed or runs)[-1:]
    if not chosen:
        return None, None, "the task has not run"
    return int(chosen[0]["runId"]), str(chosen[0]["state"]), ""


def _with_statement(taskcluster: TaskSource, evidence: Evidence, task_id: str, run_id: int) -> Evidence:
    """The run's statement; with several images, the one that names this digest."""
    last = replace(
        evidence, artifact=_SINGLE, why_no_statement=f"run {run_id} of task {task_id} left no statement"
    )
    try:
        for name in _statement_names(taskcluster, task_id, run_id):
            content = run_artifact(taskcluster, task_id, run_id, name, _LONGEST_STATEMENT)
            if content is None:
                continue
            last = _read_statement(evidence, name, content)
            last = replace(last, artifact=name, recorded_sha256=_reported(taskcluster, task_id, run_id, name))
            if last.statement is not None and _tells_of(last.statement, evidence.digest):
                break
    except (TaskclusterError, Unavailable) as error:
        return replace(evidence, why_no_statement=f"the statement cannot be read: {_short(error)}")
    return last


def _tells_of(statement: Statement, digest: Digest) -> bool:
    """Whether it names an image by what a registry or an engine calls it."""
    images = stated_images(statement)
    return digest in {
        statement.published,
        *(image.manifest for image in images),
        *(image.config for image in images),
    }


def _with_chain(taskcluster: TaskSource, evidence: Evidence, task_id: str, run_id: int) -> Evidence:
    try:
        content, signature = (
            run_artifact(taskcluster, task_id, run_id, name, _LONGEST_CHAIN) or b""
            for name in (CHAIN_NAME, SIGNATURE_NAME)
        )
    except (TaskclusterError, Unavailable) as error:
        return replace(evidence, why_no_chain=f"Chain of Trust cannot be read: {_short(error)}")
    return replace(evidence, chain=SignedChain(content, signature))


def _statement_names(taskcluster: TaskSource, task_id: str, run_id: int) -> Iterable[str]:
    try:
        names = run_artifacts(taskcluster, task_id, run_id)
    except (TaskclusterError, Unavailable):
        # Listing may not be allowed where reading is.
        return [_SINGLE]
    return [name for name in names if name.startswith("public/") and name.endswith(f"/{STATEMENT_NAME}")]


def _read_statement(evidence: Evidence, name: str, content: bytes) -> Evidence:
    own = Digest.of(content)
    try:
        return replace(evidence, statement=Statement.from_json(content), statement_sha256=own)
    except BadStatement as error:
        return replace(evidence, broken_statement=f"{name} is no statement: {error}", statement_sha256=own)


def _reported(taskcluster: TaskSource, task_id: str, run_id: int, name: str) -> dict[str, str]:
    """The statement's digest as the run's build report has it; a report that cannot be read records nothing."""
    report = name.removesuffix(STATEMENT_NAME) + REPORT_NAME
    try:
        recorded = reported_statement(run_artifact(taskcluster, task_id, run_id, report, _LONGEST_STATEMENT))
    except (TaskclusterError, Unavailable):
        return {}
    return {"the build report": recorded} if recorded else {}


def _short(error: TaskclusterError | RunnerError) -> str:
    if isinstance(error, TaskclusterError):
        missing = error.missing_scopes
        return f"{error.status} from {error.service}" + (f", missing {missing}" if missing else "")
    return error.what
