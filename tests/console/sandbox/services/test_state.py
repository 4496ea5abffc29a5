"""State outlives a sandbox when it is given a file."""

import asyncio

import pytest
import taskcluster

from console.sandbox.taskcluster import Sandbox
from runner.masking import Masked

pytestmark = pytest.mark.enable_socket


async def test_a_database_file_keeps_the_state(tmp_path):
    token, database = Masked("r" * 44), str(tmp_path / "sandbox.sqlite")
    secret = {"secret": {"k": "v"}, "expires": "2999-01-01T00:00:00.000Z"}

    def secrets(sandbox):
        credentials = {"clientId": sandbox.root_client_id, "accessToken": token.reveal()}
        return taskcluster.Secrets({"rootUrl": sandbox.root_url, "credentials": credentials})

    async with await Sandbox.start(database=database, root_access_token=token) as sandbox:
        await asyncio.to_thread(secrets(sandbox).set, "a", secret)
    async with await Sandbox.start(database=database, root_access_token=token) as sandbox:
        assert await asyncio.to_thread(secrets(sandbox).get, "a") == secret
    assert (tmp_path / "sandbox.sqlite").stat().st_mode & 0o077 == 0


async def test_a_database_file_keeps_the_tokens(tmp_path):
    database, tokens = str(tmp_path / "sandbox.sqlite"), set()
    for _start in range(2):
        async with await Sandbox.start(database=database) as sandbox:
            tokens.add(sandbox.root_access_token.reveal())
    assert len(tokens) == 1
