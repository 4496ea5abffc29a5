"""A download is whole and hashed, or nothing of it is left."""

import asyncio
import errno
import gzip
import hashlib
import json
import threading
from contextlib import aclosing
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from console.actions import artifact_get
from console.actions.artifact_get import download
from console.connection import Connection, ConnectionSettings
from console.domain.artifact import Artifact, Downloaded, Progress
from console.failures import Absent, MissingScopes
from runner.errors import IntegrityFailure, Unavailable, UsageError

pytestmark = pytest.mark.enable_socket

CONTENT = b"0123456789" * 300_000
SHA256, SHA512 = hashlib.sha256(CONTENT).hexdigest(), hashlib.sha512(CONTENT).hexdigest()
CHAIN = "public/chain-of-trust.json"
GIVEN = {"clientId": "artifact", "accessToken": "t", "certificate": json.dumps({"expiry": 1})}


@dataclass
class Storage:
    """Has one file, and cuts its connections where `cuts` says."""

    url: str = ""
    cuts: list[int] = field(default_factory=list)
    ranges: list[str] = field(default_factory=list)
    encoding: str = ""
    tag: str = '"1"'
    status: int = 200
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    hangs: bool = False
    chain: bytes | None = None
    told: dict[str, str] = field(default_factory=dict)

    async def answer_chain(self, _request):
        return web.Response(body=self.chain)

    async def answer(self, request):
        wanted = request.headers.get("Range", "")
        self.ranges.append(wanted)
        if self.status != 200:
            return web.Response(status=self.status)
        content = gzip.compress(CONTENT) if self.encoding else CONTENT
        first = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        body = content[first:]
        headers = {"Content-Length": str(len(body)), "ETag": self.tag}
        if self.encoding:
            headers["Content-Encoding"] = self.encoding
        if wanted:
            headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        response = web.StreamResponse(status=206 if wanted else 200, headers=headers)
        await response.prepare(request)
        if self.cuts:
            await response.write(body[: self.cuts.pop(0)])
            request.transport.close()
        elif self.hangs:
            await response.write(body[: 2 << 20])
            self.begun.set()
            await self.released.wait()
        else:
            await response.write(body)
        return response


@pytest.fixture
async def storage():
    found = Storage()
    application = web.Application()
    application.router.add_get("/file", found.answer)
    application.router.add_get("/file/chain", found.answer_chain)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    found.url = f"http://{host}:{port}/file"
    yield found
    found.released.set()
    await runner.cleanup()


def pointing(gateway, answer, storage):
    """A connection to a queue that says where the one artifact is, and whether there is a Chain of Trust."""

    async def call(service, entry, *names, payload=None):
        if names[-1] == CHAIN:
            if storage.chain is None:
                raise Absent("no chain")
            if storage.chain == b"private":
                raise MissingScopes("you lack a scope", None)
            return {"storageType": "s3", "url": f"{storage.url}/chain"}
        if service == "object":
            assert (entry, names, "getUrl" in payload["acceptDownloadMethods"]) == (
                "startDownload",
                ("o",),
                True,
            )
            return {"method": "getUrl", "url": answer["url"], "hashes": storage.told}
        assert (service, entry, names) == ("queue", "artifact", ("t" * 22, 0, "public/a.bin"))
        return {**answer, "name": "o", "credentials": GIVEN} if answer["storageType"] == "object" else answer

    gateway.call = call
    gateway.by = lambda who: gateway if who.client_id == "artifact" else None
    return Connection(ConnectionSettings(gateway.root_url), gateway)


def artifact(size=None):
    return Artifact("t" * 22, 0, "public/a.bin", "s3", "application/binary", None, size)


async def fetch(place, storage, to, *, size=None, storage_type="s3"):
    connection = pointing(await place.gateway(), {"storageType": storage_type, "url": storage.url}, storage)
    async with aclosing(download(connection, artifact(size), to)) as steps:
        return [step async for step in steps]


