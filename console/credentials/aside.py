"""Wait for a keyring on a loop, without holding up the program's end."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


async def aside(use: Callable[[], T]) -> T:
    """What a function answers that waits for a keyring, which may wait for a person.

    `asyncio.to_thread` would do, but a program does not end before its threads do; this one's it leaves behind.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def deliver(answer: T | None, error: Exception | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(answer)  # type: ignore[arg-type]

    def run() -> None:
        answer, error = None, None
        try:
            answer = use()
        except Exception as raised:  # noqa: BLE001 - raised again on the loop
            error = raised
        # A loop that has ended waits for nothing.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(deliver, answer, error)

    threading.Thread(target=run, name="aside", daemon=True).start()
    return await future
