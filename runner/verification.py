"""What makes an image a task's, and a task a repository's: pure decisions over evidence gathered elsewhere.

A definition's env, payload and metadata are its creator's own claims. Its `scopes` are not: createTask checked
that the creator held them. So a task is a repository's only by its scopes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from runner.chain_of_trust import Signed, shown_key, signature_faults
from runner.errors import ExitCode
from runner.verification_image import (
    compared,
    contents_checks,
    digest_check,
    image_contradictions,
    is_weak,
    platform_checks,
)
from runner.verification_values import ENGINE, FOLDER, Check, Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from runner.verification_values import Evidence, Policy

# Taskcluster-Github's roles for pull requests, and the one of actions on them.
_PULL_REQUEST_ROLES: Final = ("pull-request", "pull-request-untrusted", "pr-action")


def belongs_to(scopes: Iterable[str], host: str, slug: str, also: Iterable[str] = ()) -> str | None:
    """The scope that makes a task the repository's, or None.

    A pull request's role does not: anybody's code runs under it.

    Args:
        scopes: the definition's.
        host: `github.com`.
        slug: `mozilla/balrog`.
        also: further scopes that a policy accepts.
    """
    repository = f"repo:{host}/{slug}:"
    accepted = frozenset(also)
    for scope in scopes:
        if scope.startswith(f"secrets:get:{repository}") or scope in accepted:
            return scope
        assumed = scope.removeprefix(f"assume:{repository}")
        if assumed not in {scope, ""} and not _is_of_pull_requests(assumed):
            return scope
    return None


def is_of_pull_request(scopes: Iterable[str], host: str, slug: str) -> bool:
    """Whether a task assumes the repository's role for pull requests."""
    assumed = f"assume:repo:{host}/{slug}:"
    return any(
        scope.startswith(assumed) and _is_of_pull_requests(scope.removeprefix(assumed)) for scope in scopes
    )


def _is_of_pull_requests(role: str) -> bool:
    """Whether the role's last part is a pull request's, or begins like one and ends with a star."""
    stem = role.removesuffix("*")
    return role.startswith(_PULL_REQUEST_ROLES) or (
        stem not in {role, ""} and any(name.startswith(stem) for name in _PULL_REQUEST_ROLES)
    )


def decide(evidence: Evidence, policy: Policy) -> Verdict:
    """The verdict: 0 verified, 6 something differs, 7 cannot tell."""
    checks = [
        digest_check(evidence),
        *contents_checks(evidence),
        *platform_checks(evidence),
        *_statement_checks(evidence),
    ]
    checks += _task_checks(evidence, policy)
    if policy.keys is not None:
        checks += _signature_checks(evidence, policy.keys)
    if policy.source:
        checks.append(_source_check(evidence, policy))
    if policy.ref:
        checks.append(_ref_check(evidence, policy, policy.ref))
    if policy.pool:
        checks.append(_pool_check(evidence, policy.pool))
    return _verdict(evidence, policy, checks)


def _verdict(evidence: Evidence, policy: Policy, checks: Sequence[Check]) -> Verdict:
    failed = [check for check in checks if check.outcome is Outcome.FAILS]
    unknown = [check for check in checks if check.outcome is Outcome.UNKNOWN]
    if failed:
        code, summary = ExitCode.INTEGRITY, "NOT verified: " + "; ".join(check.seen for check in failed)
    elif unknown:
        code, summary = ExitCode.CANNOT_TELL, "Cannot tell: " + "; ".join(check.seen for check in unknown)
    elif not policy.task and not policy.source:
        code = ExitCode.CANNOT_TELL
        summary = "Unattributed: name a task (--task) or a repository (--source) to have it verified."
    else:
        code, summary = ExitCode.OK, _verified(evidence, policy)
    return Verdict(
        code,
        summary,
        tuple(checks),
        tuple(_trusted(evidence, policy)),
        tuple(policy.lines()),
        compared(evidence),
    )