@pytest.mark.parametrize("storage_type", ["s3", "object", "reference"])
async def test_a_file_is_there_with_its_hash_and_no_part_is_left(place, storage, tmp_path, storage_type):
    to = tmp_path / "a.bin"
    *told, end = await fetch(place, storage, to, size=len(CONTENT), storage_type=storage_type)
    none = f"its storage has no hash of it, and its run no {CHAIN}"
    assert end == Downloaded(str(to), len(CONTENT), SHA256, uncompared=none)
    assert end.comparison == f"nothing to compare with: {none}"
    assert told[0] == Progress(0, len(CONTENT))
    assert told[-1] == Progress(len(CONTENT), len(CONTENT))
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]
    assert to.read_bytes() == CONTENT


async def test_a_cut_download_goes_on_where_it_was(place, storage, tmp_path):
    storage.cuts = [1_500_000, 0, 700_000]
    end = (await fetch(place, storage, tmp_path / "a.bin"))[-1]
    assert end.sha256 == SHA256
    assert storage.ranges[0] == ""
    assert all(asked.startswith("bytes=") for asked in storage.ranges[1:])


@pytest.mark.parametrize(("encoding", "tag"), [("gzip", '"1"'), ("", ""), ("", 'W/"1"')])
async def test_what_cannot_go_on_safely_begins_anew(place, storage, tmp_path, encoding, tag):
    storage.encoding, storage.tag, storage.cuts = encoding, tag, [3_000]
    end = (await fetch(place, storage, tmp_path / "a.bin", size=7 if encoding else None))[-1]
    assert (end.sha256, end.encoding) == (SHA256, encoding)
    assert storage.ranges == ["", ""]
    assert ("gzip was taken off" in end.hashed) == bool(encoding)


async def test_nothing_is_overwritten(place, storage, tmp_path):
    to = tmp_path / "a.bin"
    to.write_text("mine")
    with pytest.raises(UsageError, match="nothing is overwritten"):
        await fetch(place, storage, to)
    assert to.read_text() == "mine"
    dangling = tmp_path / "link"
    dangling.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="nothing is overwritten"):
        await fetch(place, storage, dangling)
    (tmp_path / "b.part").write_text("another's")
    with pytest.raises(UsageError, match="Another download"):
        await fetch(place, storage, tmp_path / "b")
    assert (tmp_path / "b.part").read_text() == "another's"
    with pytest.raises(UsageError, match="cannot be written"):
        await fetch(place, storage, tmp_path / "nowhere" / "a")


@pytest.mark.parametrize("status", [404, 403, 503, 500])
async def test_what_is_not_given_leaves_nothing(place, storage, tmp_path, status):
    storage.status = status
    with pytest.raises(Exception, match=f"answered {status}|does not give"):
        await fetch(place, storage, tmp_path / "a.bin")
    assert list(tmp_path.iterdir()) == []


async def test_another_size_than_the_queue_was_told_is_no_download(place, storage, tmp_path):
    with pytest.raises(IntegrityFailure, match="told the queue of 7"):
        await fetch(place, storage, tmp_path / "a.bin", size=7)
    assert list(tmp_path.iterdir()) == []


async def test_an_error_in_place_of_an_artifact_is_told(place, storage, tmp_path):
    answer = {"storageType": "error", "reason": "file-missing-on-worker", "message": "No such file"}
    connection = pointing(await place.gateway(), answer, storage)
    steps = download(connection, artifact(), tmp_path / "a.bin")
    with pytest.raises(Absent, match="file-missing-on-worker: No such file"):
        await anext(steps)
    assert list(tmp_path.iterdir()) == []


async def test_a_download_that_is_stopped_leaves_nothing(place, storage, tmp_path):
    storage.hangs = True
    connection = pointing(await place.gateway(), {"storageType": "s3", "url": storage.url}, storage)

    async def fetching():
        async with aclosing(download(connection, artifact(), tmp_path / "a.bin")) as steps:
            async for _step in steps:
                pass

    task = asyncio.create_task(fetching())
    await storage.begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert list(tmp_path.iterdir()) == []


