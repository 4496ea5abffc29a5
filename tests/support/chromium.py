"""A real browser: Chromium without a window, driven by its DevTools protocol."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal

import aiohttp

from console.sandbox.debian import find
from tests.support.engine import missing

_LIMIT_SECONDS = 60
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--no-first-run",
    "--no-proxy-server",
    "--remote-debugging-port=0",
)


class Page:
    """One tab."""

    def __init__(self, socket):
        self._socket = socket
        self._numbers = itertools.count(1)

    async def call(self, method, **parameters):
        """What a method of the protocol answers; nothing, while the page is being left."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        async with asyncio.timeout(_LIMIT_SECONDS):
            while True:
                told = await self._socket.receive_json()
                if told.get("id") == number:
                    return told.get("result", {})

    async def evaluate(self, expression):
        """The value of a JavaScript expression."""
        answer = await self.call("Runtime.evaluate", expression=expression)
        return answer.get("result", {}).get("value")

    async def until(self, expression):
        """Wait until an expression is true."""
        async with asyncio.timeout(_LIMIT_SECONDS):
            while True:
                if await self.evaluate(expression):
                    return
                await asyncio.sleep(0.02)

    async def history(self):
        """The addresses to which `back` would lead, and the current one."""
        return [entry["url"] for entry in (await self.call("Page.getNavigationHistory"))["entries"]]


@contextlib.asynccontextmanager
async def chromium(folder):
    """A tab of a browser that keeps what it has below a folder, and ends with the context."""
    program = find("chromium")
    if program is None:
        missing("chromium is not installed.")
    process = await asyncio.create_subprocess_exec(
        program,
        *_FLAGS,
        f"--user-data-dir={folder}",
        "about:blank",
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        port = await _port(folder / "DevToolsActivePort", process)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                tab = next(each for each in await answer.json() if each["type"] == "page")
            async with session.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                yield Page(socket)
    finally:
        # Its own group: the processes of its tabs as well.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def _port(file, process):
    async with asyncio.timeout(_LIMIT_SECONDS):
        while process.returncode is None:
            with contextlib.suppress(OSError):
                lines = await asyncio.to_thread(file.read_text)
                if lines.count("\n") >= 1:
                    return int(lines.split("\n")[0])
            await asyncio.sleep(0.02)
    raise AssertionError("chromium did not start")
