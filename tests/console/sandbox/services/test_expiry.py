"""What is over is cleared away, and a secret's history tells so."""

import pytest
from taskcluster.exceptions import TaskclusterAuthFailure, TaskclusterRestFailure

from console.sandbox.services import expiry

pytestmark = pytest.mark.enable_socket


async def test_an_expired_secret_is_deleted_and_its_history_stays(sandbox, service, clock):
    secrets = service("secrets")
    await secrets.set("short", {"secret": {}, "expires": clock.at(minutes=5)})
    await secrets.set("long", {"secret": {}, "expires": clock.at(minutes=20)})
    clock.advance(minutes=6)
    expiry.clear(sandbox._deployment)
    assert (await secrets.list())["secrets"] == ["long"]
    history = (await service("auth").getEntityHistory("secret", "short"))["auditHistory"]
    told = [(entry["actionType"], entry["clientId"]) for entry in history]
    assert told == [("created", sandbox.root_client_id), ("expired", "static/taskcluster/secrets")]


@pytest.mark.parametrize(("delete", "left"), [(True, []), (False, ["short"])])
async def test_a_client_is_deleted_at_its_end_if_it_is_to_be(sandbox, service, clock, delete, left):
    body = {"description": "d", "expires": clock.at(minutes=5), "deleteOnExpiration": delete}
    made = await service("auth").createClient("short", body)
    clock.advance(minutes=6)
    mine = service("auth", clientId="short", accessToken=made["accessToken"])
    with pytest.raises(TaskclusterAuthFailure, match="has expired"):
        await mine.currentScopes()
    expiry.clear(sandbox._deployment)
    listed = (await service("auth").listClients(query={"prefix": "short"}))["clients"]
    assert [client["clientId"] for client in listed] == left
    if delete:
        with pytest.raises(TaskclusterRestFailure, match="not found"):
            await service("auth").client("short")
