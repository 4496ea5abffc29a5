"""Whether the registry accepts the credentials and a push, what the tags point at, and what was built last."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from console.domain.findings import Diagnosis, Link, broken, doubtful, ok, untold
from console.domain.findings_fix import AtRegistry, RotateSecret, RunCommand
from runner.tag_law import Decision, Move

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from runner.errors import RunnerError
    from runner.settings import Settings


class Push(Enum):
    """What the registry said to the wish to push."""

    GRANTED = "granted"
    WRONG_PASSWORD = "wrong password"  # noqa: S105 - an outcome's name
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class RegistryFacts:
    """What a registry said.

    Args:
        push: to a push.
        user: who asked, or "".
        said: the error's words, where it did not grant it.
        decisions: what would be done with each tag, or None where the tags could not be read.
        tags_unread: why, or the words for what is wrong with the tags' templates.
        bad_tags: whether the templates are wrong.
        tasks: by digest, the task that published it, as the index says.
    """

    push: Push
    user: str = ""
    said: RunnerError | None = None
    decisions: Sequence[Decision] | None = None
    tags_unread: str = ""
    bad_tags: bool = False
    tasks: Mapping[str, str] = field(default_factory=dict)


def registry_findings(facts: RegistryFacts, settings: Settings) -> Iterator[Diagnosis]:
    """Whether a push is let in."""
    target = str(settings.repository)
    said = f"{facts.said.what}" if facts.said else ""
    match facts.push:
        case Push.GRANTED:
            yield ok(Link.REGISTRY, f"{facts.user} may push to {target}")
        case Push.WRONG_PASSWORD:
            fix = RotateSecret(secret=settings.secret)
            yield broken(
                Link.REGISTRY,
                "registry-password",
                said,
                "Set the secret anew, with a token that is valid.",
                fix,
            )
        case Push.REFUSED:
            yield broken(
                Link.REGISTRY,
                "registry-refuses-push",
                said,
                f"Let {facts.user} push to {target}, in the registry's own settings.",
                AtRegistry(target, "grant push", facts.user),
            )
        case Push.UNKNOWN:
            yield untold(
                Link.REGISTRY,
                said or f"Whether a push to {target} is let in: there are no credentials to try.",
                "Try again later." if said else "",
            )


def tag_findings(facts: RegistryFacts, settings: Settings) -> Iterator[Diagnosis]:
    """What the tags point at, and whether they may be set."""
    if facts.bad_tags:
        yield broken(
            Link.TAGS, "tags-unmakeable", facts.tags_unread, "Correct `tags` in lading.toml, or the event."
        )
        return
    if facts.decisions is None:
        yield untold(Link.TAGS, facts.tags_unread or "What the tags point at was not asked.")
        return
    refused = [decision for decision in facts.decisions if decision.move is Move.REFUSE]
    for decision in refused:
        yield _refused(decision, settings)
    if refused:
        return
    seen = "; ".join(_standing(decision, facts) for decision in facts.decisions)
    if any(decision.warning and decision.move is Move.MOVE for decision in facts.decisions):
        yield doubtful(Link.TAGS, "tag-moves", seen, "See that nobody else publishes under this tag.")
        return
    yield ok(Link.TAGS, seen)


def _refused(decision: Decision, settings: Settings) -> Diagnosis:
    seen = f"{decision.reason[0].upper()}{decision.reason[1:]}."
    if not decision.tag.fixed:
        fix = RunCommand(("git", "pull"))
        return broken(Link.TAGS, "tag-goes-back", seen, "Bring the checkout up to date.", fix)
    return broken(
        Link.TAGS,
        "tag-taken",
        seen,
        f"Publish under another version, or remove the tag `{decision.tag}` at {settings.repository.registry} if it "
        "should not be there.",
        AtRegistry(str(settings.repository), "remove tag", decision.tag.name),
    )


def _standing(decision: Decision, facts: RegistryFacts) -> str:
    if decision.standing is None:
        return f"{decision.tag} is free"
    task = facts.tasks.get(str(decision.standing))
    by = f", published by task {task}" if task else ""
    return f"{decision.tag} is at {decision.standing.hex[:12]}{by}: {decision.move}"


def build_finding(slug: str, build: Mapping[str, Any] | None, unread: str = "") -> Diagnosis:
    """What became of the repository's last build, as the github service tells it."""
    if unread:
        return untold(Link.BUILD, unread)
    if build is None:
        return ok(Link.BUILD, f"Taskcluster-Github has built nothing of {slug} yet")
    group, state = str(build.get("taskGroupId", "")), str(build.get("state", ""))
    commit, since = str(build.get("sha", ""))[:12], str(build.get("updated", ""))[:10]
    seen = f"{build.get('eventType')} of {commit}: {state}, on {since}"
    if state in {"failure", "error", "cancelled"}:
        fix = RunCommand(("lading", "build", "watch", group))
        return doubtful(Link.BUILD, "last-build-failed", seen, "See why.", fix)
    return ok(Link.BUILD, seen)
