"""What an edit of a role would do, told before anything is sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.access import Access, Client, Role
from console.domain.principal import Kind
from console.domain.role_preview import preview, scopes_from_text
from console.domain.scopes import RoleCycle, satisfies
from tests.support.role_sets import CLIENTS, ROLE_IDS, ROLE_SETS, STATED, UNHURRIED, access_of, expanded

MAIN = "repo:github.com/org/app:branch:main"
SECRET = "secrets:get:repo:github.com/org/app:dockerhub"
ROLES = [
    Role(MAIN, ("assume:pusher", "queue:route:statuses")),
    Role("pusher", (SECRET,), description="*DO NOT EDIT* - This resource is configured automatically."),
    Role("repo:github.com/org/*", ("queue:route:checks",)),
    Role("org-admin", ("assume:repo:github.com/org/*",)),
]
ACCESS = Access(ROLES, [Client("ci/root", ("*",)), Client("ci/main", (f"assume:{MAIN}",))])


def test_scopes_typed_in_an_editor_are_trimmed_sorted_and_each_once():
    assert scopes_from_text("b:x  \r\n\n   \na:y\t\nb:x\n") == ("a:y", "b:x")


def test_the_scopes_are_sent_sorted_and_each_once():
    assert preview(ACCESS, "pusher", ["b", "a", "b"], None).scopes == ("a", "b")


def test_an_edit_tells_what_the_role_and_others_gain_and_lose():
    found = preview(ACCESS, "pusher", ["secrets:get:new"], ["*"])
    assert (found.added, found.removed) == (("secrets:get:new",), (SECRET,))
    assert (found.own.gained, found.own.lost) == (("secrets:get:new",), (SECRET,))
    assert [(str(change.principal), change.gained, change.lost) for change in found.others] == [
        ("org-admin", ("secrets:get:new",), (SECRET,)),
        (MAIN, ("secrets:get:new",), (SECRET,)),
        ("client:ci/main", ("secrets:get:new",), (SECRET,)),
    ]


def test_an_edit_of_a_star_role_reaches_the_names_that_it_matches():
    found = preview(ACCESS, "repo:github.com/org/*", [], ["*"])
    assert [str(change.principal) for change in found.others] == ["org-admin", MAIN, "client:ci/main"]
    assert all(change.lost == ("queue:route:checks",) for change in found.others)


def test_a_star_role_does_not_gain_what_a_role_below_it_gains():
    found = preview(ACCESS, MAIN, [*ROLES[0].scopes, "x"], ["*"])
    assert "repo:github.com/org/*" not in [str(change.principal) for change in found.others]


def test_a_star_role_does_not_gain_what_a_star_role_below_it_gains():
    access = Access([Role("a*", ()), Role("ab*", ("assume:r",)), Role("abc*", ())])
    assert [str(change.principal) for change in preview(access, "r", ["x"], None).others] == ["ab*", "abc*"]


def test_others_gain_only_what_they_did_not_hold():
    found = preview(ACCESS, "pusher", [SECRET, "queue:route:statuses", "x"], ["*"])
    assert {str(change.principal): change.gained for change in found.others}[MAIN] == ("x",)


def test_a_role_that_gains_what_it_held_through_another_gains_nothing():
    found = preview(ACCESS, MAIN, [*ROLES[0].scopes, SECRET], [f"auth:update-role:{MAIN}"])
    assert found.added == (SECRET,)
    assert (found.own.gained, found.others, found.lacking) == ((), (), ())


def test_an_editor_needs_each_scope_that_the_expansion_of_the_old_ones_does_not_satisfy():
    found = preview(ACCESS, MAIN, ["assume:pusher", "new:a", "new:b"], ["new:*"])
    assert found.needed == (f"auth:update-role:{MAIN}", "new:a", "new:b")
    assert found.lacking == (f"auth:update-role:{MAIN}",)


def test_what_other_roles_give_to_the_name_does_not_spare_the_editor_a_scope():
    found = preview(ACCESS, MAIN, [*ROLES[0].scopes, "queue:route:checks"], [f"auth:update-role:{MAIN}"])
    assert found.own.gained == ()
    assert found.lacking == ("queue:route:checks",)


def test_assuming_the_role_is_not_enough_to_edit_it():
    assert preview(ACCESS, MAIN, [], [f"assume:{MAIN}"]).lacking == (f"auth:update-role:{MAIN}",)


def test_taking_scopes_away_needs_none_of_them():
    assert preview(ACCESS, MAIN, [], None).needed == (f"auth:update-role:{MAIN}",)


def test_a_new_role_needs_the_right_to_create_it_and_each_scope():
    found = preview(ACCESS, "new", ["b", "a"], ["a"])
    assert found.is_new
    assert found.needed == ("auth:create-role:new", "a", "b")
    assert found.lacking == ("auth:create-role:new", "b")


def test_what_an_unknown_editor_lacks_is_not_guessed():
    assert preview(ACCESS, MAIN, ["x"], None).lacking is None


def test_the_same_scopes_in_another_order_change_nothing():
    found = preview(ACCESS, MAIN, reversed(ROLES[0].scopes), [])
    assert found.changes_nothing
    assert (found.own.gained, found.own.lost, found.others) == ((), (), ())


def test_a_generated_role_is_told():
    assert preview(ACCESS, "pusher", [], None).is_generated
    assert not preview(ACCESS, MAIN, [], None).is_generated


@pytest.mark.parametrize(
    ("scope", "refusal"),
    [
        ("a**", "must not end with `**`"),
        ("a:<..>:<..>", "contains multiple '<..>'"),
        ("a*<..>", "contains '*<..>'"),
        ("tab\there", "not printable ASCII"),
        ("é", "not printable ASCII"),
    ],
)
def test_a_scope_that_auth_would_refuse_is_refused_before(scope, refusal):
    (found,) = preview(ACCESS, "x*", ["fine", scope], None).refusals
    assert refusal in found
    assert preview(ACCESS, "x*", ["fine", "a:<..>"], None).refusals == ()


def test_roles_that_would_assume_one_another_are_told_as_the_shortest_path():
    found = preview(ACCESS, "pusher", [f"assume:{MAIN}", "assume:org-admin"], ["*"])
    assert found.cycle == ("assume:pusher", f"assume:{MAIN}", "assume:pusher")
    assert found.refusals == (
        f"Roles may not contain dependency cycles, found: 'assume:pusher' -> 'assume:{MAIN}' -> 'assume:pusher'",
    )


def test_a_star_role_that_would_assume_itself_is_told():
    assert preview(Access([]), "cyc*", ["assume:cyc<..>x"], None).cycle == ("assume:cyc*", "assume:cyc*")


def test_effects_are_said_to_be_incomplete_where_roles_or_clients_are_unread():
    access = Access(ROLES, clients_unread="auth:list-clients is missing")
    assert preview(access, MAIN, ["x"], None).unread == ("auth:list-clients is missing",)


@UNHURRIED
@given(ROLE_SETS, CLIENTS, ROLE_IDS, st.lists(STATED, max_size=4))
def test_gained_and_lost_are_the_difference_of_the_expansions(roles, clients, role_id, scopes):
    found = preview(access_of(roles, clients), role_id, scopes, None)
    if found.cycle:
        return
    edited = roles | {role_id: list(found.scopes)}
    held = {(Kind.CLIENT, name): [*own, "assume:anonymous"] for name, own in clients.items()}
    held |= {(Kind.ROLE, name): [f"assume:{name}"] for name in roles if not name.endswith("*")}
    held[Kind.ROLE, role_id] = [f"assume:{role_id}"]
    told = {(change.principal.kind, change.principal.name): change for change in (found.own, *found.others)}
    for principal, own in held.items():
        before, after = expanded(roles, own), expanded(edited, own)
        gained = tuple(scope for scope in after if not satisfies(before, scope))
        lost = tuple(scope for scope in before if not satisfies(after, scope))
        change = told.pop(principal, None)
        assert (change.gained, change.lost) == (gained, lost) if change else not (gained or lost), principal
    assert all(name.endswith("*") for _kind, name in told)


@UNHURRIED
@given(ROLE_SETS, ROLE_IDS, st.lists(STATED, max_size=3))
def test_a_cycle_is_told_where_auth_would_find_one(roles, role_id, scopes):
    access = access_of(roles).with_role(Role(role_id, tuple(scopes)))
    found = preview(access_of(roles), role_id, scopes, None)
    if not found.cycle:
        access.rules.check_cycles()
        return
    assert found.cycle[0] == found.cycle[-1] == f"assume:{role_id}"
    with pytest.raises(RoleCycle):
        access.rules.check_cycles()
