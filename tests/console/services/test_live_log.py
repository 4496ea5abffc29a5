"""A log followed over connections that are cut anywhere, from a worker and from where it is kept."""

import asyncio
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from console.actions.build_log import follow_log
from console.actions.build_plan import slug_id
from console.domain.log_following import LogBytes, LogEnd, LogRun, LogTrouble, LogWaiting
from console.failures import Absent
from console.services.live_log import LogPace, backing_name, log_name
from runner.retry import Backoff
from tests.support.worked_task import BACKING, LIVE, Worked

pytestmark = pytest.mark.enable_socket

# Kept compressed, it is shorter than the half of it.
LOG = ("première ligne\r\nStep 2/3\nerror: no\n" + "again\n" * 30 + "no end").encode()
PACE = LogPace(Backoff(attempts=4, first=0.01, longest=0.02), idle=5.0)


@dataclass
class Livelog:
    """A worker's log server: each connection gets what `cuts` says, and is then dropped; the last gets all."""

    url: str = ""
    cuts: list[int] = field(default_factory=list)
    served: int = 0
    silent_after: int = 0
    released: asyncio.Event = field(default_factory=asyncio.Event)
    cut_all: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request):
        self.served += 1
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        if self.cuts:
            cut = self.cuts.pop(0)
            if not self.cuts:
                self.cut_all.set()
            if cut:
                await response.write(LOG[:cut])
            request.transport.close()
            return response
        if self.silent_after:
            await response.write(LOG[: self.silent_after])
            await self.released.wait()
            return response
        await response.write(LOG)
        await response.write_eof()
        return response


