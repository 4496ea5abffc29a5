"""A sandbox that is killed while many write to it has everything that it said it had."""

import asyncio
import contextlib
import datetime as dt
import os
import random
import signal
import subprocess
import sys

import aiohttp
import pytest
import taskcluster

from console.sandbox.signed_http import Api, Credentials
from console.sandbox.taskcluster import ROOT_CLIENT, Sandbox
from runner.masking import Masked

pytestmark = pytest.mark.enable_socket

KILLS = 20
WRITERS = 8
TOKEN = Masked("r" * 44)
# Starts a sandbox for each line; by fork, since to import it twenty times would take longer than all else.
NURSERY = """
import asyncio, os, sys
import taskcluster
from console.sandbox.taskcluster import Sandbox
from runner.masking import Masked

async def serve(parent, database):
    sandbox = await Sandbox.start(database=database, root_access_token=Masked("r" * 44))
    print(os.getpid(), sandbox.root_url, flush=True)
    while os.getppid() == parent:
        await asyncio.sleep(0.2)
    os._exit(0)

for line in sys.stdin:
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        asyncio.run(serve(parent, line.strip()))
    os.waitpid(child, 0)
    print("gone", flush=True)
"""


def _moment(**delta):
    return (dt.datetime.now(dt.UTC) + dt.timedelta(**delta)).isoformat()


TASK = {
    "taskQueueId": "proj/ci",
    "payload": {},
    "metadata": {"name": "n", "description": "d", "owner": "a@b.c", "source": "https://example.com/"},
}


class Writer:
    """Writes one thing after the other, and remembers what was acknowledged."""

    def __init__(self, number, progress):
        self.number = number
        self.kept: dict[str, list[str]] = {"secret": [], "role": [], "task": [], "index": []}
        self.last, self.in_flight, self.sets = 0, 0, 0
        self._progress = progress
        self._count = 0

    async def write(self, api):
        with contextlib.suppress(aiohttp.ClientError):
            while True:
                kind = list(self.kept)[self._count % 4]
                self._count += 1
                name = f"w{self.number}-{self._count}"
                await getattr(self, f"_{kind}")(api, name)
                await self._shared(api)
                self._progress.release()

    async def _shared(self, api):
        """The same name again and again: the newest value that was acknowledged counts."""
        self.in_flight += 1
        payload = {"secret": {"n": self.in_flight}, "expires": _moment(days=1)}
        await api.call("PUT", "secrets", "secret", f"again-{self.number}", payload=payload)
        self.last = self.in_flight
        self.sets += 1

    async def _secret(self, api, name):
        payload = {"secret": {"k": name}, "expires": _moment(days=1)}
        await api.call("PUT", "secrets", "secret", name, payload=payload)
        self.kept["secret"].append(name)

    async def _role(self, api, name):
        await api.call("PUT", "auth", "roles", name, payload={"description": name, "scopes": ["a"]})
        self.kept["role"].append(name)

    async def _task(self, api, _name):
        task_id = taskcluster.slugId()
        payload = {**TASK, "created": _moment(), "deadline": _moment(hours=1)}
        await api.call("PUT", "queue", "task", task_id, payload=payload)
        self.kept["task"].append(task_id)

    async def _index(self, api, name):
        payload = {"taskId": taskcluster.slugId(), "rank": 1, "data": {}, "expires": _moment(days=1)}
        await api.call("PUT", "index", "task", f"killed.{name}", payload=payload)
        self.kept["index"].append(f"killed.{name}")


async def test_killed_twenty_times_it_has_all_that_it_acknowledged(tmp_path):
    database, chance = str(tmp_path / "sandbox.sqlite"), random.Random(11)
    nursery = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", NURSERY), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    progress = asyncio.Semaphore(0)
    writers = [Writer(number, progress) for number in range(WRITERS)]
    try:
        for _kill in range(KILLS):
            await _live_and_die(nursery, database, writers, progress, chance.randint(2, 9))
    finally:
        nursery.kill()
        await nursery.wait()
    await _check(database, writers)


async def _live_and_die(nursery, database, writers, progress, writes):
    nursery.stdin.write(f"{database}\n".encode())
    answer = await asyncio.wait_for(nursery.stdout.readline(), 120)
    pid, root_url = answer.decode().split()
    async with aiohttp.ClientSession() as http:
        api = Api(http, root_url, Credentials(ROOT_CLIENT, TOKEN))
        writing = [asyncio.create_task(writer.write(api)) for writer in writers]
        try:
            for _write in range(writes):
                await asyncio.wait_for(progress.acquire(), 120)
        finally:
            os.kill(int(pid), signal.SIGKILL)
            await asyncio.gather(*writing)
    while not progress.locked():
        await progress.acquire()
    assert await asyncio.wait_for(nursery.stdout.readline(), 120) == b"gone\n"


async def _check(database, writers):
    async with (
        await Sandbox.start(database=database, root_access_token=TOKEN) as sandbox,
        aiohttp.ClientSession() as http,
    ):
        api = Api(http, sandbox.root_url, Credentials(ROOT_CLIENT, TOKEN))
        store = sandbox._deployment.store
        assert [tuple(row) for row in store.all("pragma integrity_check")] == [("ok",)]
        tables = {"secret": ("secrets", "name"), "role": ("roles", "role_id"), "task": ("tasks", "task_id")}
        tables["index"] = ("indexed_tasks", "path")
        for kind, (table, column) in tables.items():
            there = {row[0] for row in store.all(f"select {column} from {table}")}
            kept = {name for writer in writers for name in writer.kept[kind]}
            assert kept - there == set()
            assert len(kept) > WRITERS  # whose turn it is when it is killed is chance, for each of them
        for writer in writers:
            name = f"again-{writer.number}"
            found = (await api.call("GET", "secrets", "secret", name))["secret"]["n"]
            assert writer.last <= found <= writer.in_flight
            entries = (await api.call("GET", "auth", "audit", "secret", name))["auditHistory"]
            assert [entry["actionType"] for entry in entries][:2] == ["created", "updated"]
            assert writer.sets <= len(entries) <= writer.in_flight
