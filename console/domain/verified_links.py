"""A verdict on an image as a chain, link by link, from the tag to the policy."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from runner.errors import ExitCode
from runner.narration import megabytes
from runner.verification_values import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.evidence_reading import ReadSoFar
    from runner.image.reference import ImageReference
    from runner.verification_values import Evidence, Verdict


class Standing(StrEnum):
    """How a link stands."""

    HOLDS = "holds"
    FAILS = "fails"
    UNKNOWN = "unknown"
    NOT_ASKED = "not asked"


class Link(NamedTuple):
    """One link.

    Args:
        name: what it is of.
        standing: how it stands.
        seen: what was seen, a line each.
    """

    name: str
    standing: Standing
    seen: tuple[str, ...]


class Answer(NamedTuple):
    """A verdict in words.

    Args:
        standing: of the whole.
        words: `Verified`, `It differs` and so on, with the exit code of the command.
    """

    standing: Standing
    words: str


NAMES: Final = (
    "tag",
    "digest",
    "manifest",
    "task",
    "statement",
    "signature",
    "repository",
    "branch",
    "commit",
    "pool",
    "policy",
)
_OF_OUTCOME: Final = {
    Outcome.HOLDS: Standing.HOLDS,
    Outcome.FAILS: Standing.FAILS,
    Outcome.UNKNOWN: Standing.UNKNOWN,
}
_WORST_FIRST: Final = (Standing.FAILS, Standing.UNKNOWN, Standing.HOLDS)


def answer_of(verdict: Verdict) -> Answer:
    """What differs, what cannot be read, and what nobody demanded are three answers."""
    if verdict.exit_code is ExitCode.OK:
        return Answer(Standing.HOLDS, "Verified (exit code 0)")
    if verdict.exit_code is ExitCode.INTEGRITY:
        return Answer(Standing.FAILS, "NOT verified: it differs (exit code 6)")
    if any(check.outcome is Outcome.UNKNOWN for check in verdict.checks):
        return Answer(Standing.UNKNOWN, "Cannot tell: not all can be read (exit code 7)")
    return Answer(Standing.NOT_ASKED, "Unattributed: nothing was demanded of it (exit code 7)")


def links_of(reference: ImageReference, evidence: Evidence, verdict: Verdict) -> tuple[Link, ...]:
    """The chain, a link for each of NAMES; what was not demanded is there too, with what is claimed.

    Args:
        reference: as it was asked for.
        evidence: what was read.
        verdict: what was decided on it.
    """
    return tuple(_links(reference, evidence, verdict))


def _links(reference: ImageReference, evidence: Evidence, verdict: Verdict) -> Iterator[Link]:
    checked: dict[str, list[tuple[Standing, str]]] = {}
    for check in verdict.checks:
        checked.setdefault(check.name, []).append((_OF_OUTCOME[check.outcome], check.seen))

    def link(name: str, otherwise: str, *checks: str) -> Link:
        found = [each for check in checks for each in checked.get(check, ())]
        if not found:
            return Link(name, Standing.NOT_ASKED, (otherwise,))
        standing = next(worst for worst in _WORST_FIRST if any(worst is each for each, _ in found))
        return Link(name, standing, tuple(seen for _, seen in found))

    statement = evidence.statement
    event = statement.event if statement else {}
    kind = "tag" if event.get("tag") else "branch"
    says = "the statement says" if statement else "and no statement tells"
    yield _tag(reference, evidence)
    yield link("digest", "not compared", "digest")
    yield link("manifest", "what is behind the digest was not read", "contents", "platforms")
    yield link("task", "not looked for", "task", "run")
    yield link("statement", "nobody recorded its sha256" if statement else "there is none", "statement")
    yield link("signature", "not demanded (--keys FILE)", "signature")
    source = f" {statement.source}" if statement else ""
    yield link("repository", f"not demanded (--source); {says}{source}", "source")
    named = f" {kind} {event.get(kind)}" if statement else ""
    yield link("branch", f"not demanded (--ref); {says}{named}", "ref")
    yield _commit(evidence)
    yield link("pool", f"not demanded (--pool){_pool(evidence)}", "pool")
    yield Link("policy", answer_of(verdict).standing, verdict.policy)


def _tag(reference: ImageReference, evidence: Evidence) -> Link:
    if reference.digest is not None:
        return Link("tag", Standing.NOT_ASKED, ("named by its digest: no tag was read",))
    return Link("tag", Standing.HOLDS, (f"{reference.manifest_name} names sha256:{evidence.digest.short}…",))


def _commit(evidence: Evidence) -> Link:
    statement = evidence.statement
    stated = statement.revision if statement else None
    if stated is None:
        return Link("commit", Standing.NOT_ASKED, ("nothing tells of a commit",))
    if evidence.revision is None:
        return Link("commit", Standing.NOT_ASKED, (f"{stated}, as the statement says",))
    if evidence.revision == stated:
        return Link("commit", Standing.HOLDS, (f"{stated}, as statement and label say",))
    return Link(
        "commit", Standing.FAILS, (f"the statement says {stated}, and the label {evidence.revision}",)
    )


def _pool(evidence: Evidence) -> str:
    definition = evidence.definition or {}
    queue = definition.get("taskQueueId")
    return f"; the task was for {queue}" if queue else ""


def told_so_far(read: ReadSoFar) -> str:
    """How far the reading of layers is."""
    return (
        f"{megabytes(read.read)} of {megabytes(read.size)}, "
        f"{read.ended} of {read.blobs} blobs whole, now {read.blob.short}"
    )
