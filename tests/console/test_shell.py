"""The session of all screens: another takes its place, and what the first one started stays until the end."""

import asyncio
import contextlib
from datetime import UTC, datetime

import pytest

from console.config import Config
from console.shell import Opening, Shell
from runner.errors import Refused


def opening_of(name, events, *, fails=None, waits=None):
    """Opens a session that is its name, and notes its begin and end."""

    @contextlib.asynccontextmanager
    async def open_session(_tell):
        events.append(f"open {name}")
        if waits is not None:
            await waits.wait()
        if fails is not None:
            raise fails
        try:
            yield name
        finally:
            events.append(f"close {name}")

    return open_session


def shell_of(open_session):
    shell = Shell(
        Opening(
            open_session=open_session,
            folder=None,
            config=Config(),
            profile="",
            root_url="",
            read_only=False,
            environment={},
            now=lambda: datetime.now(UTC),
        )
    )
    shell.drawn.set()
    return shell


async def test_another_session_takes_its_place_and_both_end_with_the_console():
    events: list[str] = []
    shell = shell_of(opening_of("first", events))
    shell.renewed.append(lambda: events.append("renewed"))
    assert await shell.ready() == "first"
    shell.reopen(opening_of("second", events))
    assert await shell.ready() == "second"
    assert shell.session == "second"
    assert (events, shell.generation) == (["open first", "renewed", "open second"], 1)
    await shell.close()
    assert events[-2:] == ["close second", "close first"]
    assert shell.session is None


async def test_a_session_that_comes_late_does_not_take_the_place_of_the_one_after_it():
    events: list[str] = []
    late = asyncio.Event()
    shell = shell_of(opening_of("first", events, waits=late))
    shell.start()
    await asyncio.sleep(0)
    shell.reopen(opening_of("second", events))
    assert await shell.ready() == "second"
    late.set()
    for _ in range(5):
        await asyncio.sleep(0)
    assert shell.session == "second"
    await shell.close()
    assert sorted(events[-2:]) == ["close first", "close second"]


async def test_after_a_failure_another_session_can_be_opened():
    events: list[str] = []
    shell = shell_of(opening_of("first", events, fails=Refused("Not yet.")))
    with pytest.raises(Refused):
        await shell.ready()
    shell.reopen(opening_of("second", events))
    assert await shell.ready() == "second"
    assert shell.failure is None
    await shell.close()
