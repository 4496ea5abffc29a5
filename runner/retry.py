"""Bounded retries with back-off: one layer, one predicate, and a clock that is passed in."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

TEMPORARY_STATUSES = frozenset({408, 429, 500, 502, 503, 504, 522, 524})

Result = TypeVar("Result")


class Backoff(NamedTuple):
    """How often, and how long to wait between attempts.

    Args:
        attempts: all attempts, the first included.
        first: seconds before the second attempt; each later wait doubles.
        longest: seconds that no wait exceeds, `Retry-After` included.
    """

    attempts: int = 5
    first: float = 0.5
    longest: float = 60.0

    def wait(self, attempt: int, retry_after: float | None, jitter: float) -> float:
        """Seconds to wait after `attempt` (from 1), with `jitter` from 0 to 1 adding up to a quarter."""
        if retry_after is not None:
            return min(retry_after, self.longest)
        return min(self.first * 2.0 ** (attempt - 1) * (1 + jitter / 4), self.longest)


def retry_after_seconds(header: str | None, now: float) -> float | None:
    """Seconds that a `Retry-After` header asks for, in either form (RFC 9110 §10.2.3), or None.

    Args:
        header: the header's value.
        now: seconds since the epoch.
    """
    if not header:
        return None
    if re.fullmatch("[0-9]{1,9}", header.strip()):
        return float(header)
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - now)
    except (
        ValueError,
        TypeError,
        IndexError,
        OverflowError,
    ):  # what the parser raises for one text or another
        return None


def retrying(
    call: Callable[[], Result],
    *,
    wait_for: Callable[[Exception], float | None],
    backoff: Backoff,
    sleep: Callable[[float], None],
    jitter: Callable[[], float],
    notice: Callable[[Exception, int, float], None] = lambda _error, _attempt, _seconds: None,
) -> Result:
    """Call until it returns, or an error is not temporary, or the attempts are used up.

    Args:
        call: the work; it must be safe to repeat.
        wait_for: None if the error is not temporary; else the seconds that the server asked for, or -1.
        backoff: the bounds.
        sleep: waits so many seconds.
        jitter: a random number from 0 to 1.
        notice: told of each error that is followed by another attempt, with its number and the wait.
    """
    attempt = 1
    while True:
        try:
            return call()
        except Exception as error:
            asked = wait_for(error)
            if asked is None or attempt >= backoff.attempts:
                raise
            seconds = backoff.wait(attempt, asked if asked >= 0 else None, jitter())
            notice(error, attempt, seconds)
        sleep(seconds)
        attempt += 1
