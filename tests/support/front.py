"""A server in front of a sandbox, in the test's own loop: it answers in its place as the test scripts it."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

CUT, CUT_AFTER, HANG = "cut", "cut after it was forwarded", "hang"
_NOT_FORWARDED = {"Transfer-Encoding", "Content-Length", "Connection", "Date"}


@dataclass
class Fault:
    """What is answered in place of the sandbox.

    Args:
        status: an HTTP status, or CUT, CUT_AFTER or HANG.
        headers: of the answer.
        body: bytes as they are, or an object for JSON.
    """

    status: Any
    headers: dict[str, str] = field(default_factory=dict)
    body: object = b""

    @property
    def content(self):
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass
class Front:
    """The server; `faults` are used up one a request, then requests are forwarded."""

    target: str
    root_url: str = ""
    faults: list[Fault] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request):
        self.requests.append(f"{request.method} {request.raw_path}")
        self.arrived.set()
        if not self.faults:
            return await self._forward(request)
        fault = self.faults.pop(0)
        if fault.status == HANG:
            await self.released.wait()
            return web.Response()
        if fault.status == CUT_AFTER:
            await self._forward(request)
        if fault.status in {CUT, CUT_AFTER}:
            request.transport.abort()
            return web.Response()
        return web.Response(status=fault.status, headers=fault.headers, body=fault.content)

    async def _forward(self, request):
        url = URL(self.target + request.raw_path, encoded=True)
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                request.method,
                url,
                headers=request.headers,
                data=await request.read() or None,
                skip_auto_headers=["Content-Type"],
            ) as answer,
        ):
            headers = {
                name: value
                for name, value in answer.headers.items()
                if name not in _NOT_FORWARDED | {"Content-Encoding"}
            }
            return web.Response(status=answer.status, headers=headers, body=await answer.read())


@asynccontextmanager
async def front_of(target):
    """A front of the root URL `target`, for as long as the context is open."""
    front = Front(target)
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", front.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    front.root_url = f"http://{host}:{port}"
    try:
        yield front
    finally:
        front.released.set()
        await runner.cleanup()
