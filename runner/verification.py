"""What makes an image a task's, and a task a repository's: pure decisions over evidence gathered elsewhere.

A definition's env, payload and metadata are its creator's own claims. Its `scopes` are not: createTask checked
that the creator held them. So a task is a repository's only by its scopes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from runner.chain_of_trust import Signed, SignedChain, shown_key, signature_faults
from runner.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from runner.image.digest import Digest
    from runner.task.statement import Statement

# Where an image is read.
REGISTRY, ENGINE, FOLDER = "the registry", "the engine", "the folder"
# Taskcluster-Github's roles for pull requests, and the one of actions on them.
_PULL_REQUEST_ROLES: Final = ("pull-request", "pull-request-untrusted", "pr-action")


class Outcome(StrEnum):
    """What a check found."""

    HOLDS = "holds"
    FAILS = "fails"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Check:
    """One link of the chain, and what was seen there."""

    name: str
    outcome: Outcome
    seen: str


@dataclass(frozen=True, slots=True)
class Policy:
    """What the caller demands.

    Args:
        task: the task that must have published the image, or None.
        source: the repository that it must come from, as (host, slug), or None.
        ref: the branch or tag it must come from, or None.
        pool: the taskQueueId that it must have run on, or None.
        scopes: further scopes that make a task the repository's.
        keys: one of which must have signed the statement, or None where no signature is demanded.
        keys_from: the file that pins them.
    """

    task: str | None = None
    source: tuple[str, str] | None = None
    ref: str | None = None
    pool: str | None = None
    scopes: frozenset[str] = frozenset()
    keys: tuple[bytes, ...] | None = None
    keys_from: str = ""

    def lines(self) -> list[str]:
        """The policy as it is enforced, a line each."""
        lines = [f"task = {self.task}"] if self.task else []
        if self.source:
            lines.append(f"source = {self.source[0]}/{self.source[1]}")
        lines += [f"{name} = {value}" for name, value in (("ref", self.ref), ("pool", self.pool)) if value]
        lines += [f"scope = {scope}" for scope in sorted(self.scopes)]
        if self.keys is not None:
            lines.append(f"signed by one of {len(self.keys)} keys of {self.keys_from}")
        return lines or ["none: what is found is shown as unattributed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was read, each part or the reason why it is missing.

    Args:
        digest: the digest that the registry serves, over bytes that were hashed.
        config: the config's digest in that manifest, or None for an index.
        layers: the digests of that manifest's layers, or None for an index.
        diff_ids: of the layers as the registry serves them, uncompressed and hashed, or None if not needed.
        revision: the commit that the image's label names, or None.
        statement: the run's statement, or None.
        why_no_statement: the reason, if there is none.
        broken_statement: what is wrong with it, if the run left one that is none.
        statement_sha256: the digest of the statement's own bytes.
        recorded_sha256: that digest as others recorded it when it was made, by who recorded it.
        task_id: the task, or None if none was found.
        run_id: its run.
        found_by: `given`, `index NAMESPACE`, `the image's label`.
        run_state: the run's state.
        definition: the task's definition, or None.
        why_no_definition: the reason, if there is none.
        place: where the image was read: `the registry`, `the engine`, `the folder`.
        contents: what of the image's blobs was read and hashed, or why that was not done.
        damage: each blob that is missing or is not what its digest says.
        unread: why the blobs could not be read, or "".
        artifact: the statement's name.
        chain: what the run left of Chain of Trust, or None where it was not asked for or cannot be read.
        why_no_chain: the reason, if it cannot be read.
    """

    digest: Digest
    config: Digest | None = None
    layers: tuple[Digest, ...] | None = None
    diff_ids: tuple[Digest, ...] | None = None
    revision: str | None = None
    statement: Statement | None = None
    why_no_statement: str = ""
    broken_statement: str = ""
    statement_sha256: Digest | None = None
    recorded_sha256: Mapping[str, str] = field(default_factory=dict)
    task_id: str | None = None
    run_id: int | None = None
    found_by: str = ""
    run_state: str | None = None
    definition: Mapping[str, Any] | None = None
    why_no_definition: str = ""
    place: str = REGISTRY
    contents: str = ""
    damage: tuple[str, ...] = ()
    unread: str = ""
    artifact: str = ""
    chain: SignedChain | None = None
    why_no_chain: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer, the checks it rests on, and what was trusted."""

    exit_code: ExitCode
    summary: str
    checks: tuple[Check, ...]
    trusted: tuple[str, ...]
    policy: tuple[str, ...]
    compared: str = ""


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
    checks = [_digest_check(evidence), *_contents_checks(evidence), *_statement_checks(evidence)]
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
        _compared(evidence),
    )


def _verified(evidence: Evidence, policy: Policy) -> str:
    what = f"{policy.source[0]}/{policy.source[1]}" if policy.source else f"task {evidence.task_id}"
    statement = evidence.statement
    commit = f" from commit {statement.revision}" if statement and statement.revision else ""
    if _is_weak(evidence):
        if evidence.place == ENGINE:
            return f"Verified by content: the engine's image is that which {what} published{commit}."
        return (
            f"Verified by content only: recompressed elsewhere, and its layers are those of {what}{commit}."
        )
    return f"Verified: {evidence.digest} was published by {what}{commit}."


def _is_weak(evidence: Evidence) -> bool:
    return evidence.statement is not None and evidence.digest != evidence.statement.published


def _compared(evidence: Evidence) -> str:
    if evidence.statement is None:
        return ""
    if _is_weak(evidence):
        return (
            "manifest digest"
            if evidence.place == ENGINE and not evidence.config
            else "config digest and diffIDs"
        )
    return "index digest" if evidence.statement.index == evidence.digest else "manifest digest"


def _digest_check(evidence: Evidence) -> Check:
    name = "digest"
    statement = evidence.statement
    if evidence.broken_statement:
        return Check(name, Outcome.FAILS, evidence.broken_statement)
    if statement is None:
        return Check(
            name, Outcome.UNKNOWN, evidence.why_no_statement or "there is no statement to compare with"
        )
    if statement.published == evidence.digest:
        return Check(name, Outcome.HOLDS, f"{evidence.place} serves {evidence.digest}, as the statement says")
    if evidence.place == ENGINE:
        return _engine_check(evidence, statement)
    # The same layers under another manifest were not recompressed: somebody wrote the manifest, or the statement, anew.
    recompressed = evidence.layers != statement.layers
    if recompressed and evidence.config == statement.config and evidence.diff_ids == statement.diff_ids:
        seen = (
            f"{evidence.place} serves {evidence.digest}; its config and layers' content are the statement's"
        )
        return Check(name, Outcome.HOLDS, seen)
    return Check(name, Outcome.FAILS, _difference(evidence, statement))


def _engine_check(evidence: Evidence, statement: Statement) -> Check:
    """An engine keeps what it pulled as one platform's manifest, or as a config with unpacked layers."""
    name = "digest"
    images: list[tuple[str, str, tuple[str, ...]]] = [
        (str(statement.manifest), str(statement.config), tuple(map(str, statement.diff_ids)))
    ]
    images += [(image["manifest"], image["config"], tuple(image["diffIds"])) for image in statement.images]
    config, diff_ids = str(evidence.config), tuple(map(str, evidence.diff_ids or ()))
    if str(evidence.digest) in {manifest for manifest, _, _ in images}:
        return Check(name, Outcome.HOLDS, f"the engine has {evidence.digest}, a manifest of the statement's")
    if any((config, diff_ids) == image[1:] for image in images):
        return Check(
            name,
            Outcome.HOLDS,
            f"the engine has the config {config}, and its layers' content is the statement's",
        )
    if not any(diff_ids == stated for _, _, stated in images):
        seen = f"the engine has {evidence.digest}, whose layers' content is not the statement's"
    elif evidence.config is None:
        seen = f"the engine has {evidence.digest}, and tells of no config that could be compared"
        return Check(name, Outcome.UNKNOWN, seen)
    else:
        seen = f"the engine has the config {config}, and the statement says {statement.config}"
    return Check(name, Outcome.FAILS, seen)


