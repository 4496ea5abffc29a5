"""Names keep their meaning: what is fixed belongs to one commit, and what moves does not go back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.image.digest import Digest
from runner.image.tags import Tag, told_apart
from runner.tag_law import Move, Relation, Standing, decide_tag

OURS, THEIRS = "a" * 40, "b" * 40
DIGEST = Digest.of(b"standing")
STANDINGS = st.builds(Standing, st.just(DIGEST), st.sampled_from([None, OURS, THEIRS, "x"]), st.booleans())
TAGS = st.builds(Tag, st.sampled_from(["v1", "latest", "main-2026"]), st.booleans(), st.booleans())
RELATIONS = st.sampled_from(Relation)


def decide(tag, standing, relation=Relation.UNKNOWN):
    return decide_tag(tag, {tag.name: standing}.get, OURS, lambda _commit: relation)


@pytest.mark.parametrize(
    ("fixed", "standing", "relation", "move", "warning"),
    [
        (True, None, Relation.UNKNOWN, Move.CREATE, False),
        (False, None, Relation.UNKNOWN, Move.CREATE, False),
        (True, Standing(DIGEST, OURS, True), Relation.UNKNOWN, Move.KEEP, False),
        (False, Standing(DIGEST, OURS, True), Relation.UNKNOWN, Move.KEEP, False),
        (True, Standing(DIGEST, OURS, False), Relation.UNKNOWN, Move.REPLACE, True),
        (True, Standing(DIGEST, THEIRS, False), Relation.OLDER, Move.REFUSE, True),
        (True, Standing(DIGEST, None, False), Relation.UNKNOWN, Move.REFUSE, True),
        (False, Standing(DIGEST, OURS, False), Relation.UNKNOWN, Move.MOVE, False),
        (False, Standing(DIGEST, THEIRS, False), Relation.NEWER, Move.REFUSE, True),
        (False, Standing(DIGEST, THEIRS, False), Relation.OLDER, Move.MOVE, False),
        (False, Standing(DIGEST, THEIRS, False), Relation.UNKNOWN, Move.MOVE, True),
        (False, Standing(DIGEST, THEIRS, False), Relation.DIVERGED, Move.MOVE, True),
        (False, Standing(DIGEST, None, False), Relation.NEWER, Move.MOVE, True),
    ],
)
def test_a_tag_is_decided_by_what_stands_under_it(fixed, standing, relation, move, warning):
    decision = decide(Tag("v1", fixed), standing, relation)
    assert (decision.move, decision.warning) == (move, warning)
    assert decision.standing == (DIGEST if standing else None)


@given(tag=TAGS, standing=STANDINGS, apart=st.none() | STANDINGS, relation=RELATIONS)
def test_a_fixed_tag_of_another_commit_is_never_changed(tag, standing, apart, relation):
    there = {told_apart(tag, OURS).name: apart, tag.name: standing}
    decision = decide_tag(tag, there.get, OURS, lambda _commit: relation)
    under = there[decision.tag.name]
    if decision.tag.fixed and under and under.revision != OURS and not under.stated:
        assert decision.move is Move.REFUSE


@given(standing=STANDINGS)
def test_latest_never_goes_back(standing):
    decision = decide(Tag("latest", fixed=False), standing, relation=Relation.NEWER)
    if standing.revision not in {OURS, None} and not standing.stated:
        assert decision.move is Move.REFUSE
        assert "it would go back" in decision.reason


def test_a_date_of_another_commit_is_told_apart():
    tag = Tag("main-2026-11-24-03-29", fixed=True, dated=True)
    decision = decide(tag, Standing(DIGEST, THEIRS, False))
    assert (decision.tag, decision.move) == (told_apart(tag, OURS), Move.CREATE)


def test_a_date_told_apart_that_is_taken_too_is_refused():
    tag = Tag("main-2026", fixed=True, dated=True)
    decision = decide_tag(
        tag, lambda _name: Standing(DIGEST, THEIRS, False), OURS, lambda _commit: Relation.UNKNOWN
    )
    assert decision.move is Move.REFUSE
