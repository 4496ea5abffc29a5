"""Where a reader is in a run's log, over connections that end anywhere: no byte is lost, none comes twice.

A run's log is one text: the worker streams it while the run lasts (no ranges), and keeps it afterwards (often gzip,
where a range would be one of the compressed bytes). What is common to both is the number of bytes read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from console.domain.tasks import RESOLVED

_RANGE: Final = re.compile(r"bytes (?P<first>\d+)-\d+/(?:\d+|\*)\Z")
_WHOLE: Final = 200
_PARTIAL: Final = 206


class Source(StrEnum):
    """What a connection is to."""

    LIVE = "live"
    BACKING = "backing"


class Step(StrEnum):
    """What to do once a connection has ended, or none could be made."""

    AGAIN = "again"
    """Connect once more, after a while."""
    NOW = "now"
    """Connect once more at once: the log has moved to where it is kept."""
    NEXT_RUN = "next run"
    """This run's log is read; another run was made."""
    END = "end"
    """All is read."""
    LOST = "lost"
    """What is left of this log cannot be read."""


@dataclass(frozen=True, slots=True)
class LogBytes:
    """A piece of the log, which follows the piece before it.

    Args:
        data: at least one byte.
    """

    data: bytes


@dataclass(frozen=True, slots=True)
class LogWaiting:
    """The run has not begun.

    Args:
        reason: in words.
        ahead: how many tasks the queue would run before it, where it is known.
    """

    reason: str
    ahead: int | None = None


@dataclass(frozen=True, slots=True)
class LogRun:
    """What follows is the log of this run.

    Args:
        run_id: of the run.
        reason: why there is another one, such as `retry`, or "" for the first that is read.
    """

    run_id: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class LogTrouble:
    """The connection ended before the log did; it goes on after a while.

    Args:
        reason: in words.
        seconds: until it is made again.
    """

    reason: str
    seconds: float


@dataclass(frozen=True, slots=True)
class LogEnd:
    """There is no more.

    Args:
        result: of the task, as `Task.result` has it.
        problem: why the end of the log is missing, or "" where it is whole.
    """

    result: str
    problem: str = ""


LogEvent = LogBytes | LogWaiting | LogRun | LogTrouble | LogEnd


class Place:
    """How much of one run's log was read, and what of the present connection was read before.

    Attributes:
        received: bytes of the log that were handed on.
    """

    def __init__(self) -> None:
        self.received = 0
        self._skip = 0
        self._encoded = False

    def headers(self, source: Source) -> dict[str, str]:
        """What to ask for: of a kept log the rest, unless it was seen to have no ranges of its plain bytes.

        The last byte that was read is asked for too: so a log that has no more is no range that cannot be satisfied,
        which is what the few bytes of a compressed log are.
        """
        if source is Source.BACKING and self.received and not self._encoded:
            return {"Range": f"bytes={self.received - 1}-"}
        return {}

    def begin(self, status: int, *, content_range: str = "", encoding: str = "") -> bool:
        """A connection answers; returns whether it can be used.

        Args:
            status: 200, 206 or 416, which only a range has.
            content_range: the header.
            encoding: the header `Content-Encoding`.
        """
        if status == _WHOLE:
            self._skip = self.received
            return True
        found = _RANGE.match(content_range) if status == _PARTIAL else None
        if encoding not in {"", "identity"} or found is None or int(found["first"]) > self.received:
            # A range of what is compressed, another than was asked for, or none: of what is shorter.
            self._encoded = True
            return False
        self._skip = self.received - int(found["first"])
        return True

    def take(self, chunk: bytes) -> bytes:
        """Of what came over the connection, what was not read before."""
        skipped = min(self._skip, len(chunk))
        self._skip -= skipped
        fresh = chunk[skipped:]
        self.received += len(fresh)
        return fresh

    @property
    def is_short(self) -> bool:
        """Whether the connection has brought less than what was read before."""
        return self._skip > 0


def step_after(
    source: Source | None, *, whole: bool, state: str, is_last_run: bool, is_exhausted: bool
) -> Step:
    """What to do once a connection has ended.

    Args:
        source: what it was to, or None where none was made.
        whole: whether it ended by itself, and not by a fault.
        state: of the run, asked afterwards.
        is_last_run: whether no later run is to be read.
        is_exhausted: whether no more attempts are left.
    """
    if source is Source.BACKING and whole:
        # It is kept once it is complete.
        return Step.END if is_last_run else Step.NEXT_RUN
    if state not in RESOLVED:
        return Step.AGAIN
    if is_exhausted:
        return Step.LOST if is_last_run else Step.NEXT_RUN
    return Step.NOW if source is Source.LIVE and whole else Step.AGAIN
