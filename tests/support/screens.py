"""The console's application for tests: a clock that stands still, and a session that the test gives."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock
from weakref import WeakKeyDictionary

from textual.app import App
from textual.widgets import Input

from console.app import Lading
from console.config import Config
from console.connection import Connection, ConnectionSettings
from console.shell import Opening, Session
from runner.errors import Unavailable

ROOT_URL = "https://tc.example.org"
SIZE = (80, 24)
# Looks, not seconds: on a busy machine each takes longer.
_LOOKS = 600


# What toasts said: they go after five seconds, and on a busy machine two looks may be further apart.
_SAID: WeakKeyDictionary[App[Any], list[str]] = WeakKeyDictionary()
_notify = App.notify


def _note(app, message, **more):
    _SAID.setdefault(app, []).append(message)
    _notify(app, message, **more)


mock.patch.object(App, "notify", _note).start()


class Deaf:
    """A gateway to nobody."""

    client_id = None

    def time(self):
        return Clock().time.timestamp()

    async def call(self, *_names, **_more):
        raise Unavailable("Nobody answers in this test.")

    items = call

    async def pages(self, *names, **more):
        yield await self.call(*names, **more)


class Clock:
    """Stands still until it is told."""

    def __init__(self):
        self.time = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def __call__(self):
        return self.time

    def pass_(self, **units):
        """So much time passes: `clock.pass_(seconds=31)`."""
        self.time += timedelta(**units)


def console(
    folder=None,
    *,
    taskcluster: Any = None,
    credentials=None,
    config=None,
    profile="balrog",
    read_only=False,
    clock=None,
    fails=None,
    environment=None,
):
    """An application that has not begun.

    Args:
        folder: the checkout.
        taskcluster: the connection's gateway; a test that asks nothing needs none.
        credentials: who asks, or None for anonymous.
        config: the user's, or the defaults.
        profile: how the status line calls the deployment.
        read_only: as the flag.
        clock: a Clock.
        fails: raised in place of a session.
        environment: the variables that screens see.
    """
    gateway: Any = taskcluster or Deaf()
    settings = ConnectionSettings(
        ROOT_URL, credentials, "environment" if credentials else "anonymous", read_only
    )

    @contextlib.asynccontextmanager
    async def open_session(tell):
        tell("connecting")
        await asyncio.sleep(0)
        if fails is not None:
            raise fails
        yield Session(Connection(settings, gateway), folder)

    return Lading(
        Opening(
            open_session=open_session,
            folder=folder,
            config=config or Config(),
            profile=profile,
            root_url=ROOT_URL,
            read_only=read_only,
            environment=environment or {},
            now=clock or Clock(),
        )
    )


async def settled(pilot):
    """Wait until the session is open or refused, nothing runs, and all is drawn. No cursor blinks afterwards."""
    await pilot.pause()
    shell = pilot.app.shell
    while shell.session is None and shell.failure is None:
        await pilot.pause(0.01)
    # Textual's own `wait_for_complete` raises where work is cancelled meanwhile, as by the same begun again.
    while list(pilot.app.workers):
        await pilot.pause(0.01)
    await pilot.pause()
    for field in pilot.app.screen.query(Input):
        field.cursor_blink = False
    await pilot.pause()


async def shows(pilot, *words):
    """Wait until the screen shows all these words, or a toast has."""
    for _ in range(_LOOKS):
        await pilot.pause(0.05)
        if says(pilot.app, *words):
            await pilot.pause()
            return
    raise AssertionError(f"{words} are not in:\n{drawn(pilot.app)}")


def says(app, *words):
    """Whether the screen shows all these words, or a toast has that nobody waited for yet."""
    shown, toasts = drawn(app), _SAID.get(app, [])
    if not all(word in shown or any(word in toast for toast in toasts) for word in words):
        return False
    toasts[:] = [toast for toast in toasts if not any(word in toast for word in words)]
    return True


async def until(pilot, condition):
    """Wait until something has come about that the screen need not show."""
    for _ in range(_LOOKS):
        await pilot.pause(0.05)
        if condition():
            return
    raise AssertionError(f"It did not come about:\n{drawn(pilot.app)}")


def drawn(app):
    """What the screen shows, a line each, without trailing blanks."""
    width, height = app.size
    strips = app.screen._compositor.render_strips(app.size) if width and height else []
    return "\n".join(strip.text.rstrip() for strip in strips)
