"""The small server on loopback that a browser brings new credentials to."""

from __future__ import annotations

import asyncio
import contextlib
import errno
from typing import TYPE_CHECKING, Final

from console.credentials.callback import Callback, Reply, new_nonce
from runner.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from console.credentials.value import Credentials

LIMIT_SECONDS: Final = 300.0
_HEAD_BYTES: Final = 16 * 1024
_HEAD_SECONDS: Final = 10.0
_LAST_PAGE_SECONDS: Final = 3.0
_ATTEMPTS: Final = 20
_TAKEN: Final = frozenset({errno.EADDRINUSE, errno.EACCES})


class SignInEnded(Unavailable):
    """Nobody finished the sign-in in time."""


class Listener:
    """Listens on both families of loopback, as `localhost` may be either; `listening` makes one.

    Args:
        limit: seconds that the sign-in may take.
    """

    def __init__(self, limit: float) -> None:
        self.port = 0
        self._limit = limit
        self._callback = Callback(new_nonce(), asyncio.get_running_loop().time() + limit)
        self._arrived = asyncio.Event()
        self._seen = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where the page is to send the browser. It takes `localhost`, never 127.0.0.1."""
        return f"http://localhost:{self.port}{self._callback.path}"

    async def credentials(self) -> Credentials:
        """What the page sent.

        Raises:
            SignInEnded: nothing came in time.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._limit):
                await self._arrived.wait()
        if self._callback.credentials is None:
            raise SignInEnded(
                f"Nobody pressed Save on the sign-in page within {self._limit / 60:g} minutes.",
                action="Sign in again; nothing was changed.",
            )
        return self._callback.credentials

    async def last_page(self) -> None:
        """Let the browser show the page whose address holds no token, if one brought the credentials."""
        if self._callback.credentials is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LAST_PAGE_SECONDS):
                    await self._seen.wait()

    async def close(self) -> None:
        """Drop connections that never asked anything, as browsers open them."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request."""
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            with contextlib.suppress(
                OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError
            ):
                async with asyncio.timeout(_HEAD_SECONDS):
                    reply = self._hear(await reader.readuntil(b"\r\n\r\n"))
                    writer.write(reply.encode())
                    await writer.drain()
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        if self._callback.is_seen:
            self._seen.set()

    def _hear(self, head: bytes) -> Reply:
        words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            return Reply("400 Bad Request", "This is not HTTP.", {})
        reply = self._callback.hear(words[0], words[1], asyncio.get_running_loop().time())
        if self._callback.credentials is not None:
            self._arrived.set()
        return reply


@contextlib.asynccontextmanager
async def listening(port: int = 0, *, limit: float = LIMIT_SECONDS) -> AsyncIterator[Listener]:
    """Listen, on loopback alone, until the context ends.

    Args:
        port: which, or 0 for any: who comes over SSH forwards a port that is known before.
        limit: seconds that the sign-in may take.

    Raises:
        Unavailable: the port is taken.
    """
    listener = Listener(limit)
    servers = await _servers(listener, port)
    listener.port = servers[0].sockets[0].getsockname()[1]
    try:
        yield listener
        await listener.last_page()
    finally:
        for server in servers:
            server.close()
        await listener.close()
        for server in servers:
            await server.wait_closed()


async def _servers(listener: Listener, port: int) -> list[asyncio.Server]:
    for _attempt in range(_ATTEMPTS if port == 0 else 1):
        servers: list[asyncio.Server] = []
        try:
            servers.append(await _serve(listener, "127.0.0.1", port))
            with _without_ipv6():
                servers.append(await _serve(listener, "::1", servers[0].sockets[0].getsockname()[1]))
        except OSError as error:
            for server in servers:
                server.close()
            if error.errno not in _TAKEN:
                raise Unavailable(f"The sign-in cannot listen on this machine: {error}.") from error
        else:
            return servers
    raise Unavailable(
        f"Port {port} cannot be listened on." if port else "No port of this machine is free.",
        cause="Another program has it, or it is not for every user.",
        action="Give another one by --port.",
    )


async def _serve(listener: Listener, host: str, port: int) -> asyncio.Server:
    return await asyncio.start_server(listener.connected, host, port, limit=_HEAD_BYTES)


@contextlib.contextmanager
def _without_ipv6() -> Iterator[None]:
    """A machine without IPv6 has a `localhost` without it."""
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
            raise
