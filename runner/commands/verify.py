"""`verify` of the runner: as both programs have it, and for an image in a local engine."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, TextIO

from runner.errors import CannotTell, Refused, Unavailable, UsageError
from runner.evidence_task import gather_known
from runner.image.digest import Digest
from runner.task.image_metadata import REVISION_LABEL
from runner.verification_sources import gathered, taskcluster_for
from runner.verification_values import ENGINE, Evidence
from runner.verify_request import run_verify

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from runner.engines.docker_engine import LocalImage
    from runner.errors import ExitCode
    from runner.verification_sources import Listener, VerifyRequest


def verify(
    arguments: argparse.Namespace,
    environment: Mapping[str, str],
    clock: Callable[[], float],
    stdout: TextIO,
    listener: Listener | None = None,
) -> ExitCode:
    """Verify, show, and answer with the exit code.

    Args:
        arguments: as parsed.
        environment: for the root URL, credentials and the engine.
        clock: seconds since the epoch.
        stdout: where the verdict goes.
        listener: who waits, if somebody does.

    Raises:
        UsageError: an argument is wrong.
        CannotTell: the image cannot be read.
    """
    if arguments.local and (arguments.offline or arguments.save or arguments.no_layers):
        raise UsageError(
            "--local asks the engine for the image: neither a folder nor a registry's layers are read."
        )

    def source(request: VerifyRequest) -> Evidence:
        if arguments.local:
            return _of_engine(request, environment, clock)
        return gathered(request, environment, clock, listener)

    return run_verify(arguments, environment, stdout, source)


def _of_engine(
    request: VerifyRequest, environment: Mapping[str, str], clock: Callable[[], float]
) -> Evidence:
    from runner.engines.docker_engine import DockerEngine

    try:
        with closing(DockerEngine(environment)) as engine:
            image = engine.image(request.reference.familiar)
            classic = engine.facts.store == "classic"
    except (Refused, Unavailable) as error:
        raise CannotTell(error.what, cause=error.cause, action=error.action) from error
    evidence = Evidence(
        digest=image.image_id,
        config=image.image_id if classic else None,
        diff_ids=image.diff_ids,
        revision=image.labels.get(REVISION_LABEL),
        place=ENGINE,
    )
    found = evidence
    with closing(taskcluster_for(request.root_url, environment, clock)) as taskcluster:
        # The index knows published digests: a classic store has them only as names of what it pulled or pushed.
        for digest in (image.image_id, *_repo_digests(image)):
            found = gather_known(taskcluster, request.lookup, replace(evidence, digest=digest), image.labels)
            if found.task_id is not None:
                break
    return replace(found, digest=evidence.digest)


def _repo_digests(image: LocalImage) -> list[Digest]:
    return [Digest(name.partition("@")[2]) for name in image.repo_digests if "@sha256:" in name]
