"""A worker that runs tasks of one queue as processes of this machine, one at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Self

import aiohttp

from console.sandbox.signed_http import Api, Credentials, TaskclusterFailure
from console.sandbox.task_run import TaskRun, WorkerSettings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_PAUSE: Final = 1.0
# claimWork answers after 20 s at the latest.
_CLAIM_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_read=300)


class Worker:
    """Claims work until it is closed."""

    def __init__(self, settings: WorkerSettings, credentials: Credentials) -> None:
        self._settings = settings
        self._session = aiohttp.ClientSession(timeout=_CLAIM_TIMEOUT)
        self._api = Api(self._session, settings.root_url, credentials)
        self._loop = asyncio.create_task(self._claim_for_ever())

    @classmethod
    async def start(cls, settings: WorkerSettings, credentials: Credentials) -> Self:
        """Begin to claim.

        Args:
            settings: the worker's.
            credentials: with `queue:claim-work:<queue>` and `queue:worker-id:<group>/<id>`.
        """
        return cls(settings, credentials)

    async def close(self) -> None:
        """Stop: a task that runs is ended and resolved as `worker-shutdown`, so that the queue retries it."""
        self._loop.cancel()
        await asyncio.wait({self._loop})
        await self._session.close()
        if not self._loop.cancelled() and (error := self._loop.exception()):
            self._settings.say(f"The worker had ended: {error!r}")

    async def wait(self) -> None:
        """Wait until the worker ends, which it does only by `close` or by a defect of its own."""
        await asyncio.shield(self._loop)

    async def _claim_for_ever(self) -> None:
        while True:
            for claim in await self._claim():
                await TaskRun(claim, self._settings, self._session).execute()

    async def _claim(self) -> list[Mapping[str, Any]]:
        settings = self._settings
        payload = {"tasks": 1, "workerGroup": settings.worker_group, "workerId": settings.worker_id}
        try:
            answer = await self._api.call(
                "POST", "queue", "claim-work", settings.task_queue_id, payload=payload
            )
        except (TaskclusterFailure, aiohttp.ClientError, TimeoutError) as error:
            settings.say(f"No work could be claimed: {error}")
            await asyncio.sleep(_PAUSE)
            return []
        claims: list[Mapping[str, Any]] = answer["tasks"]
        return claims
