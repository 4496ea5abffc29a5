"""How a long poll learns that a task has become pending."""

from __future__ import annotations

import asyncio
from collections import defaultdict


class Arrivals:
    """One signal per queue."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self.is_closed = False

    def announce(self, queue_id: str) -> None:
        """A task is pending there: whoever waits may look."""
        for event in self._waiting.get(queue_id, ()):
            event.set()

    def close(self) -> None:
        """Nothing will arrive any more: nobody need wait."""
        self.is_closed = True
        for queue_id in self._waiting:
            self.announce(queue_id)

    async def wait(self, queue_id: str, seconds: float) -> None:
        """Until one is announced, or so many seconds have passed."""
        event = asyncio.Event()
        self._waiting[queue_id].add(event)
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            return
        finally:
            self._waiting[queue_id].discard(event)
