"""A log is whole for every follower, whenever they come."""

import asyncio

import aiohttp
import pytest

from console.sandbox.live_log import LiveLog, TaskLog

pytestmark = pytest.mark.enable_socket


@pytest.fixture
def log(tmp_path):
    log = TaskLog(tmp_path / "log")
    yield log
    log.close()


async def text(log):
    return b"".join([chunk async for chunk in log.follow()])


async def test_followers_early_and_late_get_every_byte(log):
    early = asyncio.create_task(text(log))
    for number in range(1000):
        log.write(b"%d\n" % number)
        if number % 100 == 0:
            await asyncio.sleep(0)
    late = asyncio.create_task(text(log))
    await asyncio.sleep(0)
    log.close()
    expected = b"".join(b"%d\n" % number for number in range(1000))
    assert await early == await late == await text(log) == expected


async def test_a_line_is_shown_before_the_log_ends(log):
    live = await LiveLog.start(log)
    try:
        async with aiohttp.ClientSession() as session, session.get(live.url) as response:
            log.write(b"first\n")
            assert await response.content.readline() == b"first\n"
            log.write(b"second\n")
            assert await response.content.readline() == b"second\n"
            log.close()
            assert await response.content.read() == b""
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    finally:
        await live.close()


async def test_without_the_secret_there_is_no_log(log):
    live = await LiveLog.start(log)
    try:
        async with aiohttp.ClientSession() as session, session.get(live.url[:-1]) as response:
            assert response.status == 404
    finally:
        await live.close()
