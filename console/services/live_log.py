"""A run's log as one stream of bytes, from the worker while it runs, from where it is kept afterwards."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from console.domain.log_following import (
    LogBytes,
    LogEnd,
    LogRun,
    LogTrouble,
    LogWaiting,
    Place,
    Source,
    Step,
    step_after,
)
from console.failures import Absent
from console.services import artifacts, tasks
from console.services.attempt import Failed
from runner.errors import Refused, Unavailable
from runner.retry import Backoff

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    import aiohttp

    from console.domain.log_following import LogEvent
    from console.domain.tasks import Run, Task
    from console.services.taskcluster import Taskcluster

LIVE_LOG: Final = "public/logs/live.log"
_NOT_BEGUN: Final = frozenset({"unscheduled", "pending"})


@dataclass(frozen=True, slots=True)
class LogPace:
    """How a log is followed.

    Args:
        backoff: of connections to a log whose run has ended; while it runs there is no end of attempts.
        idle: seconds without a byte after which the run's state is asked for.
    """

    backoff: Backoff = field(default_factory=lambda: Backoff(attempts=6, first=0.5, longest=10.0))
    idle: float = 20.0


def log_name(definition: Mapping[str, Any]) -> str:
    """The name of a task's log, which its payload may choose (generic-worker: `logs.live`, docker-worker: `log`)."""
    payload = definition.get("payload")
    if not isinstance(payload, dict):
        return LIVE_LOG
    logs = payload.get("logs")
    chosen = logs.get("live") if isinstance(logs, dict) else payload.get("log")
    return chosen if isinstance(chosen, str) and chosen else LIVE_LOG


def backing_name(name: str) -> str:
    """Where the worker keeps it: `public/logs/live_backing.log`."""
    stem, dot, suffix = name.rpartition(".")
    return f"{stem}_backing.{suffix}" if dot and "/" not in suffix else f"{name}_backing"


async def follow(
    taskcluster: Taskcluster, task_id: str, *, run_id: int | None = None, pace: LogPace | None = None
) -> AsyncGenerator[LogEvent, None]:
    """A task's log to its end, retries included.

    Args:
        taskcluster: the gateway.
        task_id: of the task.
        run_id: of the one run to read, or None for the last and those that come after it.
        pace: how.

    Raises:
        Absent: there is no such task or run.
        MissingScopes: the log may not be read.
        Unavailable: the queue does not answer, however often it is asked.
    """
    following = _Following(taskcluster, task_id, pace or LogPace())
    async with contextlib.aclosing(following.events(run_id)) as events:
        async for event in events:
            yield event


@dataclass(slots=True)
class _Ended:
    """How a connection ended: what it was to, whether by itself, and else why; whether to ask without a range."""

    source: Source | None = None
    whole: bool = False
    reason: str = ""
    without_range: bool = False


