"""Gathers what a verdict rests on: from the registry's bytes to the task's definition.

The root URL comes from the caller, never from the image.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from runner.errors import CannotTell, Refused, RunnerError, Unavailable
from runner.image.digest import Digest
from runner.image.manifests import BadManifest, ImageConfig
from runner.task.image_metadata import BUILD_LABEL, REVISION_LABEL
from runner.task.index_service import find_task
from runner.task.queue_service import run_artifact, run_artifacts, task_definition, task_status
from runner.task.report import REPORT_NAME, reported_statement
from runner.task.statement import STATEMENT_NAME, BadStatement, Statement
from runner.task.taskcluster_http import TaskclusterError
from runner.verification import Evidence

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runner.image.manifests import Manifest
    from runner.image.reference import ImageReference
    from runner.registry.client import RegistryClient
    from runner.task.taskcluster_http import Taskcluster

_LONGEST_STATEMENT: Final = 4 << 20
_SINGLE: Final = f"public/{STATEMENT_NAME}"
_TASK_URL: Final = re.compile(r"https?://[^/]+/tasks/(?P<task>[A-Za-z0-9_-]{22})/runs/(?P<run>\d+)\Z")
_GZIP: Final = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class Lookup:
    """How the task is found.

    Args:
        task: its id, or None.
        index: the namespace under which digests are found, or None.
    """

    task: str | None = None
    index: str | None = None


def gather(
    reference: ImageReference, registry: RegistryClient, taskcluster: Taskcluster, lookup: Lookup
) -> Evidence:
    """Read everything that can be read of an image and its task.

    Raises:
        CannotTell: the registry does not have the image, or does not show it.
        IntegrityFailure: the registry serves bytes that are not what their digest says.
    """
    manifest, config = _image(reference, registry)
    evidence = gather_task(taskcluster, lookup, manifest, config)
    statement = evidence.statement
    if statement is None or statement.published == manifest.digest or statement.config != evidence.config:
        return evidence
    return replace(evidence, diff_ids=_served_diff_ids(reference, registry, manifest))


def gather_task(
    taskcluster: Taskcluster, lookup: Lookup, manifest: Manifest, config: ImageConfig | None
) -> Evidence:
    """What can be read of the task of an image that is known already.

    Args:
        taskcluster: who is trusted.
        lookup: how the task is found.
        manifest: of the image.
        config: of the image, or None for an index.
    """
    evidence = Evidence(
        digest=manifest.digest,
        config=None if manifest.is_index else manifest.config.digest,
        layers=None if manifest.is_index else tuple(layer.digest for layer in manifest.layers),
        revision=config.labels.get(REVISION_LABEL) if config else None,
    )
    found = _task(taskcluster, lookup, manifest.digest, config)
    if found.task_id is None:
        return replace(evidence, why_no_statement=found.why)
    return _of_task(taskcluster, evidence, found)


def _image(reference: ImageReference, registry: RegistryClient) -> tuple[Manifest, ImageConfig | None]:
    try:
        manifest = registry.get_manifest(reference.repository, reference.manifest_name)
        if manifest is None:
            raise CannotTell(
                f"The registry has no {reference}.", action="Check the name, the tag and the digest."
            )
        if manifest.is_index:
            return manifest, None
        content = registry.get_blob(reference.repository, manifest.config.digest)
        return manifest, ImageConfig.parse(content)
    except BadManifest as error:
        raise CannotTell(
            f"The registry has something under {reference} that cannot be read: {error}."
        ) from error
    except (Refused, Unavailable) as error:
        raise CannotTell(error.what, cause=error.cause, action=error.action) from error


@dataclass(frozen=True, slots=True)
class _Found:
    """A task and how it was found, or why not; `recorded` is the statement's digest as the index has it."""

    task_id: str | None
    by: str = ""
    why: str = ""
    recorded: str | None = None


def _task(taskcluster: Taskcluster, lookup: Lookup, digest: Digest, config: ImageConfig | None) -> _Found:
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
    hint = _TASK_URL.match(config.labels.get(BUILD_LABEL, "")) if config else None
    if hint:
        return _Found(hint["task"], "the image's label, a hint")
    return _Found(None, why="no task is named: give --task or --index")


def _of_task(taskcluster: Taskcluster, evidence: Evidence, found: _Found) -> Evidence:
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
    if found.recorded and evidence.statement_sha256:
        recorded = {**evidence.recorded_sha256, "the index": found.recorded}
        evidence = replace(evidence, recorded_sha256=recorded)
    return evidence


def _definition(taskcluster: Taskcluster, task_id: str) -> tuple[dict[str, Any] | None, str]:
    try:
        return task_definition(taskcluster, task_id), ""
    except (TaskclusterError, Unavailable) as error:
        return None, f"the task's definition cannot be read: {_short(error)}"


def _run(taskcluster: Taskcluster, task_id: str) -> tuple[int | None, str | None, str]:
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


def _with_statement(taskcluster: Taskcluster, evidence: Evidence, task_id: str, run_id: int) -> Evidence:
    """The run's statement; with several images, the one that names this digest."""
    last = replace(evidence, why_no_statement=f"run {run_id} of task {task_id} left no statement")
    try:
        for name in _statement_names(taskcluster, task_id, run_id):
            content = run_artifact(taskcluster, task_id, run_id, name, _LONGEST_STATEMENT)
            if content is None:
                continue
            last = _read_statement(evidence, name, content)
            last = replace(last, recorded_sha256=_reported(taskcluster, task_id, run_id, name))
            if last.statement is not None and last.statement.published == evidence.digest:
                break
    except (TaskclusterError, Unavailable) as error:
        return replace(evidence, why_no_statement=f"the statement cannot be read: {_short(error)}")
    return last


def _statement_names(taskcluster: Taskcluster, task_id: str, run_id: int) -> Iterable[str]:
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


def _reported(taskcluster: Taskcluster, task_id: str, run_id: int, name: str) -> dict[str, str]:
    """The statement's digest as the run's build report has it; a report that cannot be read records nothing."""
    report = name.removesuffix(STATEMENT_NAME) + REPORT_NAME
    try:
        recorded = reported_statement(run_artifact(taskcluster, task_id, run_id, report, _LONGEST_STATEMENT))
    except (TaskclusterError, Unavailable):
        return {}
    return {"the build report": recorded} if recorded else {}


def _served_diff_ids(
    reference: ImageReference, registry: RegistryClient, manifest: Manifest
) -> tuple[Digest, ...] | None:
    """The digests of the layers' content as the registry serves it, or None where it cannot be unpacked.

    A manifest may pair a config with other layers' bytes: only the bytes tell.
    """
    try:
        return tuple(
            _diff_id(registry.open_blob(reference.repository, layer.digest, layer.size))
            for layer in manifest.layers
        )
    except (zlib.error, Refused, Unavailable):
        return None


def _diff_id(chunks: Iterable[bytes]) -> Digest:
    content, unpacker = sha256(), None
    for number, chunk in enumerate(chunks):
        if number == 0 and chunk[:2] == b"\x1f\x8b":
            unpacker = zlib.decompressobj(_GZIP)
        content.update(unpacker.decompress(chunk) if unpacker else chunk)
    if unpacker:
        content.update(unpacker.flush())
    return Digest(f"sha256:{content.hexdigest()}")


def _short(error: TaskclusterError | RunnerError) -> str:
    if isinstance(error, TaskclusterError):
        missing = error.missing_scopes
        return f"{error.status} from {error.service}" + (f", missing {missing}" if missing else "")
    return error.what
