"""A sandbox starts with nothing but its static clients, and says what it lacks."""

import subprocess
import sys

import aiohttp
import pytest

pytestmark = pytest.mark.enable_socket


async def test_its_ping_is_public(sandbox):
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{sandbox.root_url}/api/auth/v1/ping") as answer,
    ):
        assert answer.status == 200
        assert (await answer.json())["alive"] is True


async def test_an_entry_that_it_lacks_answers_501_and_is_listed(sandbox):
    assert "hooks.triggerHook" in sandbox.lacking
    url = f"{sandbox.root_url}/api/hooks/v1/hooks/g/h/trigger"
    async with aiohttp.ClientSession() as session, session.post(url, json={}) as answer:
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
