"""Gathers what a verdict rests on: from the registry's bytes to the task's definition.

The root URL comes from the caller, never from the image.
"""

from __future__ import annotations

import re
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from runner.chain_of_trust import CHAIN_NAME, SIGNATURE_NAME, SignedChain
from runner.errors import CannotTell, IntegrityFailure, Refused, RunnerError, Unavailable
from runner.image.digest import Digest
from runner.image.manifests import BadManifest, ImageConfig
from runner.registry.contents import blobs_in, manifests_in
from runner.task.image_metadata import BUILD_LABEL, REVISION_LABEL
from runner.task.index_service import find_task
from runner.task.queue_service import run_artifact, run_artifacts, task_definition, task_status
from runner.task.report import REPORT_NAME, reported_statement
from runner.task.statement import STATEMENT_NAME, BadStatement, Statement
from runner.task.taskcluster_http import TaskclusterError
from runner.verification import REGISTRY, Evidence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from runner.image.manifests import Descriptor, Manifest
    from runner.image.reference import ImageReference, Repository
    from runner.registry.contents import ImageSource
    from runner.task.queue_service import TaskSource

_LONGEST_STATEMENT: Final = 4 << 20
_LONGEST_CHAIN: Final = 16 << 20
_READERS: Final = 4
_SINGLE: Final = f"public/{STATEMENT_NAME}"
_TASK_URL: Final = re.compile(r"https?://[^/]+/tasks/(?P<task>[A-Za-z0-9_-]{22})/runs/(?P<run>\d+)\Z")
_GZIP: Final = 16 + zlib.MAX_WBITS


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


def _everything(_digest: Digest) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Reading:
    """How the image is read.

    Args:
        place: where: `the registry`, `the folder`.
        layers: whether they are read and hashed.
        has: whether a blob can be read; a folder may lack layers.
    """

    place: str = REGISTRY
    layers: bool = True
    has: Callable[[Digest], bool] = _everything


def gather(
    reference: ImageReference,
    image: ImageSource,
    taskcluster: TaskSource,
    lookup: Lookup,
    reading: Reading,
) -> Evidence:
    """Read everything that can be read of an image and its task.

    Raises:
        CannotTell: there is no such image, or it is not shown.
        IntegrityFailure: the manifest's bytes are not what their digest says.
    """
    manifest, config, damage = _image(reference, image)
    evidence = gather_task(taskcluster, lookup, manifest, config)
    evidence = replace(evidence, damage=damage, place=reading.place)
    statement = evidence.statement
    if statement is None or damage:
        return evidence
    if statement.published == manifest.digest:
        return _with_contents(evidence, reference.repository, image, manifest, reading)
    if statement.config != evidence.config:
        return evidence
    return _with_diff_ids(evidence, reference, image, manifest)


def gather_task(
    taskcluster: TaskSource, lookup: Lookup, manifest: Manifest, config: ImageConfig | None
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
    return gather_known(taskcluster, lookup, evidence, config.labels if config else {})


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


def _image(
    reference: ImageReference, image: ImageSource
) -> tuple[Manifest, ImageConfig | None, tuple[str, ...]]:
    """The image's manifest, its config unless it is an index, and what is wrong with the config."""
    try:
        manifest = image.get_manifest(reference.repository, reference.manifest_name)
        if manifest is None:
            raise CannotTell(f"There is no {reference}.", action="Check the name, the tag and the digest.")
        if manifest.is_index:
            return manifest, None, ()
        try:
            content = image.get_blob(reference.repository, manifest.config.digest)
        except IntegrityFailure as error:
            return manifest, None, (f"the config differs: {error.what}",)
        return manifest, ImageConfig.parse(content), ()
    except BadManifest as error:
        raise CannotTell(f"There is something under {reference} that cannot be read: {error}.") from error
    except (Refused, Unavailable) as error:
        raise CannotTell(error.what, cause=error.cause, action=error.action) from error


def _with_contents(
    evidence: Evidence, repository: Repository, image: ImageSource, manifest: Manifest, reading: Reading
) -> Evidence:
    """Every blob read and hashed, four at a time: a manifest alone does not show what is behind it."""
    if not reading.layers:
        return replace(evidence, contents="layers are not read: who pulls the image hashes them")
    try:
        blobs = [
            blob for blob in blobs_in(manifests_in(image, repository, manifest)) if reading.has(blob.digest)
        ]
        with ThreadPoolExecutor(_READERS, thread_name_prefix="verify") as pool:
            found = pool.map(lambda blob: _fault(image, repository, blob), blobs)
            damage = tuple(fault for fault in found if fault)
    except IntegrityFailure as error:
        return replace(evidence, damage=(error.what,))
    except (Refused, Unavailable) as error:
        return replace(evidence, unread=f"the image's content cannot be read: {error.what}")
    size = sum(blob.size for blob in blobs)
    seen = f"{len(blobs)} blobs of {size} bytes were read, and are what their digests say"
    return replace(evidence, damage=damage, contents=seen)


def _fault(image: ImageSource, repository: Repository, blob: Descriptor) -> str:
    try:
        for _piece in image.open_blob(repository, blob.digest, blob.size):
            pass
    except IntegrityFailure as error:
        return f"the bytes of {blob.digest} differ: {error.what}"
    return ""


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
            if last.statement is not None and evidence.digest in {
                last.statement.published,
                last.statement.config,
            }:
                break
    except (TaskclusterError, Unavailable) as error:
        return replace(evidence, why_no_statement=f"the statement cannot be read: {_short(error)}")
    return last


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


def _with_diff_ids(
    evidence: Evidence, reference: ImageReference, image: ImageSource, manifest: Manifest
) -> Evidence:
    """The digests of the layers' content as it is served; none where it cannot be unpacked.

    A manifest may pair a config with other layers' bytes: only the bytes tell.
    """
    try:
        diff_ids = tuple(
            _diff_id(image.open_blob(reference.repository, layer.digest, layer.size))
            for layer in manifest.layers
        )
    except IntegrityFailure as error:
        return replace(evidence, damage=(error.what,))
    except (zlib.error, Refused, Unavailable):
        return evidence
    return replace(evidence, diff_ids=diff_ids)


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
