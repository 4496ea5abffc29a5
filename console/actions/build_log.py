"""Read a task's log, live or kept, over cut connections and retries."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from console.services import live_log

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from console.connection import Connection
    from console.domain.log_following import LogEvent
    from console.services.live_log import LogPace


async def follow_log(
    connection: Connection, task_id: str, *, run_id: int | None = None, pace: LogPace | None = None
) -> AsyncGenerator[LogEvent, None]:
    """A task's log from its beginning to its end: pieces of bytes, and what is to be told between them.

    The last event is a `LogEnd`, whose `problem` says why the log is not whole. Close the generator to stop.

    Args:
        connection: whom to ask.
        task_id: of the task.
        run_id: of the one run to read, or None for the last and those that come after it.
        pace: how it is followed.

    Raises:
        Absent: there is no such task or run, or no longer.
        MissingScopes: it may not be read.
        Unavailable: the queue does not answer, however often it is asked.
    """
    async with contextlib.aclosing(
        live_log.follow(connection.taskcluster, task_id, run_id=run_id, pace=pace)
    ) as events:
        async for event in events:
            yield event
