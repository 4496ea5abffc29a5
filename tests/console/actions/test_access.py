"""Actions that read and change access, where the services answer in part, late, or not at all."""

import pytest

from console.actions.explain_access import explain_access
from console.actions.find_holders import find_holders
from console.actions.set_role import apply, prepare
from console.domain.explain import Unknown, Yes
from console.domain.principal import role
from console.failures import MissingScopes, SignInNeeded, Unconfirmed
from runner.errors import Conflict, Unavailable
from tests.support.front import CUT, CUT_AFTER, HANG, Fault

pytestmark = pytest.mark.enable_socket

JSON = {"Content-Type": "application/json"}


async def make(place, role_id, *scopes, description="d"):
    gateway = await place.gateway()
    payload = {"description": description, "scopes": list(scopes)}
    return await gateway.call("auth", "createRole", role_id, payload=payload)


def page(*roles, **more):
    found = [{"roleId": name, "scopes": scopes, "description": ""} for name, scopes in roles]
    return Fault(200, JSON, {"roles": found, **more})


async def test_a_page_that_fails_makes_a_no_unknown_and_leaves_a_yes(place):
    connection = await place.connection()
    halves = [page(("r", ["a:b"]), continuationToken="x"), *(Fault(500) for _ in range(4))]
    no_expansion = [Fault(403, JSON, {"code": "InsufficientScopes", "message": "no"})]
    place.front.faults = [*halves, *no_expansion]
    verdict = await explain_access(connection, role("r"), "a:c")
    assert isinstance(verdict.answer, Unknown)
    assert (verdict.holds, "the roles could not all be read" in verdict.answer.reason) == (None, True)
    place.front.faults = [*halves, *no_expansion]
    verdict = await explain_access(connection, role("r"), "a:b")
    assert isinstance(verdict.answer, Yes)
    assert verdict.holds is True


async def test_roles_and_server_that_differ_decide_nothing(place):
    await make(place, "r", "a:b")
    connection = await place.connection()
    place.front.faults = [page(("r", ["c:d"]))]
    verdict = await explain_access(connection, role("r"), "c:d")
    assert (verdict.server, verdict.holds) == (False, None)


async def test_a_role_of_another_shape_is_unread_not_an_internal_error(place):
    connection = await place.connection()
    place.front.faults = [Fault(200, JSON, {"roles": [{"roleId": "r", "scopes": "a:b"}]})]
    holders = await find_holders(connection, "a:b")
    assert "shape that is not known" in holders.unread[0]


async def test_credentials_that_ran_out_end_the_question(place):
    connection = await place.connection()
    place.front.faults = [Fault(401, JSON, {"code": "AuthenticationFailed", "message": "expired"})]
    with pytest.raises(SignInNeeded):
        await find_holders(connection, "a:b")


async def test_an_expired_and_a_disabled_client_are_told_apart_from_others(place):
    await place.client("a:b", name="test/expired")
    await place.client("a:b", name="test/disabled")
    gateway = await place.gateway()
    past = {"expires": "2020-01-01T00:00:00Z", "description": "", "scopes": ["a:b"]}
    await gateway.call("auth", "updateClient", "test/expired", payload=past)
    await gateway.call("auth", "disableClient", "test/disabled")
    found = {
        each.principal.name: each for each in (await find_holders(await place.connection(), "a:b")).clients
    }
    assert found["test/expired"].cannot_sign_in == "expired"
    assert found["test/disabled"].cannot_sign_in == "disabled"


async def test_an_edit_keeps_the_description_and_sends_sorted_scopes(place):
    await make(place, "r", "a:b", description="ours")
    connection = await place.connection()
    written = await apply(connection, await prepare(connection, "r", ["z:z", "a:b"]))
    assert (written.role.scopes, written.role.description) == (("a:b", "z:z"), "ours")


async def test_an_edit_that_was_cut_off_is_read_back(place):
    await make(place, "r", "a:b")
    connection = await place.connection()
    edit = await prepare(connection, "r", ["c:d"])
    gateway = connection.taskcluster
    read = await gateway.call("auth", "role", "r")
    place.front.faults = [Fault(200, JSON, read), Fault(CUT_AFTER)]
    assert (await apply(connection, edit)).role.scopes == ("c:d",)


async def test_an_edit_that_did_not_arrive_is_not_called_done(place):
    await make(place, "r", "a:b")
    connection = await place.connection(limit=1.0)
    edit = await prepare(connection, "r", ["c:d"])
    read = await connection.taskcluster.call("auth", "role", "r")
    for lost in (CUT, HANG):
        place.front.faults = [Fault(200, JSON, read), Fault(lost)]
        with pytest.raises(Unconfirmed):
            await apply(connection, edit)
    assert (await connection.taskcluster.call("auth", "role", "r"))["scopes"] == ["a:b"]


@pytest.mark.parametrize("change", ["updateRole", "deleteRole"])
async def test_an_edit_of_what_changed_meanwhile_writes_nothing(place, change):
    await make(place, "r", "a:b")
    connection = await place.connection()
    edit = await prepare(connection, "r", ["c:d"])
    payload = {"description": "other", "scopes": ["a:b"]} if change == "updateRole" else None
    await connection.taskcluster.call("auth", change, "r", payload=payload)
    with pytest.raises(Conflict, match="nothing was written"):
        await apply(connection, edit)


async def test_a_new_role_that_somebody_else_created_is_not_overwritten(place):
    connection = await place.connection()
    edit = await prepare(connection, "r", ["c:d"])
    await make(place, "r", "a:b")
    with pytest.raises(Conflict, match="was created"):
        await apply(connection, edit)


async def test_a_new_role_that_somebody_else_creates_in_the_last_moment_is_a_conflict(place):
    connection = await place.connection()
    edit = await prepare(connection, "r", ["c:d"])
    await make(place, "r", "a:b")
    place.front.faults = [Fault(404, JSON, {"code": "ResourceNotFound", "message": "Role not found"})]
    with pytest.raises(Conflict, match="already exists"):
        await apply(connection, edit)


async def test_a_role_that_may_not_be_read_is_not_edited_blindly(place):
    await make(place, "r", "a:b")
    connection = await place.connection(await place.client("auth:update-role:*"))
    with pytest.raises(MissingScopes, match="auth:get-role:r"):
        await prepare(connection, "r", ["c:d"])


async def test_a_service_in_trouble_is_not_taken_for_an_absent_role(place):
    connection = await place.connection()
    place.front.faults = [Fault(503) for _ in range(4)]
    with pytest.raises(Unavailable):
        await prepare(connection, "r", ["c:d"])