@pytest.fixture
async def livelog():
    found = Livelog()
    application = web.Application()
    application.router.add_get("/log/x", found.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    found.url = f"http://{host}:{port}/log/x"
    yield found
    found.released.set()
    await runner.cleanup()


async def read(connection, task_id, meanwhile=None, **keywords):
    """All events, and the bytes together; `meanwhile` is done at the first trouble."""
    events = []
    async with asyncio.timeout(120):
        async for event in follow_log(connection, task_id, pace=PACE, **keywords):
            events.append(event)
            if meanwhile is not None and isinstance(event, LogTrouble | LogWaiting):
                await meanwhile()
                meanwhile = None
    return events, b"".join(event.data for event in events if isinstance(event, LogBytes))


@pytest.mark.parametrize("compressed", [True, False])
async def test_a_worker_that_cuts_again_and_again_loses_and_doubles_nothing(place, livelog, compressed):
    worked = await Worked(await place.gateway()).create()
    await worked.claim()
    await worked.artifact(LIVE, "reference", url=livelog.url)
    # Within a character, a line end and a line, between lines, short of what was read, and behind the last byte.
    livelog.cuts = [*range(40), 10, len(LOG) - 1, len(LOG)]

    async def finish():
        await livelog.cut_all.wait()
        await worked.keep(LOG, compressed=compressed)
        await worked.end()

    finishing = asyncio.create_task(finish())
    events, found = await read(await place.connection(), worked.task_id)
    await finishing
    assert found == LOG
    assert events[0] == LogRun(0)
    assert events[-1] == LogEnd("completed")
    assert any(isinstance(event, LogTrouble) for event in events)


@pytest.mark.parametrize("cut", [20, 120, len(LOG)])
@pytest.mark.parametrize("compressed", [True, False])
async def test_a_cut_worker_is_followed_by_the_kept_log_without_a_seam(place, livelog, compressed, cut):
    worked = await Worked(await place.gateway()).create()
    await worked.claim()
    await worked.artifact(LIVE, "reference", url=livelog.url)
    livelog.cuts = [cut]

    async def finish():
        await worked.keep(LOG, compressed=compressed)
        await worked.end()

    events, found = await read(await place.connection(), worked.task_id, finish)
    assert (found, events[-1]) == (LOG, LogEnd("completed"))
    assert livelog.served == 1
    # That it is compressed is no trouble.
    assert [type(event) for event in events if not isinstance(event, LogBytes)] == [
        LogRun,
        LogTrouble,
        LogEnd,
    ]


async def test_a_private_log_is_read_by_a_url_that_is_signed_anew(place):
    gateway = await place.gateway()
    worked = await Worked(gateway).create(payload={"logs": {"live": "private/a.log"}})
    await worked.claim()
    await worked.upload("private/a_backing.log", LOG)
    await worked.end()
    # There is no live log, as of a worker that has none.
    events, found = await read(await place.connection(), worked.task_id)
    assert (found, events[-1]) == (LOG, LogEnd("completed"))
    limited = await place.client("queue:status:*", "queue:get-task:*")
    events, found = await read(await place.connection(limited), worked.task_id)
    assert found == b""
    assert "queue:get-artifact:private/a.log" in events[-1].problem


async def test_a_silent_worker_is_waited_for_until_its_run_is_over(place, livelog):
    worked = await Worked(await place.gateway()).create()
    await worked.claim()
    await worked.artifact(LIVE, "reference", url=livelog.url)
    livelog.silent_after = 20
    found, waiting, ending = b"", LogPace(PACE.backoff, idle=0.02), None
    async with asyncio.timeout(120):
        async for event in follow_log(await place.connection(), worked.task_id, pace=waiting):
            if isinstance(event, LogBytes):
                if not found:
                    # Some questions after the run, and it still runs.
                    place.front.requests.clear()
                    ending = asyncio.create_task(end_once_asked(place, worked))
                found += event.data
    assert ending is not None
    await ending
    assert (found, event) == (LOG, LogEnd("completed"))
    assert livelog.served == 1


async def end_once_asked(place, worked):
    while place.front.requests.count(f"GET /api/queue/v1/task/{worked.task_id}/status") < 3:
        place.front.arrived.clear()
        await place.front.arrived.wait()
    await worked.keep(LOG)
    await worked.end()


async def test_a_worker_that_died_is_given_up_once_its_run_is_over(place, livelog):
    worked = await Worked(await place.gateway()).create()
    await worked.claim()
    await worked.artifact(LIVE, "reference", url=livelog.url)
    livelog.cuts = [20] * 50

    async def die():
        await worked.end(verb="reportException", reason="internal-error")

    events, found = await read(await place.connection(), worked.task_id, die)
    assert found == LOG[:20]
    assert events[-1].result == "exception (internal-error)"
    assert "the connection broke" in events[-1].problem


async def test_what_waits_is_told_with_its_place_and_a_retry_is_announced(place):
    gateway = await place.gateway()
    first = await Worked(gateway).create()
    worked = await Worked(gateway).create()

    async def run():
        await worked.claim()
        await worked.keep(LOG)
        await worked.end(verb="reportException", reason="worker-shutdown")
        await worked.claim(1)
        await worked.keep(LOG.upper(), run=1)
        await worked.end(1)

    events, found = await read(await place.connection(), worked.task_id, run)
    assert events[0] == LogWaiting("it waits for a worker", 1)
    assert [event for event in events if isinstance(event, LogRun)] == [LogRun(0), LogRun(1, "retry")]
    assert found == LOG + LOG.upper()
    assert events[-1] == LogEnd("completed")
    events, found = await read(await place.connection(), worked.task_id, run_id=0)
    assert (found, events[-1]) == (LOG, LogEnd("completed"))
    limited = await place.client("queue:status:*", "queue:get-task:*", name="test/other")
    connection = await place.connection(limited)
    async for event in follow_log(connection, first.task_id, pace=PACE):
        assert event == LogWaiting("it waits for a worker")
        break


async def test_a_run_is_followed_by_its_retry(place, livelog):
    worked = await Worked(await place.gateway()).create()
    await worked.claim()
    await worked.artifact(LIVE, "reference", url=livelog.url)
    livelog.cuts = [20]

    async def retry():
        await worked.keep(LOG)
        await worked.end(verb="reportException", reason="worker-shutdown")
        await worked.claim(1)
        await worked.keep(b"again\n", run=1)
        await worked.end(1)

    events, found = await read(await place.connection(), worked.task_id, retry)
    assert found == LOG + b"again\n"
    assert [event for event in events if isinstance(event, LogRun)] == [LogRun(0), LogRun(1, "retry")]


async def test_a_log_that_is_not_there_is_said_to_be_so(place):
    worked = await Worked(await place.gateway()).create()
    await worked.claim()
    await worked.end()
    events, _ = await read(await place.connection(), worked.task_id)
    assert "Artifact not found" in events[-1].problem
    with pytest.raises(Absent):
        await read(await place.connection(), slug_id())


def test_a_task_chooses_the_name_of_its_log():
    assert log_name({"payload": {"logs": {"live": "a/b.log"}}}) == "a/b.log"
    assert log_name({"payload": {"log": "c.log"}}) == "c.log"
    assert log_name({"payload": 3}) == LIVE
    assert backing_name(LIVE) == BACKING
    assert backing_name("a.b/c") == "a.b/c_backing"
