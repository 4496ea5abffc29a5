"""What every screen is given: the open session, the clock, the configuration, the repository."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from console.credentials.keyring_store import CredentialStore, no_keyring
from runner.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from console.config import Config
    from console.connection import Connection, ConnectionSettings

    OpenSession = Callable[[Callable[[str], None]], AbstractAsyncContextManager["Session"]]


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
        store: keeps what a sign-in gets.
        config_path: where its profile is written, or None where it is for this run alone.
    """

    open_session: OpenSession
    folder: Path | None
    config: Config
    profile: str
    root_url: str
    read_only: bool
    environment: Mapping[str, str]
    now: Callable[[], datetime]
    store: CredentialStore = field(
        default_factory=lambda: CredentialStore(no_keyring("Nothing is kept here."))
    )
    config_path: Path | None = None


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
        self.task_id = ""
        """The task that was looked at last, which the screens of logs and artifacts show."""
        self.changed: list[Callable[[], None]] = []
        self.renewed: list[Callable[[], None]] = []
        """Called once another session is being opened: what was refused may be tried again."""
        self.generation = 0
        """How many sessions were opened in place of another."""
        self.drawn = asyncio.Event()
        """Set after the first frame: importing the client takes as long as the frame itself, and waits for it."""
        self._retired: list[asyncio.Task[None]] = []
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

    def connect_as(self, settings: ConnectionSettings, folder: Path) -> None:
        """Go on with other credentials, as after signing in; screens and their forms stay.

        Args:
            settings: whom to connect to, and as whom.
            folder: the checkout.
        """

        @contextlib.asynccontextmanager
        async def open_session(tell: Callable[[str], None]) -> AsyncIterator[Session]:
            from console.connection import connect

            tell("connecting")
            async with connect(settings) as connection:
                yield Session(connection, folder)

        self.reopen(open_session)

    def reopen(self, open_session: OpenSession) -> None:
        """Open another session in place of this one, which ends with the console.

        What still runs on it comes to its end, and so may a sandbox that it started.
        """
        if self._holder is not None:
            self._retired.append(self._holder)
        self._holder, self._opened = None, None
        self._open_session = open_session
        self.generation += 1
        self.start()
        for renewed in [*self.renewed]:
            renewed()

    async def close(self) -> None:
        """End the session with all that it started, and those before it."""
        for holder in (self._holder, *reversed(self._retired)):
            if holder is not None:
                holder.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await holder
        self._holder, self._opened = None, None
        self._retired.clear()

    async def _hold(self, opened: asyncio.Future[Session]) -> None:
        session = None
        try:
            await self.drawn.wait()
            async with self._open_session(self._tell) as session:
                if self._opened is opened:
                    self.session = session
                    self._tell("")
                opened.set_result(session)
                await asyncio.Event().wait()
        except Exception as error:  # noqa: BLE001 - told by every screen that waits for the session
            if not opened.done():
                opened.set_exception(error)
                if self._opened is opened:
                    self.failure = error
                    self._tell("not connected")
        finally:
            if self.session is session:
                self.session = None
            opened.cancel()

    def _tell(self, note: str) -> None:
        self.note = note
        for changed in self.changed:
            changed()
