"""Blocking work of the runner's, done for asynchronous code."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


async def in_thread(work: Callable[[], T], close: Callable[[], None]) -> T:
    """Run blocking work in a thread that holds up neither a cancellation nor the program's end.

    Args:
        work: what to do; its exceptions are raised here.
        close: done in that thread, whatever came of the work.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def tell(result: T | None, error: Exception | None) -> None:
        if answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result: T | None = None
        problem: Exception | None = None
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - handed over to whoever waits
            problem = error
        finally:
            close()
        try:
            loop.call_soon_threadsafe(tell, result, problem)
        except RuntimeError:
            return  # the loop has ended: nobody waits

    threading.Thread(target=run, name="registry check", daemon=True).start()
    return await answer
