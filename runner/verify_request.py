"""`verify` as both programs offer it: from arguments to the verdict, as people and programs read it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from runner.chain_of_trust import BadKeys, pinned_keys
from runner.errors import CannotTell, IntegrityFailure, UsageError
from runner.evidence_task import Lookup
from runner.image.reference import BadReference, ImageReference, Registry
from runner.narration import printable
from runner.task.event import parse_repository
from runner.verification import decide
from runner.verification_sources import VerifyRequest
from runner.verification_values import Outcome, Policy

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from runner.errors import ExitCode
    from runner.verification_values import Evidence, Verdict

_TASK_ID = re.compile(r"[A-Za-z0-9_-]{22}\Z")
_SIGN = {Outcome.HOLDS: "ok  ", Outcome.FAILS: "FAIL", Outcome.UNKNOWN: "?   "}


def request_from(arguments: argparse.Namespace, environment: Mapping[str, str]) -> VerifyRequest:
    """Read the arguments.

    Raises:
        UsageError: one of them is wrong.
    """
    _check_given(arguments)
    root_url = arguments.root_url or environment.get("TASKCLUSTER_ROOT_URL", "")
    if not root_url.startswith(("https://", "http://")) and (arguments.keys or not arguments.offline):
        raise UsageError(
            "No Taskcluster is named to be trusted.",
            cause="The image cannot be asked: it would name its own.",
            action="Set TASKCLUSTER_ROOT_URL, or give --root-url.",
        )
    try:
        reference = ImageReference.parse(arguments.image)
    except BadReference as error:
        raise UsageError(f"The image: {error}.") from None
    try:
        insecure = frozenset(Registry.parse(host).host for host in arguments.insecure_registry)
    except BadReference as error:
        raise UsageError(f"--insecure-registry: {error}.") from None
    source = parse_repository(arguments.source) if arguments.source else None
    if arguments.source and source is None:
        raise UsageError(f"--source {arguments.source!r} is not OWNER/NAME or the URL of a repository.")
    if arguments.task and not _TASK_ID.match(arguments.task):
        raise UsageError(f"--task {arguments.task!r} is not a task id: 22 letters, digits, `_` and `-`.")
    keys = _keys(arguments.keys, root_url) if arguments.keys else None
    return VerifyRequest(
        reference,
        Lookup(arguments.task, arguments.index, signed=bool(keys or arguments.save)),
        Policy(
            arguments.task,
            source,
            arguments.ref,
            arguments.pool,
            frozenset(arguments.scope),
            keys,
            arguments.keys or "",
        ),
        root_url,
        insecure,
        not arguments.no_layers,
        Path(arguments.offline) if arguments.offline else None,
        Path(arguments.save) if arguments.save else None,
    )


def _check_given(arguments: argparse.Namespace) -> None:
    # A demand that an unset variable emptied would be no demand: the image would be verified without it.
    for name in ("task", "index", "source", "ref", "pool", "root_url", "keys", "offline", "save"):
        if getattr(arguments, name) == "":
            raise UsageError(f"--{name.replace('_', '-')} is empty.")
    if "" in arguments.scope:
        raise UsageError("--scope is empty.")
    if arguments.offline and arguments.save:
        raise UsageError("--offline and --save are not given together: the folder is there already.")
    if arguments.scope and not arguments.source:
        raise UsageError("--scope says which further scopes make a task a repository's: give --source too.")


def _keys(file: str, root_url: str) -> tuple[bytes, ...]:
    try:
        return pinned_keys(Path(file).read_text(encoding="utf-8"), root_url)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--keys {file} cannot be read: {error}.") from error
    except BadKeys as error:
        raise UsageError(f"--keys {file}: {error}.") from None


def run_verify(
    arguments: argparse.Namespace,
    environment: Mapping[str, str],
    stdout: TextIO,
    source: Callable[[VerifyRequest], Evidence],
) -> ExitCode:
    """The command: verify, show, and answer with the exit code.

    Args:
        arguments: as parsed.
        environment: for the root URL.
        stdout: where the verdict goes.
        source: gathers the evidence.

    Raises:
        UsageError: an argument is wrong.
        CannotTell: the image is not shown; with `--json` that is a document too.
        IntegrityFailure: its manifest's bytes are not what their digest says; likewise.
    """
    request = request_from(arguments, environment)
    try:
        evidence = source(request)
    except (CannotTell, IntegrityFailure) as error:
        if not arguments.json:
            raise
        stdout.write(json.dumps(_failure_document(request, error)) + "\n")
        return error.exit_code
    verdict = decide(evidence, request.policy)
    if arguments.json:
        stdout.write(json.dumps(verdict_document(request, evidence, verdict)) + "\n")
    else:
        stdout.write("".join(printable(line) + "\n" for line in verdict_lines(request, evidence, verdict)))
    return verdict.exit_code


def verdict_lines(request: VerifyRequest, evidence: Evidence, verdict: Verdict) -> list[str]:
    """The verdict as people read it, the summary last."""
    trusts = f"the folder {request.offline}" if request.offline else request.root_url
    lines = [f"{request.reference}", f"  digest   {evidence.digest}", f"  trusts   {trusts}"]
    lines += [f"  policy   {line}" for line in verdict.policy]
    if evidence.task_id:
        lines.append(
            f"  task     {request.root_url.rstrip('/')}/tasks/{evidence.task_id}/runs/{evidence.run_id}"
        )
    if evidence.statement:
        event = evidence.statement.event
        lines.append(f"  says     {evidence.statement.source} at {evidence.statement.revision}")
        lines.append(f"           {event.get('kind')} of {event.get('tag') or event.get('branch')}")
    if verdict.compared:
        lines.append(f"  compared {verdict.compared} {_compared_value(evidence, verdict)}".rstrip())
    lines += [f"  {_SIGN[check.outcome]} {check.name:<9} {check.seen}" for check in verdict.checks]
    lines += [f"  trusted  {trusted}" for trusted in verdict.trusted]
    return [*lines, verdict.summary]


def verdict_document(request: VerifyRequest, evidence: Evidence, verdict: Verdict) -> dict[str, object]:
    """The verdict as programs read it."""
    return {
        "image": str(request.reference),
        "pinned": str(request.reference.repository.at(evidence.digest)),
        "digest": str(evidence.digest),
        "exitCode": int(verdict.exit_code),
        "summary": verdict.summary,
        "policy": list(verdict.policy),
        "compared": verdict.compared,
        "checks": [
            {"name": check.name, "outcome": check.outcome, "seen": check.seen} for check in verdict.checks
        ],
        "trusted": list(verdict.trusted),
        "rootUrl": request.root_url,
        "taskId": evidence.task_id,
        "runId": evidence.run_id,
        "source": evidence.statement.source if evidence.statement else None,
        "revision": evidence.statement.revision if evidence.statement else None,
    }


def _compared_value(evidence: Evidence, verdict: Verdict) -> str:
    return str(evidence.digest) if verdict.compared in {"manifest digest", "index digest"} else ""


def _failure_document(request: VerifyRequest, error: CannotTell | IntegrityFailure) -> dict[str, object]:
    return {
        "image": str(request.reference),
        "exitCode": int(error.exit_code),
        "summary": str(error),
        "policy": request.policy.lines(),
        "checks": [],
        "rootUrl": request.root_url,
    }