def _verified(evidence: Evidence, policy: Policy) -> str:
    what = f"{policy.source[0]}/{policy.source[1]}" if policy.source else f"task {evidence.task_id}"
    statement = evidence.statement
    commit = f" from commit {statement.revision}" if statement and statement.revision else ""
    if is_weak(evidence):
        if evidence.place == ENGINE:
            return f"Verified by content: the engine's image is that which {what} published{commit}."
        return (
            f"Verified by content only: recompressed elsewhere, and its layers are those of {what}{commit}."
        )
    return f"Verified: {evidence.digest} was published by {what}{commit}."


def _signature_checks(evidence: Evidence, keys: Sequence[bytes]) -> list[Check]:
    name = "signature"
    if evidence.chain is None:
        return [
            Check(
                name,
                Outcome.UNKNOWN,
                evidence.why_no_chain or "there is no run whose signature could be read",
            )
        ]
    if evidence.statement_sha256 is None:
        return [Check(name, Outcome.UNKNOWN, "there is no statement that could be signed")]
    signed = Signed(
        evidence.task_id, evidence.run_id, evidence.artifact, evidence.statement_sha256, evidence.definition
    )
    faults = signature_faults(evidence.chain, keys, signed)
    if faults:
        return [Check(name, Outcome.FAILS, fault) for fault in faults]
    signer = evidence.chain.signer(keys) or b""
    return [
        Check(name, Outcome.HOLDS, f"the worker's key {shown_key(signer)} signed the statement and the task")
    ]


def _statement_checks(evidence: Evidence) -> list[Check]:
    """Whether the statement is whole: it agrees with the image, and with what was recorded of it."""
    name, statement = "statement", evidence.statement
    if statement is None:
        return []
    contradictions = [
        f"{by} recorded the statement {recorded}, and it is {evidence.statement_sha256}"
        for by, recorded in evidence.recorded_sha256.items()
        if recorded != str(evidence.statement_sha256)
    ]
    contradictions += image_contradictions(evidence, statement)
    if contradictions:
        return [Check(name, Outcome.FAILS, seen) for seen in contradictions]
    by = " and ".join(evidence.recorded_sha256)
    return [Check(name, Outcome.HOLDS, f"unchanged since {by} recorded it")] if by else []


def _task_checks(evidence: Evidence, policy: Policy) -> list[Check]:
    if evidence.task_id is None:
        return [Check("task", Outcome.UNKNOWN, "no task is known for this digest")]
    checks = []
    where = f"task {evidence.task_id} run {evidence.run_id} ({evidence.found_by})"
    if policy.task and policy.task != evidence.task_id:
        checks.append(Check("task", Outcome.FAILS, f"it is {where}, not task {policy.task}"))
    statement = evidence.statement
    if statement is not None:
        if (statement.task_id, statement.run_id) != (evidence.task_id, evidence.run_id):
            seen = f"{where} has the statement of task {statement.task_id} run {statement.run_id}"
            checks.append(Check("task", Outcome.FAILS, seen))
        else:
            checks.append(Check("task", Outcome.HOLDS, f"the statement is that of {where}"))
    checks.append(_run_check(evidence))
    return checks


def _run_check(evidence: Evidence) -> Check:
    match evidence.run_state:
        case "completed":
            return Check("run", Outcome.HOLDS, "the run completed")
        case "failed" | "exception":
            return Check("run", Outcome.FAILS, f"the run ended as {evidence.run_state}")
        case None:
            return Check("run", Outcome.UNKNOWN, "the run's state cannot be read")
        case state:
            return Check("run", Outcome.UNKNOWN, f"the run is {state}")


def _scopes(evidence: Evidence) -> list[str]:
    scopes = evidence.definition.get("scopes", []) if evidence.definition else []
    return [scope for scope in scopes if isinstance(scope, str)]


