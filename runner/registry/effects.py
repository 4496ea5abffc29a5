"""What the client takes from outside: time, chance, and its bounds."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, NamedTuple

from runner.retry import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable


def _say_nothing(_message: str) -> None:
    """Where nobody listens."""


class Effects(NamedTuple):
    """Time, chance and bounds of a client.

    Args:
        clock: seconds since the epoch.
        sleep: waits so many seconds.
        jitter: a random number from 0 to 1.
        notice: told of each failed attempt that is tried again, one sentence.
        backoff: how often and how long.
        connect_timeout: seconds to connect, and for a new connection to take each piece of a body (urllib3
            sets the other limit once the request is sent).
        read_timeout: seconds between two pieces of an answer.
    """

    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random
    notice: Callable[[str], None] = _say_nothing
    backoff: Backoff = Backoff()
    connect_timeout: float = 30.0
    read_timeout: float = 60.0
