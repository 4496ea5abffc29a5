"""How long a call may take, and when it is made again; time and randomness are passed in."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runner.retry import Backoff

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


@dataclass(frozen=True, slots=True)
class Pace:
    """The limits of every call.

    Args:
        limit: seconds that one attempt may take.
        backoff: how many attempts, and the waits between them.
        sleep: waits so many seconds.
        jitter: a random number from 0 to 1.
        now: seconds since the epoch.
        notice: told of each failed attempt that is followed by another.
    """

    limit: float = 20.0
    backoff: Backoff = field(default_factory=lambda: Backoff(attempts=4, first=0.5, longest=30.0))
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: Callable[[], float] = random.random
    now: Callable[[], float] = time.time
    notice: Callable[[str], None] = lambda _text: None