def _source_check(evidence: Evidence, policy: Policy) -> Check:
    name = "source"
    host, slug = policy.source or ("", "")
    if evidence.definition is None:
        return Check(
            name, Outcome.UNKNOWN, evidence.why_no_definition or "the task's definition cannot be read"
        )
    scope = belongs_to(_scopes(evidence), host, slug, policy.scopes)
    if scope is None:
        seen = f"no scope of task {evidence.task_id} makes it a task of {host}/{slug}"
        return Check(name, Outcome.FAILS, seen)
    claimed = evidence.statement.source if evidence.statement else None
    if claimed is not None and claimed != f"https://{host}/{slug}":
        return Check(name, Outcome.FAILS, f"the statement names the source {claimed}")
    return Check(name, Outcome.HOLDS, f"the task holds `{scope}`, which createTask checked")


def _ref_check(evidence: Evidence, policy: Policy, ref: str) -> Check:
    name = "ref"
    statement = evidence.statement
    if statement is None:
        return Check(name, Outcome.UNKNOWN, "there is no statement that names a branch or tag")
    kind = "tag" if statement.event.get("tag") else "branch"
    named = statement.event.get(kind)
    # Who may push a tag named `main` may not push to the branch.
    prefix = {"branch": "refs/heads/", "tag": "refs/tags/"}[kind]
    if ref not in {named, f"{prefix}{named}"}:
        return Check(name, Outcome.FAILS, f"the statement names the {kind} {named}, not {ref}")
    assumed = f"assume:repo:{statement.source.partition('://')[2]}:"
    roles = [scope.removeprefix(assumed) for scope in _scopes(evidence) if scope.startswith(assumed)]
    if any(_covers(role, f"{kind}:{named}") for role in roles):
        return Check(name, Outcome.HOLDS, f"{named}, by the role that the task assumes")
    others = [role for role in roles if role.startswith(("branch:", "tag:"))]
    if others:
        seen = f"the statement names the {kind} {named}, and the task assumes the role of {', '.join(others)}"
        return Check(name, Outcome.FAILS, seen)
    if policy.source is None:
        return Check(
            name, Outcome.UNKNOWN, f"{named} is the task's own claim; with --source it is the repository's"
        )
    return Check(name, Outcome.HOLDS, f"{named}, by the statement of a task of the repository's")


def _covers(role: str, wanted: str) -> bool:
    return role == wanted or (role.endswith("*") and wanted.startswith(role[:-1]))


def _pool_check(evidence: Evidence, pool: str) -> Check:
    name = "pool"
    if evidence.definition is None:
        return Check(
            name, Outcome.UNKNOWN, evidence.why_no_definition or "the task's definition cannot be read"
        )
    definition = evidence.definition
    queue = (
        definition.get("taskQueueId") or f"{definition.get('provisionerId')}/{definition.get('workerType')}"
    )
    if queue != pool:
        return Check(name, Outcome.FAILS, f"the task was for {queue}, not {pool}")
    return Check(name, Outcome.HOLDS, f"the task was for {pool}")


def _trusted(evidence: Evidence, policy: Policy) -> list[str]:
    offline = evidence.place == FOLDER
    told = (
        "who filled the folder" if offline else "Taskcluster's queue, and storage for the statement's bytes"
    )
    if policy.keys is None:
        trusted = [told, "the worker pool that ran the task"]
    else:
        trusted = [
            f"the keys of {policy.keys_from}, and the worker pool that holds them",
            f"{told}, for the run's end",
        ]
    if evidence.place == ENGINE:
        trusted.append("the engine: what it says of its image is not hashed here")
    if evidence.statement is not None:
        if policy.keys is None:
            trusted.append("no signature: Chain of Trust was not checked (--keys)")
        if evidence.statement.builder.get("engine", "").startswith("docker"):
            trusted.append("the build: whoever has the engine's socket is root on its worker, and could sign")
    return trusted
