"""Scopes are satisfied, expanded and refused as Taskcluster does it."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.grants import Grants
from console.domain.scope_search import Search
from console.domain.scopes import (
    BadScope,
    Expression,
    RoleCycle,
    Roles,
    check_role,
    check_scope,
    covers,
    is_satisfied,
    missing,
    normalise,
    satisfies,
)

REFERENCES = Path(os.environ.get("TASKCLUSTER_REFERENCES", Path(__file__).parents[4] / "shared/taskcluster"))
VECTORS = REFERENCES / "scope-vectors.json"

scopes = st.text("ab:*", max_size=6)


@pytest.mark.parametrize(
    ("held", "wanted", "expected"),
    [
        ("a*", "a", True),
        ("a*", "abc", True),
        ("a*", "a*", True),
        ("a*", "ab*", True),
        ("ab*", "a*", False),
        ("a:*:c", "a:b:c", False),
        ("a:*:c", "a:*:c", True),
        ("A", "a", False),
        ("secrets:get:project/opt/*", "secrets:get:project/opt/", True),
        ("secrets:get:project/opt/*", "secrets:get:project/opt", False),
    ],
)
def test_only_a_final_star_is_a_wildcard(held, wanted, expected):
    assert covers(held, wanted) is expected


def _cases():
    if not VECTORS.exists():
        return [pytest.param(None, id="absent", marks=pytest.mark.skip(reason=f"{VECTORS} is not here"))]
    return [pytest.param(case, id=case["title"]) for case in json.loads(VECTORS.read_text())["cases"]]


@pytest.mark.parametrize("case", _cases())
def test_expands_as_the_published_vectors_say(case):
    roles = Roles({rule["pattern"]: rule["scopes"] for rule in case["rules"]})
    for scope, added in case["expansions"].items():
        assert roles.expand([scope]) == normalise([scope, *added]), scope


@pytest.mark.parametrize("case", _cases())
def test_the_part_that_bears_on_a_scope_leads_to_it_as_the_published_vectors_say(case):
    roles = Roles({rule["pattern"]: rule["scopes"] for rule in case["rules"]})
    grants = Grants(roles)
    everything = {scope for added in case["expansions"].values() for scope in added}
    for scope, added in case["expansions"].items():
        for wanted in everything:
            chain = Search(grants.bearing_on(wanted), [scope]).chain(wanted)
            assert (chain is not None) is satisfies([scope, *added], wanted), (scope, wanted)


def test_a_role_with_a_star_hands_its_parameter_on():
    roles = Roles.of(
        {"repo:github.com/mozilla/*": ["secrets:get:project/<..>", "assume:tree:<..>"], "tree:*": ["t:<..>"]}
    )
    assert roles.expand(["assume:repo:github.com/mozilla/balrog"]) == [
        "assume:repo:github.com/mozilla/balrog",
        "assume:tree:balrog",
        "secrets:get:project/balrog",
        "t:balrog",
    ]
    assert "secrets:get:project/*" in roles.expand(["assume:repo:github.com/moz*"])


def test_a_parameter_in_a_role_without_star_is_literal():
    assert Roles.of({"r": ["x:<..>"]}).expand(["assume:r"]) == ["assume:r", "x:<..>"]


@pytest.mark.parametrize(
    "roles",
    [
        {"cyc*": ["assume:cyc<..>x"]},
        {"a": ["assume:b"], "b": ["assume:a"]},
        {"c1x": ["assume:c1*"]},
        {"a": ["*"]},
    ],
)
def test_roles_that_assume_one_another_are_refused(roles):
    with pytest.raises(RoleCycle, match="dependency cycles"):
        Roles.of(roles).check_cycles()


def test_roles_without_a_cycle_are_accepted():
    Roles.of({"a": ["assume:b"], "b": ["assume:c*"], "c1": ["x*"]}).check_cycles()


def test_two_stars_at_the_end_are_refused():
    with pytest.raises(BadScope, match=r"must not end with `\*\*`"):
        check_scope("a**")


@pytest.mark.parametrize("scope", ["a:<..>:b:<..>", "a*<..>"])
def test_a_scope_whose_parameter_cannot_be_placed_is_refused(scope):
    with pytest.raises(BadScope, match="parameterized scope"):
        check_role("r*", [scope])


def test_what_is_missing_is_said_as_the_services_say_it():
    expression: Expression = {"AllOf": ["a", "b", {"AnyOf": ["c", {"AllOf": ["d", "e"]}]}]}
    assert missing(expression, ["a", "b", "d", "e"]) is None
    assert missing(expression, ["a", "d"]) == {"AllOf": ["b", {"AnyOf": ["c", "e"]}]}
    assert missing({"AllOf": ["a", "b"]}, ["a"]) == "b"


@given(st.lists(scopes), scopes)
def test_normalising_changes_no_answer(held, wanted):
    assert satisfies(normalise(held), wanted) is satisfies(held, wanted)


@given(st.lists(scopes))
def test_normalising_twice_changes_nothing(held):
    assert normalise(normalise(held)) == normalise(held)


@given(st.lists(scopes))
def test_nothing_that_is_left_covers_another(held):
    left = normalise(held)
    assert not [(a, b) for a in left for b in left if a != b and covers(a, b)]


@given(
    st.dictionaries(st.text("ab*", max_size=4), st.lists(scopes, max_size=3), max_size=4), st.lists(scopes)
)
def test_expansion_takes_nothing_away_and_is_complete(roles, held):
    rules = Roles(roles)
    expanded = rules.expand(held)
    assert all(satisfies(expanded, scope) for scope in held)
    assert is_satisfied({"AllOf": list(held)}, expanded)
