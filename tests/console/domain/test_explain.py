"""Why somebody holds a scope, or why not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.access import Access, Client, Role
from console.domain.explain import No, Unknown, Yes, explain
from console.domain.principal import parse_principal
from console.domain.scope_search import How
from console.domain.scopes import PARAMETER, covers, satisfies
from tests.support.role_sets import (
    CLIENTS,
    HELD,
    ROLE_IDS,
    ROLE_SETS,
    UNHURRIED,
    access_of,
    expanded,
    matches,
)
from tests.support.role_sets import given as granted

SECRET = "secrets:get:repo:github.com/org/app:dockerhub"
ROLES = [
    Role("repo:github.com/org/app:branch:main", (SECRET,)),
    Role("repo:github.com/org/app:release:*", ("assume:publisher:app",)),
    Role("publisher:*", ("secrets:get:repo:github.com/org/<..>:dockerhub", "queue:route:index.<..>.*")),
    Role("org-admin", ("assume:repo:github.com/org/*", "secrets:*")),
]
CLIENT = Client("ci/app", ("assume:publisher:app",))


def _explain(principal, scope, **unread):
    return explain(Access(ROLES, [CLIENT], **unread), parse_principal(principal), scope)


def test_a_role_that_states_the_scope_is_one_exact_link():
    answer = _explain("repo:github.com/org/app:branch:main", SECRET)
    assert isinstance(answer, Yes)
    assert answer.others == 0
    (link,) = answer.chain.links
    assert (link.role_id, link.how, link.stated, link.parameter) == (
        "repo:github.com/org/app:branch:main",
        How.EXACT,
        SECRET,
        None,
    )
    assert answer.chain.how is How.EXACT


def test_each_link_tells_by_what_it_matched_and_its_parameter():
    answer = _explain("repo:github.com/org/app:release:published", SECRET)
    assert isinstance(answer, Yes)
    release, publisher = answer.chain.links
    assert (release.role_id, release.how) == ("repo:github.com/org/app:release:*", How.ROLE_STAR)
    assert (publisher.held, publisher.role_id) == ("assume:publisher:app", "publisher:*")
    assert (publisher.how, publisher.parameter, publisher.granted) == (How.ROLE_STAR, "app", SECRET)


def test_a_held_star_matches_the_roles_below_it_and_the_shortest_of_several_ways_is_told():
    answer = _explain("scope:assume:repo:github.com/org/*", SECRET)
    assert isinstance(answer, Yes)
    assert answer.others == 1
    assert [link.how for link in answer.chain.links] == [How.SCOPE_STAR]


def test_the_parameter_of_a_held_star_is_cut_at_the_star():
    answer = _explain("scope:assume:publisher:a*", SECRET)
    assert isinstance(answer, Yes)
    assert answer.chain.last == "secrets:get:repo:github.com/org/a*"
    assert answer.chain.how is How.SCOPE_STAR


def test_a_scope_held_without_any_role_is_a_chain_without_links():
    answer = _explain("scope:secrets:get:*", SECRET)
    assert isinstance(answer, Yes)
    assert (answer.chain.held, answer.chain.links, answer.chain.how) == ("secrets:get:*", (), How.SCOPE_STAR)


def test_a_client_holds_its_scopes_and_what_everyone_holds():
    assert isinstance(_explain("client:ci/app", SECRET), Yes)
    everyone = Access([*ROLES, Role("anonymous", ("queue:get-artifact:public/*",))], [CLIENT])
    answer = explain(everyone, parse_principal("client:ci/app"), "queue:get-artifact:public/log")
    assert isinstance(answer, Yes)
    assert answer.chain.role_ids == ("anonymous",)


def test_a_client_that_is_not_listed_is_unknown_for_temporary_credentials_are_not_listed():
    assert _explain("client:ci/other", SECRET) == Unknown("no client ci/other is listed")


def test_a_no_names_to_whom_alone_the_scope_is_granted_the_most_alike_first():
    answer = _explain("repo:github.com/org/app:branch:master", SECRET)
    assert isinstance(answer, No)
    assert answer.matched == ()
    assert answer.misses[0].granted == SECRET
    assert answer.misses[0].role_ids == ("repo:github.com/org/app:branch:main",)
    assert answer.misses[0].suffices


def test_a_no_tells_a_scope_that_differs_in_case_alone_before_a_wide_one_that_would_do():
    answer = _explain("repo:github.com/org/app:branch:main", SECRET.replace("dockerhub", "DockerHub"))
    assert isinstance(answer, No)
    assert answer.matched == ("repo:github.com/org/app:branch:main",)
    near, wide = answer.misses
    assert (near.granted, near.only_case, near.suffices) == (SECRET, True, False)
    assert (wide.granted, wide.role_ids, wide.suffices) == ("secrets:*", ("org-admin",), True)


def test_a_no_names_the_grant_of_the_longest_common_beginning():
    answer = _explain("repo:github.com/org/app:branch:main", "queue:route:statuses")
    assert isinstance(answer, No)
    assert [miss.granted for miss in answer.misses] == ["queue:route:index.<..>.*"]


def test_a_no_about_a_scope_like_no_other_has_no_nearest_miss():
    answer = _explain("repo:github.com/org/app:branch:main", "hooks:trigger-hook:a/b")
    assert answer == No(("repo:github.com/org/app:branch:main",), ())


def test_without_all_roles_a_no_is_unknown_and_a_yes_is_a_yes():
    unread = "auth:list-roles is missing"
    assert isinstance(_explain("repo:github.com/org/app:branch:main", SECRET, roles_unread=unread), Yes)
    assert _explain("repo:github.com/org/app:branch:master", SECRET, roles_unread=unread) == Unknown(unread)
    nothing = Access([], roles_unread=unread)
    assert isinstance(explain(nothing, parse_principal("scope:secrets:*"), SECRET), Yes)
    assert explain(nothing, parse_principal("anybody"), SECRET) == Unknown(unread)


@pytest.mark.parametrize(
    ("held", "is_all"), [("*", True), ("a*", True), ("assume*", True), (":*", False), ("b*", False)]
)
def test_a_star_that_may_begin_assume_expands_every_role(held, is_all):
    access = Access([Role("r", ("x",))])
    assert isinstance(explain(access, [held], "x"), Yes) is is_all


def test_a_parameter_is_literal_in_a_role_without_a_star_and_so_is_a_star_in_the_middle():
    access = Access([Role("r", ("x:<..>", "y:*:z"))])
    assert isinstance(explain(access, ["assume:r"], "x:<..>"), Yes)
    assert isinstance(explain(access, ["assume:r"], "x:r"), No)
    assert isinstance(explain(access, ["assume:r"], "y:a:z"), No)


def test_a_scope_that_a_wider_one_swallowed_in_the_expansion_is_still_held():
    access = Access([Role("r", ("secrets:get:a", "secrets:*"))])
    assert access.rules.expand(["assume:r"]) == ["assume:r", "secrets:*"]
    answer = explain(access, ["assume:r"], "secrets:get:a")
    assert isinstance(answer, Yes)
    assert answer.others == 1


def test_roles_that_grow_without_end_end_the_search_as_unknown():
    access = Access([Role("c*", ("assume:c<..>x",))])
    answer = explain(access, parse_principal("ca"), "assume:cby")
    assert isinstance(answer, Unknown)
    assert "without end" in answer.reason


@UNHURRIED
@given(ROLE_SETS, st.lists(HELD, max_size=3))
def test_expansion_is_the_naive_fixed_point(roles, held):
    assert access_of(roles).rules.expand(held) == expanded(roles, held)


@UNHURRIED
@given(ROLE_SETS, st.lists(HELD, max_size=3), HELD)
def test_yes_and_no_are_what_the_naive_fixed_point_says(roles, held, wanted):
    answer = explain(access_of(roles), held, wanted)
    assert isinstance(answer, Yes if satisfies(expanded(roles, held), wanted) else No)


@UNHURRIED
@given(ROLE_SETS, st.lists(HELD, min_size=1, max_size=3), HELD)
def test_each_chain_leads_by_the_rules_from_a_held_scope_to_the_wanted_one(roles, held, wanted):
    answer = explain(access_of(roles), held, wanted)
    if not isinstance(answer, Yes):
        return
    at = answer.chain.held
    assert at in held
    for link in answer.chain.links:
        pattern = f"assume:{link.role_id}"
        assert link.held == at
        assert matches(pattern, at)
        assert link.stated in roles[link.role_id]
        assert (link.parameter is not None) == (pattern.endswith("*") and PARAMETER in link.stated)
        assert link.granted == granted(pattern, link.stated, at)
        at = link.granted
    assert covers(at, wanted)
    assert answer.others >= 0


@UNHURRIED
@given(ROLE_SETS, HELD, HELD)
def test_no_way_is_shorter_than_the_one_told(roles, held, wanted):
    answer = explain(access_of(roles), [held], wanted)
    level = {held}
    length = 0
    while isinstance(answer, Yes) and not satisfies(level, wanted):
        level = {
            granted(f"assume:{role_id}", stated, scope)
            for scope in level
            for role_id, scopes in roles.items()
            if matches(f"assume:{role_id}", scope)
            for stated in scopes
        }
        length += 1
    if isinstance(answer, Yes):
        assert len(answer.chain.links) == length


def _ways(roles, scope, wanted):
    following = (
        granted(f"assume:{role_id}", stated, scope)
        for role_id, scopes in roles.items()
        if matches(f"assume:{role_id}", scope)
        for stated in scopes
    )
    return covers(scope, wanted) + sum(_ways(roles, after, wanted) for after in following)


@UNHURRIED
@given(ROLE_SETS, st.sets(HELD, max_size=2), HELD)
def test_every_other_way_is_counted_once(roles, held, wanted):
    answer = explain(access_of(roles), held, wanted)
    if isinstance(answer, Yes):
        assert answer.others + 1 == sum(_ways(roles, scope, wanted) for scope in held)


@UNHURRIED
@given(ROLE_SETS, HELD, HELD)
def test_a_miss_is_a_grant_of_the_roles_that_it_names(roles, held, wanted):
    answer = explain(access_of(roles), [held], wanted)
    for miss in answer.misses if isinstance(answer, No) else ():
        assert miss.role_ids
        assert all(miss.granted in roles[role_id] for role_id in miss.role_ids)


@UNHURRIED
@given(ROLE_SETS, CLIENTS, HELD, st.sets(ROLE_IDS, max_size=3))
def test_hidden_roles_turn_a_no_into_unknown_and_never_an_answer_into_another(roles, clients, wanted, hidden):
    seen = {role_id: scopes for role_id, scopes in roles.items() if role_id not in hidden}
    partial = Access(
        [Role(role_id, tuple(scopes)) for role_id, scopes in seen.items()],
        [Client(client_id, tuple(scopes)) for client_id, scopes in clients.items()],
        roles_unread="a page failed",
    )
    for client_id in clients:
        principal = parse_principal(f"client:{client_id}")
        answer = explain(partial, principal, wanted)
        assert not isinstance(answer, No)
        if isinstance(answer, Yes):
            assert isinstance(explain(access_of(roles, clients), principal, wanted), Yes)
