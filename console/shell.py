"""What every screen is given: the open session, the clock, the configuration, the repository."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from console.config import Config
    from console.connection import Connection


@dataclass(frozen=True, slots=True)
class Session:
    """What is there once a deployment is connected.

    Args:
        connection: to Taskcluster.
        folder: the checkout that the console is about.
    """

    connection: Connection
    folder: Path


@dataclass(frozen=True, slots=True)
class Opening:
    """What the composition root gives the console.

    Args:
        open_session: opens a session; it is called after the first frame.
        folder: the checkout, or None where only the session knows it.
        config: what the user has set.
        profile: how the deployment is called in the status line.
        root_url: the deployment's, or "" where only the session knows it.
        read_only: whether nothing can be changed.
        environment: the variables.
        now: the time, in UTC.
    """

    open_session: Callable[[Callable[[str], None]], AbstractAsyncContextManager[Session]]
    folder: Path | None
    config: Config
    profile: str
    root_url: str
    read_only: bool
    environment: Mapping[str, str]
    now: Callable[[], datetime]


class Shell:
    """Holds the session open, for all screens.

    Args:
        opening: how.
    """

    def __init__(self, opening: Opening) -> None:
        self.opening = opening
        self.session: Session | None = None
        self.note = ""
        self.failure: Exception | None = None
        self.changed: list[Callable[[], None]] = []
        self._open_session = opening.open_session
        self._holder: asyncio.Task[None] | None = None
        self._opened: asyncio.Future[Session] | None = None

    @property
    def folder(self) -> Path | None:
        """The checkout, once it is known."""
        return self.session.folder if self.session else self.opening.folder

    @property
    def root_url(self) -> str:
        """The deployment's, or ""."""
        return self.session.connection.root_url if self.session else self.opening.root_url

    def start(self) -> None:
        """Begin to open the session, unless it is open or being opened."""
        if self._opened is not None and not (self._opened.done() and self._opened.exception()):
            return
        self.failure = None
        self._opened = asyncio.get_running_loop().create_future()
        # Whoever waits is told; where nobody waits, nothing is to be told.
        self._opened.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._holder = asyncio.create_task(self._hold(self._opened))

    async def ready(self) -> Session:
        """The session, once it is open.

        Raises:
            RunnerError: it could not be opened.
        """
        self.start()
        if self._opened is None:
            raise Unavailable("There is no session.")
        # Who stops waiting does not stop the opening.
        return await asyncio.shield(self._opened)

    async def reopen(
        self, open_session: Callable[[Callable[[str], None]], AbstractAsyncContextManager[Session]]
    ) -> None:
        """End the session and open another one, as after signing in; screens and their forms stay."""
        await self.close()
        self._open_session = open_session
        self.start()

    async def close(self) -> None:
        """End the session with all that it started."""
        if self._holder is not None:
            self._holder.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._holder
        self._holder, self._opened = None, None

    async def _hold(self, opened: asyncio.Future[Session]) -> None:
        try:
            async with self._open_session(self._tell) as session:
                self.session = session
                self._tell("")
                opened.set_result(session)
                await asyncio.Event().wait()
        except Exception as error:  # noqa: BLE001 - told by every screen that waits for the session
            if not opened.done():
                opened.set_exception(error)
                self.failure = error
                self._tell("not connected")
        finally:
            self.session = None
            opened.cancel()

    def _tell(self, note: str) -> None:
        self.note = note
        for changed in self.changed:
            changed()
