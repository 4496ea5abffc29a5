"""A task's log: a file that grows, and what shows it while it does."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Final, Self

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

_CHUNK: Final = 2**16


class TaskLog:
    """Bytes written once and read by any number of followers, each from the beginning.

    Args:
        path: the file that keeps it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("ab", buffering=0)
        self._changed = asyncio.Event()
        self._closed = False

    def write(self, data: bytes) -> None:
        """Append, and wake the followers."""
        self._file.write(data)
        self._wake()

    def close(self) -> None:
        """No more will come: followers end when they have everything."""
        self._closed = True
        self._file.close()
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def follow(self) -> AsyncIterator[bytes]:
        """What is there, then what comes, until the log is closed."""
        with self.path.open("rb") as reader:
            while True:
                # Taken before the read: what is written after it sets this very event.
                changed, closed = self._changed, self._closed
                if chunk := reader.read(_CHUNK):
                    yield chunk
                elif closed:
                    return
                else:
                    await changed.wait()


class LiveLog:
    """Shows a log at `/log/<secret>`, as the livelog program does: chunked, for anybody with the link."""

    def __init__(self, log: TaskLog) -> None:
        self._log = log
        self._runner: web.AppRunner | None = None
        self.url = ""

    @classmethod
    async def start(cls, log: TaskLog) -> Self:
        """Listen on 127.0.0.1; `url` is the link."""
        live = cls(log)
        path = f"/log/{secrets.token_urlsafe(24)}"
        application = web.Application()
        application.router.add_get(path, live._stream)
        live._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        try:
            await live._runner.setup()
            await web.TCPSite(live._runner, "127.0.0.1", 0).start()
        except BaseException:
            await live.close()
            raise
        host, port = live._runner.addresses[0][:2]
        live.url = f"http://{host}:{port}{path}"
        return live

    async def close(self) -> None:
        """Stop listening; followers of a closed log get the rest first."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={"Content-Type": "text/plain; charset=utf-8", "Access-Control-Allow-Origin": "*"}
        )
        response.enable_chunked_encoding()
        await response.prepare(request)
        async for chunk in self._log.follow():
            await response.write(chunk)
        await response.write_eof()
        return response
