"""What the runner tells on stderr while it works: steps with their durations, masked and printable."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runner.masking import Masker

# Control characters, and the characters that reorder or hide text (Unicode TR36), drive a terminal.
UNPRINTABLE: Final = (
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
_UNPRINTABLE: Final = re.compile(UNPRINTABLE)
_PROGRESS_SECONDS: Final = 1.0
_BAR: Final = 24


def printable(text: str) -> str:
    """The text with everything that a terminal would obey made visible."""
    return _UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], text)


def megabytes(count: int) -> str:
    """A number of bytes as a person reads it."""
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"


class Step:
    """A part of the work, as the build report keeps it.

    Args:
        name: what is done.
        started: seconds since the epoch.
    """

    def __init__(self, name: str, started: float) -> None:
        self.name = name
        self.started = started
        # How long it took, and `ok` or `failed`; None while it runs.
        self.seconds: float | None = None
        self.outcome: str | None = None
        # Bytes, counts and names worth keeping.
        self.facts: dict[str, Any] = {}


class Narrator:
    """Tells of steps on one stream, and remembers them and the warnings.

    Args:
        stream: where to; stdout is for data.
        masker: what must not be seen.
        clock: seconds since the epoch.
        live: whether the stream is a terminal, where progress is drawn in place.
    """

    def __init__(
        self, stream: TextIO, masker: Masker, clock: Callable[[], float], *, live: bool = False
    ) -> None:
        self.masker = masker
        self.steps: list[Step] = []
        self.warnings: list[str] = []
        self._stream = stream
        self._clock = clock
        self._live = live
        self._drawn = False
        self._progress_at = 0.0
        self._last_progress = ("", 0, 0)

    def say(self, text: str) -> None:
        """One or several lines."""
        self._clear()
        for line in self.masker(text).splitlines() or [""]:
            self._write(printable(line) + "\n")

    def warn(self, text: str) -> None:
        """Something that the user should know and that does not stop the work."""
        masked = printable(self.masker(text))
        if masked not in self.warnings:
            self.warnings.append(masked)
            self.say(f"  warning: {text}")

    def output(self, text: str) -> None:
        """What the engine or a child printed."""
        for line in text.splitlines():
            if line.strip():
                self.say(f"  | {line.rstrip()}")

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """A part of the work; its name, duration and outcome are kept."""
        step = Step(self.masker(name), self._clock())
        self.steps.append(step)
        self.say(f"{name} ...")
        try:
            yield step
        except BaseException:
            self._finish(step, "failed")
            raise
        self._finish(step, "ok")

    def progress(self, what: str, done: int, total: int) -> None:
        """How far `done` bytes of `total` are; drawn in place on a terminal, else told once a second."""
        now = self._clock()
        if (now - self._progress_at < _PROGRESS_SECONDS / (10 if self._live else 1) and done < total) or (
            what,
            done,
            total,
        ) == self._last_progress:
            return
        self._progress_at, self._last_progress = now, (what, done, total)
        share = min(1.0, done / total) if total else 1.0
        figures = f"{share:4.0%} {megabytes(done)} of {megabytes(total)}"
        if self._live:
            filled = round(share * _BAR)
            self._clear()
            self._write(printable(f"  {self.masker(what)} [{'#' * filled}{'.' * (_BAR - filled)}] {figures}"))
            self._drawn = True
        else:
            self.say(f"  {what} {figures}")

    def _finish(self, step: Step, outcome: str) -> None:
        step.seconds = round(self._clock() - step.started, 3)
        step.outcome = outcome
        self.say(f"  {'done' if outcome == 'ok' else 'failed'} in {step.seconds:.1f} s")

    def _clear(self) -> None:
        if self._drawn:
            self._drawn = False
            self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
