"""A whole sandbox for tests: its services and its seed, and a worker for those that ask for one."""

import asyncio
import contextlib
import datetime as dt
import os
import sys
from pathlib import Path

import aiohttp
import pytest
import taskcluster

from console.sandbox.seed import DOCKERHUB, TASK_QUEUE, seed
from console.sandbox.signed_http import Api, Credentials
from console.sandbox.task_run import WorkerSettings
from console.sandbox.taskcluster import Sandbox
from console.sandbox.worker import Worker
from runner.credentials import RegistryCredentials
from runner.image.reference import Registry
from runner.masking import Masked

# A machine may be busy with much else: who waits is told only of what does not come at all.
LIMIT_SECONDS = 120
LIVE_LOG, BACKING_LOG = "public/logs/live.log", "public/logs/live_backing.log"
READS_SECRET = f"secrets:get:{DOCKERHUB}"
MACHINE = {"PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])), "USER": "tester"}


class Deployment:
    """A sandbox with its seed, and what a test does to it as root."""

    def __init__(self, sandbox, http, worker_credentials, folder):
        self.sandbox = sandbox
        self.root_url = sandbox.root_url
        self.api = Api(http, sandbox.root_url, Credentials(sandbox.root_client_id, sandbox.root_access_token))
        self.http = http
        self.said = []
        self.folder = folder
        self._worker_credentials = worker_credentials

    async def start_worker(self, **settings):
        chosen = {"environment": MACHINE, "grace": 5.0, "renew_every": 0.2, **settings}
        return await Worker.start(
            WorkerSettings(
                root_url=self.root_url,
                task_queue_id=TASK_QUEUE,
                folder=self.folder,
                say=self.said.append,
                **chosen,
            ),
            self._worker_credentials,
        )

    async def create(self, script, *, scopes=(), retries=0, deadline=3600, **payload):
        task_id = taskcluster.slugId()
        now = dt.datetime.now(dt.UTC)
        task = {
            "taskQueueId": TASK_QUEUE,
            "created": now.isoformat(timespec="milliseconds"),
            "deadline": (now + dt.timedelta(seconds=deadline)).isoformat(timespec="milliseconds"),
            "retries": retries,
            "scopes": list(scopes),
            "payload": {"command": [["bash", "-c", script]], "maxRunTime": 600, **payload},
            "metadata": {
                "name": "n",
                "description": "d",
                "owner": "a@b.invalid",
                "source": "https://b.invalid/",
            },
        }
        await self.api.call("PUT", "queue", "task", task_id, payload=task)
        return task_id

    async def resolved(self, task_id):
        """The runs of the task once it is resolved."""
        return (
            await self.when(task_id, lambda status: status["state"] in {"completed", "failed", "exception"})
        )["runs"]

    async def when(self, task_id, condition):
        async with asyncio.timeout(LIMIT_SECONDS):
            while True:
                status = (await self.api.call("GET", "queue", "task", task_id, "status"))["status"]
                if condition(status):
                    return status
                await asyncio.sleep(0.05)

    @staticmethod
    def pass_time(monkeypatch, seconds):
        """So much time passes for all that waits on the test's loop: a process has as much as it needs until then."""
        loop = asyncio.get_running_loop()
        time = loop.time
        monkeypatch.setattr(loop, "time", lambda: time() + seconds)

    async def artifact(self, task_id, name):
        """The artifact's status and content, as anybody reads it."""
        async with self.http.get(f"{self.root_url}/api/queue/v1/task/{task_id}/artifacts/{name}") as response:
            return response.status, await response.text()

    async def log(self, task_id):
        status, text = await self.artifact(task_id, LIVE_LOG)
        assert status == 200
        return text

    async def first_line(self, task_id, marker):
        """The first line of the live log that holds the marker, while the task runs."""
        await self.when(task_id, lambda status: status["state"] == "running")
        async with asyncio.timeout(LIMIT_SECONDS):
            while True:
                url = f"{self.root_url}/api/queue/v1/task/{task_id}/artifacts/{LIVE_LOG}"
                async with self.http.get(url) as response:
                    if response.status == 200:
                        async for line in response.content:
                            if marker in line.decode():
                                return line.decode()
                await asyncio.sleep(0.05)


def is_alive(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def outcome(run):
    return run["state"], run["reasonResolved"]


@pytest.fixture
async def deployment(tmp_path):
    sandbox = await Sandbox.start()
    async with aiohttp.ClientSession() as http:
        root = Api(http, sandbox.root_url, Credentials(sandbox.root_client_id, sandbox.root_access_token))
        registry = RegistryCredentials(Registry("127.0.0.1:5000"), "balrog", Masked("hunter2"))
        worker = await seed(root, registry, "sandbox/local*")
        folder = tmp_path / "tasks"
        folder.mkdir()
        yield Deployment(sandbox, http, worker, folder)
    await sandbox.close()


@pytest.fixture
async def busy(deployment):
    """The deployment with its worker at work."""
    worker = await deployment.start_worker()
    yield deployment
    await worker.close()
    assert list(deployment.folder.iterdir()) == []
