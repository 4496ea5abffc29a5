"""Gathers what a verdict rests on: from the registry's bytes to the task's definition.

The root URL comes from the caller, never from the image.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from runner.errors import CannotTell, Refused, RunnerError, Unavailable
from runner.image.digest import Digest
from runner.image.manifests import BadManifest, ImageConfig
from runner.task.image_metadata import BUILD_LABEL
from runner.task.index_service import find_task
from runner.task.queue_service import run_artifact, run_artifacts, task_definition, task_status
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
    task_id, found_by, why = _task(taskcluster, lookup, manifest.digest, config)
    if task_id is None:
        return Evidence(digest=manifest.digest, why_no_statement=why)
    return _of_task(reference, registry, taskcluster, manifest, (task_id, found_by))


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


def _task(
    taskcluster: Taskcluster, lookup: Lookup, digest: Digest, config: ImageConfig | None
) -> tuple[str | None, str, str]:
    """The task's id, how it was found, and else why not."""
    if lookup.task is not None:
        return lookup.task, "given", ""
    if lookup.index is not None:
        try:
            task_id = find_task(taskcluster, lookup.index, digest)
        except (TaskclusterError, Unavailable) as error:
            return None, "", f"the index could not be read: {_short(error)}"
        why = f"the index {lookup.index} has no task for {digest}"
        return task_id, f"index {lookup.index}", "" if task_id else why
    found = _TASK_URL.match(config.labels.get(BUILD_LABEL, "")) if config else None
    if found:
        return found["task"], "the image's label, a hint", ""
    return None, "", "no task is named: give --task or --index"


def _of_task(
    reference: ImageReference,
    registry: RegistryClient,
    taskcluster: Taskcluster,
    manifest: Manifest,
    task: tuple[str, str],
) -> Evidence:
    task_id, found_by = task
    definition, why_no_definition = _definition(taskcluster, task_id)
    run_id, state, why = _run(taskcluster, task_id)
    statement, own_digest = None, None
    if run_id is not None:
        statement, own_digest, why = _statement(taskcluster, task_id, run_id, manifest.digest)
    config = None if manifest.is_index else manifest.config.digest
    diff_ids = None
    if statement is not None and statement.published != manifest.digest and statement.config == config:
        diff_ids = _served_diff_ids(reference, registry, manifest)
    return Evidence(
        digest=manifest.digest,
        config=config,
        diff_ids=diff_ids,
        statement=statement,
        why_no_statement=why,
        statement_sha256=own_digest,
        task_id=task_id,
        run_id=run_id,
        found_by=found_by,
        run_state=state,
        definition=definition,
        why_no_definition=why_no_definition,
    )


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


def _statement(
    taskcluster: Taskcluster, task_id: str, run_id: int, digest: Digest
) -> tuple[Statement | None, Digest | None, str]:
    """The run's statement; with several images, the one that names this digest."""
    why = f"run {run_id} of task {task_id} left no statement"
    last: tuple[Statement | None, Digest | None, str] = (None, None, why)
    try:
        for name in _statement_names(taskcluster, task_id, run_id):
            content = run_artifact(taskcluster, task_id, run_id, name, _LONGEST_STATEMENT)
            if content is None:
                continue
            last = _read_statement(name, content)
            if last[0] is not None and last[0].published == digest:
                break
    except (TaskclusterError, Unavailable) as error:
        return None, None, f"the statement cannot be read: {_short(error)}"
    return last


def _statement_names(taskcluster: Taskcluster, task_id: str, run_id: int) -> Iterable[str]:
    try:
        names = run_artifacts(taskcluster, task_id, run_id)
    except (TaskclusterError, Unavailable):
        # Listing may not be allowed where reading is.
        return [_SINGLE]
    return [name for name in names if name.startswith("public/") and name.endswith(f"/{STATEMENT_NAME}")]


def _read_statement(name: str, content: bytes) -> tuple[Statement | None, Digest | None, str]:
    try:
        return Statement.from_json(content), Digest.of(content), ""
    except BadStatement as error:
        return None, Digest.of(content), f"{name} is no statement: {error}"


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
