"""A task's commands as local processes, and the end of all of them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_CHUNK: Final = 2**16
# How long output is awaited from a process that outlived its group and hides its environment.
_DRAIN_SECONDS: Final = 5.0
_QUIET_SECONDS: Final = 60.0
NOT_STARTED: Final = 127


@dataclass(frozen=True, slots=True)
class Place:
    """Where a task's processes run.

    Args:
        folder: the task's own.
        environment: exactly what they get.
        grace: seconds between SIGTERM and SIGKILL.
    """

    folder: Path
    environment: Mapping[str, str]
    grace: float


async def run_command(argv: Sequence[str], place: Place, write: Callable[[bytes], None]) -> int:
    """Run one command in a process group of its own; nothing of it is left when this returns or raises.

    When it is cancelled the group gets SIGTERM, and SIGKILL after the grace.

    Args:
        argv: the command.
        place: where.
        write: takes standard output and standard error as they come.

    Returns:
        The exit code; the negative signal number if a signal ended it; 127 if it could not be started.
    """
    # A pipe of our own: asyncio's would keep `wait` waiting for whoever inherited it.
    reader, writer = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=writer,
            stderr=writer,
            cwd=place.folder,
            env=dict(place.environment),
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        os.close(reader)
        write(f"[taskcluster:error] {argv[0]!r} could not be started: {error}\n".encode())
        return NOT_STARTED
    finally:
        os.close(writer)
    output = asyncio.create_task(_copy(reader, write))
    try:
        return await process.wait()
    except asyncio.CancelledError:
        await _stop(process, place.grace)
        raise
    finally:
        kill_group(process.pid)
        kill_marked(place)
        await process.wait()
        # Everything that was written is in the pipe: it ends once no process holds the other end.
        # Python 3.11's `wait_for` may lose a cancellation (python/cpython#86296): `timeout` does not.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                await output


async def run_quietly(argv: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
    """Run a program of the worker's own to its end, whatever it says; given up after a minute."""
    with contextlib.suppress(OSError, TimeoutError):
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=folder,
            env=dict(environment),
        )
        try:
            async with asyncio.timeout(_QUIET_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def _copy(descriptor: int, write: Callable[[bytes], None]) -> None:
    stream = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(descriptor, "rb", 0)
    )
    try:
        while chunk := await stream.read(_CHUNK):
            write(chunk)
    finally:
        transport.close()


async def _stop(process: asyncio.subprocess.Process, grace: float) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(grace):
            await process.wait()


def kill_group(group: int) -> None:
    """SIGKILL to what is left of a process group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def kill_marked(place: Place) -> None:
    """SIGKILL to what left its group: on Linux its environment still names the task's folder."""
    if not sys.platform.startswith("linux"):
        return
    mark = b"TASK_WORKDIR=" + os.fsencode(place.folder)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    os.kill(int(entry.name), signal.SIGKILL)
