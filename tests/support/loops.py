"""An event loop on a thread of its own: asynchronous servers for synchronous tests."""

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

LIMIT_SECONDS = 120


@contextmanager
def loop_on_thread(name):
    """Run a loop until the block ends; yields a function that gives what a coroutine returns on it.

    What was started on it and still runs at the end fails the block: it would be destroyed with the loop, and blamed
    on whichever test is running when that is noticed.
    """
    begun: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def run():
        ended = asyncio.Event()
        begun.set_result((asyncio.get_running_loop(), ended))
        await ended.wait()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        if left:
            _, left = await asyncio.wait(left, timeout=LIMIT_SECONDS)
        assert not left, left

    with ThreadPoolExecutor(1, thread_name_prefix=name) as pool:
        over = pool.submit(lambda: asyncio.run(run()))
        loop, ended = begun.result()
        try:
            yield lambda coroutine: asyncio.run_coroutine_threadsafe(coroutine, loop).result(LIMIT_SECONDS)
        finally:
            loop.call_soon_threadsafe(ended.set)
            over.result()