def _difference(evidence: Evidence, statement: Statement) -> str:
    seen = f"{evidence.place} serves {evidence.digest}, and the statement says {statement.published}"
    if evidence.config is None:
        return seen
    if evidence.config == statement.config and evidence.layers == statement.layers:
        return f"{seen} (config and layers are the same)"
    if evidence.config != statement.config:
        return f"{seen} (the config differs: {evidence.config}, not {statement.config})"
    if evidence.diff_ids is None:
        return f"{seen} (the config is the same, and the layers' content could not be compared)"
    layers = [
        str(number)
        for number, (served, stated) in enumerate(
            zip(evidence.diff_ids, statement.diff_ids, strict=False), start=1
        )
        if served != stated
    ]
    return f"{seen} (the content of layer {', '.join(layers) or 'list'} differs)"


def _contents_checks(evidence: Evidence) -> list[Check]:
    """Whether every blob that could be read is what its digest says."""
    if evidence.damage:
        return [Check("contents", Outcome.FAILS, seen) for seen in evidence.damage]
    if evidence.unread:
        return [Check("contents", Outcome.UNKNOWN, evidence.unread)]
    return [Check("contents", Outcome.HOLDS, evidence.contents)] if evidence.contents else []


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
    if statement.published == evidence.digest:
        contradictions += [
            f"the statement says the {what} {stated}, and the image has {served}"
            for what, stated, served in (
                ("config", statement.config, evidence.config),
                ("layers", " ".join(map(str, statement.layers)), " ".join(map(str, evidence.layers or ()))),
                ("commit", statement.revision, evidence.revision),
            )
            if served and stated != served
        ]
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
