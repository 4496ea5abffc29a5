"""`verify` as both programs offer it: from arguments to the verdict, as people and programs read it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from runner.docker_config import docker_login
from runner.errors import UsageError
from runner.evidence import Lookup, gather
from runner.image.reference import BadReference, ImageReference, Registry
from runner.narration import printable
from runner.registry.client import RegistryClient
from runner.task.event import parse_repository
from runner.task.hawk import hawk_authorizer
from runner.task.taskcluster_http import Taskcluster
from runner.verification import Outcome, Policy, decide

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from runner.errors import ExitCode
    from runner.verification import Evidence, Verdict

_TASK_ID = re.compile(r"[A-Za-z0-9_-]{22}\Z")
_SIGN = {Outcome.HOLDS: "ok  ", Outcome.FAILS: "FAIL", Outcome.UNKNOWN: "?   "}


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """What is to be verified, and against what.

    Args:
        reference: the image.
        lookup: how the task is found.
        policy: what is demanded.
        root_url: of the Taskcluster that is trusted.
        insecure: registries that may speak plain HTTP.
    """

    reference: ImageReference
    lookup: Lookup
    policy: Policy
    root_url: str
    insecure: frozenset[str]


def request_from(arguments: argparse.Namespace, environment: Mapping[str, str]) -> VerifyRequest:
    """Read the arguments.

    Raises:
        UsageError: one of them is wrong.
    """
    # A demand that an unset variable emptied would be no demand: the image would be verified without it.
    for name in ("task", "index", "source", "ref", "pool", "root_url"):
        if getattr(arguments, name) == "":
            raise UsageError(f"--{name.replace('_', '-')} is empty.")
    root_url = arguments.root_url or environment.get("TASKCLUSTER_ROOT_URL", "")
    if not root_url.startswith(("https://", "http://")):
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
    return VerifyRequest(
        reference,
        Lookup(arguments.task, arguments.index),
        Policy(arguments.task, source, arguments.ref, arguments.pool),
        root_url,
        insecure,
    )


def verify(
    request: VerifyRequest, environment: Mapping[str, str], clock: Callable[[], float]
) -> tuple[Evidence, Verdict]:
    """Gather the evidence and decide.

    Raises:
        CannotTell: the registry does not show the image.
        IntegrityFailure: it serves bytes that are not what their digest says.
    """
    registry = request.reference.repository.registry
    taskcluster = _taskcluster(request.root_url, environment, clock)
    with RegistryClient(registry, docker_login(environment, registry), insecure=request.insecure) as client:
        evidence = gather(request.reference, client, taskcluster, request.lookup)
    taskcluster.close()
    return evidence, decide(evidence, request.policy)


def run_verify(
    arguments: argparse.Namespace, environment: Mapping[str, str], clock: Callable[[], float], stdout: TextIO
) -> ExitCode:
    """The command: verify, show, and answer with the exit code."""
    request = request_from(arguments, environment)
    evidence, verdict = verify(request, environment, clock)
    if arguments.json:
        stdout.write(json.dumps(_document(request, evidence, verdict)) + "\n")
    else:
        stdout.write("".join(printable(line) + "\n" for line in _lines(request, evidence, verdict)))
    return verdict.exit_code


def _taskcluster(root_url: str, environment: Mapping[str, str], clock: Callable[[], float]) -> Taskcluster:
    """Through the task's proxy, or with the caller's credentials, or with none: `anonymous` may read."""
    proxy = environment.get("TASKCLUSTER_PROXY_URL")
    if proxy and root_url == environment.get("TASKCLUSTER_ROOT_URL"):
        return Taskcluster(proxy)
    client_id, token = environment.get("TASKCLUSTER_CLIENT_ID"), environment.get("TASKCLUSTER_ACCESS_TOKEN")
    if not (client_id and token) or root_url != environment.get("TASKCLUSTER_ROOT_URL"):
        return Taskcluster(root_url)
    credentials = {"clientId": client_id, "accessToken": token}
    if environment.get("TASKCLUSTER_CERTIFICATE"):
        credentials["certificate"] = environment["TASKCLUSTER_CERTIFICATE"]
    return Taskcluster(root_url, authorize=hawk_authorizer(credentials, clock))


def _lines(request: VerifyRequest, evidence: Evidence, verdict: Verdict) -> list[str]:
    lines = [f"{request.reference}", f"  digest   {evidence.digest}", f"  trusts   {request.root_url}"]
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
        lines.append(f"  compared {verdict.compared}")
    lines += [f"  {_SIGN[check.outcome]} {check.name:<9} {check.seen}" for check in verdict.checks]
    lines += [f"  trusted  {trusted}" for trusted in verdict.trusted]
    return [*lines, verdict.summary]


def _document(request: VerifyRequest, evidence: Evidence, verdict: Verdict) -> dict[str, object]:
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
