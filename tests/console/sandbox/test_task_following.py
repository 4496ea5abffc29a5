"""A task is followed from outside: its state, its log as it comes, its artifacts."""

import aiohttp
import pytest
from aiohttp import web

from console.sandbox.task_following import Task
from runner.errors import Unavailable

pytestmark = pytest.mark.enable_socket

STATES = ["pending", "running", "running", "completed"]


@pytest.fixture
async def root_url():
    states = iter(STATES)
    log_asked = iter([404, 200])

    async def status(_request):
        return web.json_response({"status": {"state": next(states, "completed")}})

    async def artifact(request):
        if request.match_info["name"] != "public/logs/live.log":
            raise web.HTTPForbidden
        if next(log_asked) == 404:
            raise web.HTTPNotFound
        raise web.HTTPSeeOther("/log")

    async def log(request):
        response = web.StreamResponse()
        await response.prepare(request)
        for chunk in (b"one\ntw", b"o\r\nth\xc3", b"\xa9\n", b"end"):
            await response.write(chunk)
        return response

    application = web.Application()
    application.router.add_get("/api/queue/v1/task/T/status", status)
    application.router.add_get("/api/queue/v1/task/T/artifacts/{name}", artifact)
    application.router.add_get("/log", log)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def task(root_url):
    async with aiohttp.ClientSession() as session:
        yield Task(session, root_url, "T")


async def test_it_waits_for_a_state_and_for_the_end(task):
    assert await task.until(lambda state: state == "running") == "running"
    assert await task.end() == "completed"


async def test_the_log_is_waited_for_and_cut_into_lines_wherever_it_was_cut(task):
    assert [line async for line in task.log()] == ["one", "two", "thé", "end"]


async def test_an_artifact_that_may_not_be_read_says_so(task):
    with pytest.raises(Unavailable, match=r"HTTP 403 for artifact private/x\.txt"):
        await task.artifact("private/x.txt")