async def test_a_download_that_is_stopped_while_it_writes_writes_that_to_the_end(
    place, storage, tmp_path, monkeypatch
):
    begun, goes_on, written = asyncio.Event(), threading.Event(), []
    loop, take = asyncio.get_running_loop(), artifact_get._Transfer.take

    def slowly(transfer, piece):
        loop.call_soon_threadsafe(begun.set)
        goes_on.wait()
        take(transfer, piece)
        written.append(piece)

    monkeypatch.setattr(artifact_get._Transfer, "take", slowly)
    task = asyncio.create_task(fetch(place, storage, tmp_path / "a.bin"))
    await begun.wait()
    task.cancel()
    for _ in range(20):
        await asyncio.sleep(0)
    goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(written) == 1
    assert list(tmp_path.iterdir()) == []


async def test_a_full_disk_leaves_nothing(place, storage, tmp_path, monkeypatch):
    def full(*_arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(artifact_get, "_finish", full)
    with pytest.raises(Unavailable, match="No space left on device"):
        await fetch(place, storage, tmp_path / "a.bin")
    assert list(tmp_path.iterdir()) == []


# What others say that it hashes to


def chain(sha256, **members):
    """What a worker that hashed one artifact leaves."""
    listed = {"public/a.bin": {"sha256": sha256}}
    return json.dumps({"taskId": "t" * 22, "runId": 0, "artifacts": listed, **members}).encode()


@pytest.mark.parametrize(
    "told", [{"sha256": SHA256.upper()}, {"sha512": SHA512}, {"sha256": SHA256, "md5": "0"}]
)
async def test_what_the_object_service_was_told_is_compared(place, storage, tmp_path, told):
    storage.told, storage.cuts = told, [1_500_000]
    end = (await fetch(place, storage, tmp_path / "a.bin", storage_type="object"))[-1]
    assert end.comparison == "compared with the object service: the same"


@pytest.mark.parametrize("encoding", ["", "gzip"])
async def test_what_the_worker_hashed_is_compared(place, storage, tmp_path, encoding):
    storage.chain, storage.told, storage.encoding = chain(f"sha256:{SHA256}"), {"sha512": SHA512}, encoding
    end = (await fetch(place, storage, tmp_path / "a.bin", storage_type="object"))[-1]
    assert end.compared == ("object service", "Chain of Trust")
    assert end.comparison.endswith("Chain of Trust (whose signature is not checked here): the same")


@pytest.mark.parametrize(
    ("told", "signed"),
    [
        ({"sha256": SHA256, "sha512": SHA512[:-1] + "x"}, chain(SHA256)),
        ({"sha256": "0" * 64}, None),
        ({}, chain("0" * 64)),
        ({"sha256": SHA256, "sha512": SHA512}, chain(SHA512)),
    ],
)
async def test_another_hash_than_was_told_is_no_download(place, storage, tmp_path, told, signed):
    storage.told, storage.chain = told, signed
    with pytest.raises(IntegrityFailure, match=r"public/a\.bin is sha(256|512):\w+, and the (object|Chain)"):
        await fetch(place, storage, tmp_path / "a.bin", storage_type="object")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("left", "why"),
    [
        (chain(SHA256, runId=1), "is of another run"),
        (chain(SHA256, artifacts={}), "does not list it"),
        (chain(SHA256, artifacts=[]), "does not list it"),
        (chain(7), "does not list it"),
        (b"[", "is no JSON object"),
        (b"[" * 100_000, "is no JSON object"),
        (b"\xff", "is no JSON object"),
        (b"private", "cannot be read: you lack a scope"),
    ],
)
async def test_why_nothing_could_be_compared_is_told(place, storage, tmp_path, left, why):
    storage.chain = left
    end = (await fetch(place, storage, tmp_path / "a.bin"))[-1]
    assert (end.compared, end.uncompared) == ((), f"{CHAIN} {why}")
