"""The console on a sandbox whose worker builds, for tests of its screens."""

import contextlib
import datetime as dt
import os

from console.app import Lading
from console.config import Config
from console.connection import ConnectionSettings, connect
from console.credentials.value import Credentials
from console.shell import Opening, Session
from runner.masking import Masked
from tests.support.screens import says, until


def console(builds, folder, first="builds", *, read_only=False):
    """The console in a folder, as root; `first` is the screen that it begins with."""
    root = builds.hosted.root
    who = Credentials(root.client_id, Masked(root.access_token.reveal()))
    settings = ConnectionSettings(builds.root_url, who, "environment", read_only)

    @contextlib.asynccontextmanager
    async def open_session(tell):
        tell("connecting")
        async with connect(settings) as connection:
            yield Session(connection, folder)

    opening = Opening(
        open_session=open_session,
        folder=folder,
        config=Config(),
        profile="sandbox",
        root_url=builds.root_url,
        read_only=read_only,
        environment={"PATH": os.environ["PATH"]},
        now=lambda: dt.datetime.now(dt.UTC),
    )
    return type("Console", (Lading,), {"DEFAULT_MODE": first})(opening)


async def on(pilot, kind, *words):
    """Wait for a screen, and for what it says: under a dialog that is going away its words can be read already."""
    await until(
        pilot,
        lambda: isinstance(pilot.app.screen, kind) and says(pilot.app, *words),
    )
    return pilot.app.screen
