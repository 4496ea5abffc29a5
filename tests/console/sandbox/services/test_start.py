"""A sandbox starts with nothing but its static clients, and says what it lacks."""

import asyncio
import contextlib
import io
import subprocess
import sys

import aiohttp
import pytest
import taskcluster
from taskcluster.exceptions import TaskclusterConnectionError, TaskclusterRestFailure

pytestmark = pytest.mark.enable_socket


async def test_its_ping_is_public(sandbox):
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{sandbox.root_url}/api/auth/v1/ping") as answer,
    ):
        assert answer.status == 200
        assert (await answer.json())["alive"] is True


async def test_an_entry_that_it_lacks_answers_501_and_is_listed(sandbox):
    assert "github.badge" in sandbox.lacking
    url = f"{sandbox.root_url}/api/github/v1/repository/o/r/main/badge.svg"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        assert answer.status == 501
        assert (await answer.json())["code"] == "NotImplemented"


async def test_its_token_is_not_printed(sandbox):
    assert sandbox.root_access_token.reveal() not in repr(sandbox.root_access_token)


def test_neither_a_terminal_nor_a_keyring_is_imported():
    code = (
        "import console.sandbox.taskcluster, sys; print(sorted({'textual', 'keyring'} & sys.modules.keys()))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


async def test_a_body_that_is_too_large_is_413(sandbox):
    url = f"{sandbox.root_url}/api/auth/v1/scopes/expand"
    body = io.BytesIO(b"x" * (10 * 1024 * 1024 + 2))
    async with aiohttp.ClientSession() as session, session.post(url, data=body) as answer:
        assert answer.status == 413
        assert (await answer.json())["code"] == "InputTooLarge"


@pytest.mark.parametrize("expires", ["2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-01-01T25:00:00Z"])
async def test_a_day_that_does_not_exist_is_refused(service, expires):
    with pytest.raises(TaskclusterRestFailure, match="must match format") as refused:
        await service("secrets").set("x", {"secret": {}, "expires": expires})
    assert refused.value.status_code == 400


async def test_half_a_character_does_no_harm(service, clock):
    await service("secrets").set("x", {"secret": {"k": "\ud800"}, "expires": clock.at(days=1)})
    assert (await service("secrets").get("x"))["secret"] == {"k": "?"}


async def test_what_cannot_be_stored_is_refused(service, clock):
    entry = {"taskId": taskcluster.slugId(), "rank": 1, "data": {}, "expires": clock.at(days=1)}
    with pytest.raises(TaskclusterRestFailure, match="cannot be stored") as refused:
        await service("index").insertTask("a.b", {**entry, "rank": 10**400})
    assert refused.value.status_code == 400
    half = {"description": "\ud800", "scopes": [], "expires": clock.at(days=1)}
    with pytest.raises(TaskclusterRestFailure, match="cannot be stored") as refused:
        await service("auth").createClient("half", half)
    assert refused.value.status_code == 400


async def test_closing_does_not_wait_for_a_long_poll(sandbox, service):
    sandbox._deployment.long_poll = 600
    claim = {"tasks": 1, "workerGroup": "g", "workerId": "w"}
    waiting = asyncio.create_task(service("queue").claimWork("proj/none", claim))
    await asyncio.sleep(0.05)
    async with asyncio.timeout(120):
        await sandbox.close()
    with contextlib.suppress(TaskclusterConnectionError):
        assert await waiting == {"tasks": []}