class _Following:
    def __init__(self, taskcluster: Taskcluster, task_id: str, pace: LogPace) -> None:
        self._taskcluster = taskcluster
        self._task_id = task_id
        self._pace = pace
        self._name = LIVE_LOG

    async def events(self, chosen: int | None) -> AsyncGenerator[LogEvent, None]:
        task = await tasks.task(self._taskcluster, self._task_id)
        self._name = log_name(task.definition or {})
        number = chosen if chosen is not None else max(0, len(task.runs) - 1)
        if chosen is not None and chosen >= len(task.runs):
            raise Absent(f"Task {self._task_id} has no run {chosen}.", action=f"It has {len(task.runs)}.")
        before: int | None = None
        while True:
            async for waiting in self._until_begun(number):
                yield waiting
            task = await self._status()
            run = _run(task, number)
            if run is None or (run.started is None and run.state == "exception"):
                yield LogEnd(task.result, f"it never ran: {task.result}")
                return
            yield LogRun(number, run.why_created if before is not None else "")
            problem = ""
            async with contextlib.aclosing(self._of_run(number, alone=chosen is not None)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, str):
                        problem = piece
                    else:
                        yield piece
            task = await self._until_resolved(number)
            if chosen is not None or number >= len(task.runs) - 1:
                yield LogEnd(task.result, problem)
                return
            before, number = number, number + 1

    async def _status(self) -> Task:
        return await tasks.status(self._taskcluster, self._task_id)

    async def _until_begun(self, number: int) -> AsyncGenerator[LogWaiting, None]:
        told, attempt = None, 1
        while True:
            task = await self._status()
            run = _run(task, number)
            state = run.state if run is not None else task.state
            if state not in _NOT_BEGUN:
                return
            waiting = await self._waiting(state)
            if waiting != told:
                yield waiting
                told, attempt = waiting, 1
            await self._sleep(attempt)
            attempt += 1

    async def _waiting(self, state: str) -> LogWaiting:
        if state == "unscheduled":
            return LogWaiting("it waits for the tasks that it depends on")
        ahead = await tasks.ahead(self._taskcluster, self._task_id)
        return LogWaiting("it waits for a worker", ahead)

    async def _until_resolved(self, number: int) -> Task:
        attempt = 1
        while True:
            task = await self._status()
            run = _run(task, number)
            if run is None or run.state not in {"pending", "running"}:
                return task
            await self._sleep(attempt)
            attempt += 1

    async def _sleep(self, attempt: int, wait: float | None = None) -> float:
        pace = self._taskcluster.pace
        seconds = self._pace.backoff.wait(attempt, wait, pace.jitter())
        await pace.sleep(seconds)
        return seconds

    async def _of_run(self, number: int, *, alone: bool) -> AsyncGenerator[LogBytes | LogTrouble | str, None]:
        """The pieces of one run's log; last, if its end is missing, why."""
        place, failures = Place(), 0
        while True:
            before = place.received
            ended = _Ended()
            async with contextlib.aclosing(self._connection(place, number, ended)) as pieces:
                async for piece in pieces:
                    yield piece
            if ended.without_range:
                continue
            failures = 1 if place.received > before else failures + 1
            task = await self._status()
            run = _run(task, number)
            step = step_after(
                ended.source,
                whole=ended.whole,
                state=run.state if run else task.state,
                is_last_run=alone or number >= len(task.runs) - 1,
                is_exhausted=failures >= self._pace.backoff.attempts,
            )
            if step is Step.NOW and failures == 1:
                continue
            if step in {Step.END, Step.LOST, Step.NEXT_RUN}:
                if not (ended.source is Source.BACKING and ended.whole):
                    yield ended.reason or "the worker did not keep it"
                return
            reason = ended.reason or "the log ended before the run did"
            pace = self._taskcluster.pace
            seconds = self._pace.backoff.wait(min(failures, 10), None, pace.jitter())
            if place.received or failures > 1:
                yield LogTrouble(reason, seconds)
            await pace.sleep(seconds)

    async def _connection(self, place: Place, number: int, ended: _Ended) -> AsyncGenerator[LogBytes, None]:
        try:
            located = await self._located(number)
            source = Source.LIVE if located.storage == "reference" else Source.BACKING
            headers = place.headers(source)
            async with artifacts.reading(self._taskcluster, located.url, headers) as response:
                ended.source = source
                usable = place.begin(
                    response.status,
                    content_range=response.headers.get("Content-Range", ""),
                    encoding=response.headers.get("Content-Encoding", ""),
                )
                if not usable:
                    ended.reason, ended.without_range = "it has no ranges of plain bytes", bool(headers)
                    return
                async for chunk in self._chunks(response, number, ended):
                    fresh = place.take(chunk)
                    if fresh:
                        yield LogBytes(fresh)
                if place.is_short:
                    ended.whole, ended.reason = False, "it is shorter than what was read of it"
        except Absent as error:
            ended.reason = error.what
        except (Failed, Refused, Unavailable) as error:
            ended.reason = str(error)

    async def _located(self, number: int) -> artifacts.Located:
        try:
            return await artifacts.locate(self._taskcluster, self._task_id, number, self._name)
        except Absent as error:
            # A worker without a live log has the other alone.
            try:
                return await artifacts.locate(
                    self._taskcluster, self._task_id, number, backing_name(self._name)
                )
            except Absent:
                raise error from None

    async def _chunks(
        self, response: aiohttp.ClientResponse, number: int, ended: _Ended
    ) -> AsyncGenerator[bytes, None]:
        piece: asyncio.Future[bytes] | None = None
        try:
            while True:
                piece = piece or asyncio.ensure_future(response.content.readany())
                done, _waiting = await asyncio.wait({piece}, timeout=self._pace.idle)
                if not done:
                    run = _run(await self._status(), number)
                    if run is None or run.state != "running":
                        ended.reason = "the run has ended, and its worker is silent"
                        return
                    continue
                chunk, piece = piece.result(), None
                if not chunk:
                    ended.whole = True
                    return
                yield chunk
        finally:
            if piece is not None:
                piece.cancel()
                await asyncio.wait({piece})


def _run(task: Task, number: int) -> Run | None:
    return task.runs[number] if number < len(task.runs) else None
