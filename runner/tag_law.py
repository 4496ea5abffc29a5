"""What may happen to a tag that exists: names keep their meaning. Pure.

A version, commit or date tag belongs to one commit; a branch's tag and `latest` move, but not back in history.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from runner.image.tags import told_apart

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.image.digest import Digest
    from runner.image.tags import Tag


class Move(StrEnum):
    """What is to be done with a tag."""

    CREATE = "create"
    KEEP = "already published"
    REPLACE = "replace"
    MOVE = "move"
    REFUSE = "refuse"


class Relation(StrEnum):
    """How the commit under a tag is related to ours."""

    OLDER = "older"
    NEWER = "newer"
    DIVERGED = "of another history"
    UNKNOWN = "unknown"


class Standing(NamedTuple):
    """What is under a tag now.

    Args:
        digest: of its manifest or index.
        revision: the commit that its label names, or None.
        stated: whether a statement that this repository's task made for our commit names the digest.
    """

    digest: Digest
    revision: str | None
    stated: bool


class Decision(NamedTuple):
    """What is to be done with a tag, and why.

    Args:
        tag: the tag, which may be another than the one that was wanted.
        move: what to do.
        reason: for the plan, or for the refusal.
        warning: whether the user should look at the reason.
        standing: the digest under the tag now, or None.
    """

    tag: Tag
    move: Move
    reason: str
    warning: bool = False
    standing: Digest | None = None


def decide_tag(
    tag: Tag, look: Callable[[str], Standing | None], revision: str, relate: Callable[[str], Relation]
) -> Decision:
    """Decide on one tag.

    Args:
        tag: the wanted one.
        look: what is under a tag's name, or None.
        revision: the commit that is published.
        relate: how a commit is related to ours.
    """
    standing = look(tag.name)
    if standing is None:
        return Decision(tag, Move.CREATE, "it does not exist")
    if standing.stated:
        return Decision(
            tag, Move.KEEP, f"it is {standing.digest}, published for this commit", False, standing.digest
        )
    if not tag.fixed:
        return _decide_moving(tag, standing, revision, relate)
    if standing.revision == revision:
        reason = (
            f"the tag {tag} is labelled with this commit, but no statement names its digest: it is replaced"
        )
        return Decision(tag, Move.REPLACE, reason, True, standing.digest)
    apart = told_apart(tag, revision)
    if tag.dated and apart != tag:
        return decide_tag(apart, look, revision, relate)
    reason = f"the tag {tag} belongs to {_commit(standing)}, and a fixed tag belongs to one commit"
    return Decision(tag, Move.REFUSE, reason, True, standing.digest)


def _decide_moving(
    tag: Tag, standing: Standing, revision: str, relate: Callable[[str], Relation]
) -> Decision:
    if standing.revision == revision:
        return Decision(tag, Move.MOVE, "it is of this commit", False, standing.digest)
    match relate(standing.revision) if standing.revision else Relation.UNKNOWN:
        case Relation.NEWER:
            reason = f"the tag {tag} is at {_commit(standing)}, which has this commit in its history: it would go back"
            return Decision(tag, Move.REFUSE, reason, True, standing.digest)
        case Relation.OLDER:
            return Decision(tag, Move.MOVE, f"it moves on from {_commit(standing)}", False, standing.digest)
        case Relation.DIVERGED:
            reason = f"the tag {tag} moves from {_commit(standing)}, which this commit does not have in its history"
            return Decision(tag, Move.MOVE, reason, True, standing.digest)
        case Relation.UNKNOWN:
            reason = f"the tag {tag} moves from {_commit(standing)}; whether that is older is not known here"
            return Decision(tag, Move.MOVE, reason, True, standing.digest)


def _commit(standing: Standing) -> str:
    return (
        f"commit {standing.revision[:12]}" if standing.revision else f"{standing.digest}, of no known commit"
    )
