"""Who holds a scope, among all roles and clients."""

from hypothesis import given

from console.domain.access import Access, Client, Role
from console.domain.principal import Kind
from console.domain.scopes import satisfies
from console.domain.who_can import who_can
from tests.support.role_sets import CLIENTS, HELD, ROLE_SETS, UNHURRIED, access_of, expanded

SECRET = "secrets:get:repo:github.com/org/app:dockerhub"
ROLES = [
    Role("repo:github.com/org/app:branch:main", (SECRET,)),
    Role("repo:github.com/org/app:release:*", ("assume:publisher:app",)),
    Role("repo:github.com/org/*", ("queue:route:statuses",)),
    Role("publisher:*", ("secrets:get:repo:github.com/org/<..>:dockerhub",)),
    Role("org-admin", ("assume:publisher:a*",)),
    Role("other", ("secrets:get:other",)),
]
CLIENTS_READ = [
    Client("ci/root", ("*",)),
    Client("ci/app", ("assume:publisher:app",)),
    Client("ci/old", (SECRET,), is_expired=True),
    Client("ci/off", (SECRET,), is_disabled=True),
    Client("ci/none", ("secrets:list-secrets",)),
]


def _roles(access, scope):
    return {holder.principal.name: holder for holder in who_can(access, scope).roles}


def test_each_role_tells_the_roles_between_it_and_the_scope():
    found = _roles(Access(ROLES), SECRET)
    assert found["repo:github.com/org/app:branch:main"].through == ()
    assert found["org-admin"].through == ("publisher:*",)
    assert "other" not in found


def test_a_star_role_of_which_each_name_holds_the_scope_is_a_pattern():
    holder = _roles(Access(ROLES), SECRET)["repo:github.com/org/app:release:*"]
    assert holder.is_pattern
    assert holder.member is None
    assert holder.through == ("publisher:*",)


def test_a_star_role_that_grants_by_its_parameter_names_the_one_that_holds_the_scope():
    holder = _roles(Access(ROLES), SECRET)["publisher:*"]
    assert holder.member == "publisher:app"
    assert holder.chain.held == "assume:publisher:app"


def test_the_name_is_found_through_several_parameters():
    access = Access([Role("a*", ("assume:b:<..>:x",)), Role("b:*", ("s:<..>*",))])
    assert _roles(access, "s:n:xyz")["a*"].member == "an"


def test_a_star_role_that_only_takes_in_a_role_below_it_says_so():
    holder = _roles(Access(ROLES), SECRET)["repo:github.com/org/*"]
    assert holder.member == ""
    assert "repo:github.com/org/app:branch:main" in holder.through


def test_clients_that_cannot_sign_in_come_last_and_say_why():
    clients = who_can(Access(ROLES, CLIENTS_READ), SECRET).clients
    assert [(holder.principal.name, holder.cannot_sign_in) for holder in clients] == [
        ("ci/app", ""),
        ("ci/root", ""),
        ("ci/off", "disabled"),
        ("ci/old", "expired"),
    ]
    assert [holder.through for holder in clients] == [("publisher:*",), (), (), ()]


def test_what_anonymous_holds_everyone_holds():
    holders = who_can(Access([*ROLES, Role("anonymous", ("secrets:*",))], CLIENTS_READ), SECRET)
    assert holders.is_everyone
    assert len(holders.clients) == len(CLIENTS_READ)
    assert not who_can(Access(ROLES, CLIENTS_READ), SECRET).is_everyone


def test_what_could_not_be_read_is_told_once_each():
    unread = who_can(Access([], roles_unread="no roles", clients_unread="no clients"), SECRET)
    assert unread.unread == ("no roles", "no clients")
    assert who_can(Access([], roles_unread="nothing", clients_unread="nothing"), SECRET).unread == (
        "nothing",
    )
    assert who_can(Access(ROLES, CLIENTS_READ), SECRET).unread == ()


def test_roles_that_grow_without_end_leave_the_answer_open():
    (reason,) = who_can(Access([Role("c*", ("assume:c<..>x",)), Role("ca", ("s",))]), "assume:cby").unread
    assert "without end" in reason


@UNHURRIED
@given(ROLE_SETS, CLIENTS, HELD)
def test_the_holders_are_those_whose_expansion_satisfies_the_scope(roles, clients, wanted):
    holders = who_can(access_of(roles, clients), wanted)
    everyone = "assume:anonymous"
    assert [holder.principal.name for holder in holders.roles] == sorted(
        role_id for role_id in roles if satisfies(expanded(roles, [f"assume:{role_id}"]), wanted)
    )
    assert [holder.principal.name for holder in holders.clients] == sorted(
        name for name, scopes in clients.items() if satisfies(expanded(roles, [*scopes, everyone]), wanted)
    )
    assert not holders.unread


@UNHURRIED
@given(ROLE_SETS, HELD)
def test_a_pattern_without_exception_holds_for_each_name_and_a_named_one_for_its_name(roles, wanted):
    for holder in who_can(access_of(roles), wanted).roles:
        assert holder.principal.kind is Kind.ROLE
        stem = holder.principal.name.removesuffix("*")
        if holder.is_pattern and holder.member is None:
            for name in (stem, stem + "a", stem + "zz"):
                assert satisfies(expanded(roles, [f"assume:{name}"]), wanted)
        elif holder.member:
            assert holder.member.startswith(stem)
            assert satisfies(expanded(roles, [f"assume:{holder.member}"]), wanted)


@UNHURRIED
@given(ROLE_SETS, CLIENTS, HELD)
def test_each_chain_begins_with_what_its_holder_holds(roles, clients, wanted):
    holders = who_can(access_of(roles, clients), wanted)
    for holder in (*holders.roles, *holders.clients):
        held = {
            "assume:anonymous",
            f"assume:{holder.member or holder.principal.name}",
            *clients.get(holder.principal.name, ()),
        }
        assert holder.chain.held in held
        assert satisfies([holder.chain.last], wanted)
