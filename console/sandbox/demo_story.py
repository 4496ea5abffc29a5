"""How the demo is told: chapters, the task's log as it comes, and bars where there is a terminal."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TextIO

from runner.narration import printable

if TYPE_CHECKING:
    from collections.abc import Callable

_PROGRESS: Final = re.compile(r"^(?P<what>.*\S)\s+(?P<share>\d{1,3})% (?P<figures>\S+ \S+ of \S+ \S+)$")
_BAR: Final = 24
_BOLD, _GREEN, _RED, _DIM, _PLAIN = "\x1b[1m", "\x1b[32m", "\x1b[31m", "\x1b[2m", "\x1b[0m"
_CLEAR: Final = "\r\x1b[K"


@dataclass(frozen=True, slots=True)
class Progress:
    """A line of a log that says how far something is.

    Args:
        what: is going on.
        share: done, from 0 to 100.
        figures: the same in bytes, as the log says it.
    """

    what: str
    share: int
    figures: str

    @classmethod
    def read(cls, line: str) -> Progress | None:
        """The progress that a line tells of, or None."""
        found = _PROGRESS.match(line)
        if found is None:
            return None
        return cls(found["what"].strip(), min(100, int(found["share"])), found["figures"])

    def bar(self) -> str:
        """It as a bar, in ASCII: every terminal has it."""
        filled = round(self.share * _BAR / 100)
        return f"{self.what} [{'#' * filled}{'.' * (_BAR - filled)}] {self.share:3}% {self.figures}"


class Story:
    """Tells on one stream what happens.

    Args:
        stream: where to.
        terminal: whether it is one that bars can be drawn on.
        colour: whether it may be coloured.
        clock: seconds, for the durations.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float], *, terminal: bool, colour: bool) -> None:
        self._stream = stream
        self._clock = clock
        self._terminal = terminal
        self._colour = colour
        self._began = clock()
        self._chapters = 0
        self._drawn = False

    def chapter(self, title: str) -> None:
        """Something new begins."""
        self._chapters += 1
        self._line("")
        self._line(self._in(_BOLD, f"{self._chapters}. {printable(title)}"))

    def say(self, text: str) -> None:
        """What the demo does or finds."""
        for line in text.splitlines():
            self._line(f"   {printable(line)}")

    def log(self, line: str) -> None:
        """A line of the task's log; progress is drawn in place on a terminal."""
        progress = Progress.read(line)
        if progress is not None and self._terminal:
            self.progress(progress)
        else:
            self._line(self._in(_DIM, "   | ") + printable(line))

    def progress(self, progress: Progress) -> None:
        """How far something is: a bar drawn in place on a terminal, elsewhere only that it is done."""
        if not self._terminal:
            if progress.share == 100:
                self._line(f"   | {printable(progress.bar())}")
            return
        self._stream.write(f"{_CLEAR}{self._in(_DIM, '   | ')}{printable(progress.bar())}")
        self._drawn = progress.share < 100
        if not self._drawn:
            self._stream.write("\n")
        self._stream.flush()

    def good(self, text: str) -> None:
        """Something that was checked, and is as it should be."""
        self._line(f"   {self._in(_GREEN, 'ok')}  {printable(text)}")

    def bad(self, text: str) -> None:
        """Something that is not."""
        self._line(f"   {self._in(_RED, 'NOT OK')}  {printable(text)}")

    def end(self, text: str) -> None:
        """The last line, with how long all of it took."""
        self._line("")
        self._line(self._in(_BOLD, f"{printable(text)} ({self._clock() - self._began:.0f} s)"))

    def _in(self, colour: str, text: str) -> str:
        return f"{colour}{text}{_PLAIN}" if self._colour else text

    def _line(self, text: str) -> None:
        if self._drawn:
            self._stream.write("\n")  # the last bar stays as it was
            self._drawn = False
        self._stream.write(text + "\n")
        self._stream.flush()
