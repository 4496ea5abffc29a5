"""A scope that a pull request's role holds is a stranger's, by whatever wildcard."""

import pytest

from console.domain.access import Access, Role
from console.domain.strangers import open_to_strangers
from console.domain.who_can import who_can

REPOSITORY = "repo:github.com/mozilla/balrog"


@pytest.mark.parametrize(
    "role_id",
    [
        "anonymous",
        f"{REPOSITORY}:pull-request",
        f"{REPOSITORY}:pull-request-untrusted",
        f"{REPOSITORY}:pull*",
        f"{REPOSITORY}:*",
        f"{REPOSITORY}*",
        "repo:github.com/mozilla/*",
        "repo*",
        "*",
    ],
)
def test_a_role_that_anybody_can_take_on_is_open(role_id):
    holders = who_can(Access([Role(role_id, ("a:b",))]), "a:b")
    assert open_to_strangers(holders.roles) == (role_id,)


@pytest.mark.parametrize(
    "role_id",
    [
        f"{REPOSITORY}:branch:main",
        f"{REPOSITORY}:branch:pull-request",
        f"{REPOSITORY}:release:*",
        f"{REPOSITORY}:b*",
        "hook-id:pull-request",
        "project:*",
    ],
)
def test_a_role_of_a_trusted_event_is_not(role_id):
    holders = who_can(Access([Role(role_id, ("a:b",))]), "a:b")
    assert [holder.principal.name for holder in holders.roles] == [role_id]
    assert open_to_strangers(holders.roles) == ()


def test_a_wildcard_that_only_takes_in_another_role_is_not_open_by_itself():
    roles = [Role("repo:github.com/mozilla/*", ("c:d",)), Role(f"{REPOSITORY}:branch:main", ("a:b",))]
    assert open_to_strangers(who_can(Access(roles), "a:b").roles) == ()
