"""A task of a sandbox whose worker is the test."""

import datetime as dt
import gzip

import aiohttp

from console.actions.build_plan import slug_id

LIVE, BACKING = "public/logs/live.log", "public/logs/live_backing.log"
QUEUE = "proj-balrog/ci"
TEXT = "text/plain; charset=utf-8"


class Worked:
    """A task of the sandbox, and its worker's side of the queue."""

    def __init__(self, gateway):
        self._gateway = gateway
        self.task_id = slug_id()
        self._now = dt.datetime.now(dt.UTC)

    def _at(self, **delta):
        return (self._now + dt.timedelta(**delta)).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    async def create(self, **members):
        task = {
            "taskQueueId": QUEUE,
            "created": self._at(),
            "deadline": self._at(hours=1),
            "payload": {},
            "metadata": {"name": "n", "description": "d", "owner": "a@b.c", "source": "https://b.invalid"},
            **members,
        }
        await self._gateway.call("queue", "createTask", self.task_id, payload=task)
        return self

    async def claim(self, run=0):
        payload = {"workerGroup": "g", "workerId": "w"}
        await self._gateway.call("queue", "claimTask", self.task_id, run, payload=payload)

    async def artifact(self, name, storage, run=0, **members):
        members.setdefault("contentType", TEXT)
        payload = {"storageType": storage, "expires": self._at(hours=2), **members}
        return await self._gateway.call("queue", "createArtifact", self.task_id, run, name, payload=payload)

    async def upload(self, name, content, run=0, *, compressed=False):
        made = await self.artifact(name, "s3", run)
        headers = {"Content-Type": TEXT}
        if compressed:
            headers["Content-Encoding"] = "gzip"
        data = gzip.compress(content) if compressed else content
        async with (
            aiohttp.ClientSession() as session,
            session.put(made["putUrl"], data=data, headers=headers) as answer,
        ):
            assert answer.status == 200

    async def keep(self, log, run=0, *, compressed=True):
        await self.upload(BACKING, log, run, compressed=compressed)
        await self.artifact(LIVE, "link", run, artifact=BACKING)

    async def end(self, run=0, verb="reportCompleted", **payload):
        await self._gateway.call(
            "queue", verb, self.task_id, run, **({"payload": payload} if payload else {})
        )
