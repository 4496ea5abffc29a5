"""Following a task from outside, as anybody may: its log as it comes, its end, its public artifacts."""

from __future__ import annotations

import asyncio
import codecs
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from yarl import URL

from runner.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from aiohttp import ClientSession, StreamReader

LIVE_LOG: Final = "public/logs/live.log"
_ENDED: Final = frozenset({"completed", "failed", "exception"})
_POLL_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class Task:
    """A task of a deployment, read without credentials.

    Args:
        session: makes the requests.
        root_url: the deployment's.
        task_id: the task's.
    """

    session: ClientSession
    root_url: str
    task_id: str

    async def state(self) -> str:
        """`unscheduled`, `pending`, `running`, `completed`, `failed` or `exception`."""
        return str((await self._json("status"))["status"]["state"])

    async def until(self, wanted: Callable[[str], bool]) -> str:
        """Wait for a state, or for the end, and return the state."""
        while True:
            state = await self.state()
            if wanted(state) or state in _ENDED:
                return state
            await asyncio.sleep(_POLL_SECONDS)

    async def end(self) -> str:
        """Wait until it is resolved, and return the state."""
        return await self.until(_ENDED.__contains__)

    async def log(self) -> AsyncIterator[str]:
        """The lines of the log of the latest run, as they come, until the run ends."""
        while True:
            async with self.session.get(self._url("artifacts", LIVE_LOG)) as response:
                if response.ok:
                    async for line in _lines(response.content):
                        yield line
                    return
            if await self.state() in _ENDED:
                return
            await asyncio.sleep(_POLL_SECONDS)

    async def artifacts(self) -> list[str]:
        """The names of the artifacts of the latest run."""
        return sorted(artifact["name"] for artifact in (await self._json("artifacts"))["artifacts"])

    async def artifact(self, name: str) -> bytes:
        """The content of an artifact of the latest run.

        Raises:
            Unavailable: it is not there, or may not be read without credentials.
        """
        async with self.session.get(self._url("artifacts", name)) as response:
            if not response.ok:
                raise Unavailable(f"HTTP {response.status} for artifact {name} of task {self.task_id}.")
            return await response.read()

    async def _json(self, what: str) -> Any:
        async with self.session.get(self._url(what)) as response:
            if not response.ok:
                raise Unavailable(f"HTTP {response.status} for {what} of task {self.task_id}.")
            return await response.json()

    def _url(self, *parts: str) -> URL:
        path = "/".join(quote(part, safe="") for part in ("task", self.task_id, *parts))
        return URL(f"{self.root_url}/api/queue/v1/{path}", encoded=True)


async def _lines(content: StreamReader) -> AsyncIterator[str]:
    """A log's lines; iterating over the reader itself is ten times slower, and refuses long lines."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    pending = ""
    async for chunk in content.iter_any():
        *lines, pending = (pending + decoder.decode(chunk)).split("\n")
        for line in lines:
            yield line.rstrip("\r")
    if pending:
        yield pending
