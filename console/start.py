"""How the console starts on a terminal: on a deployment, or on a sandbox of its own."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import threading
from concurrent.futures import Future
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from console.app import run_console
from console.config import config_path, load_config
from console.connection import ConnectionSettings, choose, connect, stored
from console.credentials.aside import aside
from console.credentials.environment import ROOT_URL
from console.credentials.keyring_store import CredentialStore, no_keyring
from console.credentials.value import Credentials
from console.shell import Opening, Session
from runner.errors import Unavailable, UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncIterator, Callable, Mapping
    from typing import TextIO

    from console.config import Config
    from console.sandbox.serve import Running

_SANDBOX_ENDS_SECONDS: Final = 20.0


def start(arguments: argparse.Namespace, environment: Mapping[str, str], stderr: TextIO) -> int:
    """Run the console until the user leaves it; returns the exit code.

    Args:
        arguments: profile, read_only and sandbox.
        environment: the variables.
        stderr: told of a defect, once the terminal is as it was.

    Raises:
        UsageError: the profile or the configuration is wrong.
    """
    config = load_config(config_path())
    if arguments.sandbox:
        opening = _on_sandbox(config, environment, read_only=arguments.read_only)
    else:
        opening = _on_deployment(config, environment, arguments.profile, read_only=arguments.read_only)
    code, failure = asyncio.run(run_console(opening))
    if failure:
        print(f"lading: internal error: {failure}. Please report it.", file=stderr)
    return code


def _on_deployment(
    config: Config, environment: Mapping[str, str], profile: str | None, *, read_only: bool
) -> Opening:
    """The profile's flag wins over the environment, and the environment over the default profile."""
    # What needs no network works without a deployment: the screens tell what is lacking.
    named = bool(profile or config.default_profile or environment.get(ROOT_URL))
    choice = choose(environment, lambda: config, profile=profile, read_only=read_only) if named else None
    store = CredentialStore()

    @contextlib.asynccontextmanager
    async def open_session(tell: Callable[[str], None]) -> AsyncIterator[Session]:
        if choice is None:
            raise UsageError(
                "No Taskcluster is named.",
                action="Sign in with ctrl+r, set TASKCLUSTER_ROOT_URL, or try `lading --sandbox`.",
            )
        tell("asking the keyring" if choice.client_id else "connecting")
        settings = await aside(partial(stored, choice, store, _say_nothing))
        async with connect(settings) as connection:
            yield Session(connection, folder)

    folder = _checkout(Path.cwd())
    return Opening(
        open_session=open_session,
        folder=folder,
        config=config,
        profile=choice.settings.profile if choice else "",
        root_url=choice.settings.root_url if choice else "",
        read_only=read_only,
        environment=environment,
        now=_now,
        store=store,
        config_path=config_path(),
    )


def _on_sandbox(config: Config, environment: Mapping[str, str], *, read_only: bool) -> Opening:
    @contextlib.asynccontextmanager
    async def open_session(tell: Callable[[str], None]) -> AsyncIterator[Session]:
        tell("starting the sandbox")
        async with _sandbox(environment) as sandbox:
            credentials = Credentials(sandbox.credentials.client_id, sandbox.credentials.access_token)
            settings = ConnectionSettings(sandbox.root_url, credentials, "sandbox", read_only)
            async with connect(settings) as connection:
                yield Session(connection, sandbox.sample)

    return Opening(
        open_session=open_session,
        folder=None,
        config=config,
        profile="sandbox",
        root_url="",
        read_only=read_only,
        environment=environment,
        now=_now,
        store=CredentialStore(no_keyring("A sandbox's clients end with it.")),
    )


@contextlib.asynccontextmanager
async def _sandbox(environment: Mapping[str, str]) -> AsyncIterator[Running]:
    """A sandbox that keeps nothing, on a loop of its own: its databases and tasks do not hold up a screen."""
    ready: Future[tuple[Running, Callable[[], None]]] = Future()
    thread = threading.Thread(target=_serve, args=(environment, ready), name="sandbox", daemon=True)
    thread.start()
    stop: Callable[[], None] | None = None
    try:
        # A start that is no longer waited for goes on, and ends below.
        sandbox, end = await asyncio.shield(asyncio.wrap_future(ready))
        stop = end
        yield sandbox
    finally:
        if stop is None and not (ready.done() and ready.exception()):
            _, stop = await asyncio.to_thread(ready.result, _SANDBOX_ENDS_SECONDS)
        if stop is not None:
            stop()
        await asyncio.to_thread(thread.join, _SANDBOX_ENDS_SECONDS)


def _serve(environment: Mapping[str, str], ready: Future[tuple[Running, Callable[[], None]]]) -> None:
    from console.sandbox.serve import running

    async def serve() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        async with running(
            ephemeral=True, registry=None, environment=environment, say=_say_nothing
        ) as sandbox:

            def end() -> None:
                loop.call_soon_threadsafe(stop.set)

            ready.set_result((sandbox, end))
            await stop.wait()

    try:
        asyncio.run(serve())
    except Exception as error:  # noqa: BLE001 - told by the screen that waits for the sandbox
        if not ready.done():
            ready.set_exception(_told(error))


def _told(error: Exception) -> Exception:
    if not isinstance(error, OSError | subprocess.CalledProcessError):
        return error
    failure = Unavailable(
        f"The sandbox could not run: {error}.",
        cause="A port is taken, git is not installed, or a folder cannot be written.",
    )
    failure.__cause__ = error
    return failure


def _say_nothing(_line: str) -> None:
    """The screen says what matters."""


def _checkout(folder: Path) -> Path:
    """The checkout that a folder is in, or the folder itself."""
    return next((place for place in (folder, *folder.parents) if (place / ".git").exists()), folder)


def _now() -> datetime:
    return datetime.now(UTC)
