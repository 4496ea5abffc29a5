"""What is looked for in a log: a text, or the first line that tells of an error; a piece at a time, also live."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from itertools import compress
from typing import TYPE_CHECKING, Final

from console.domain.log_lines import TROUBLE, tells_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.domain.log_store import LogStore

# So many hits in one piece: it is faster to look at each of its lines than to look for the next that has one.
_DENSE: Final = 64
_TROUBLE: Final = tuple(word.encode() for word in TROUBLE)


class Hits:
    """The lines that hold a text, found a piece at a time, also in what is added later.

    ASCII letters match in both cases, unless the text has a letter in upper case; colours and other sequences do not
    part words.

    Args:
        store: where.
        text: what is looked for: one line, not empty.
    """

    def __init__(self, store: LogStore, text: str) -> None:
        self.text = text
        self.either_case = text == text.lower()
        self.lines = array("Q")
        self.searched = 0
        self._store = store
        self._needle = text.encode("utf-8", "replace")

    @property
    def is_done(self) -> bool:
        """Whether all whole lines were looked at."""
        return self.searched >= self._store.whole

    def search(self) -> Iterator[None]:
        """Look at what was not looked at; stop between two pieces at will, and go on by another call."""
        for first, after, text in self._store.texts_from(self.searched):
            looked_at = text.lower() if self.either_case else text
            self.lines.extend(_lines_with(looked_at, self._needle, first))
            self.searched = after
            yield

    def after(self, index: int) -> int | None:
        """The first hit behind a line, or the first of all where there is none behind."""
        if not self.lines:
            return None
        return self.lines[bisect_right(self.lines, index) % len(self.lines)]

    def before(self, index: int) -> int | None:
        """The last hit before a line, or the last of all where there is none before."""
        if not self.lines:
            return None
        return self.lines[bisect_right(self.lines, index - 1) - 1]

    def place(self, index: int) -> int:
        """How many hits there are up to a line, that line too."""
        return bisect_right(self.lines, index)


def _lines_with(text: bytes, needle: bytes, first: int) -> list[int]:
    """The indexes of the lines that have it, where the text's first line has this one."""
    found: list[int] = []
    at = counted = 0
    line = first
    while (place := text.find(needle, at)) >= 0:
        line += text.count(b"\n", counted, place)
        found.append(line)
        end = text.find(b"\n", place)
        if end < 0:
            break
        at = counted = end
        if len(found) == _DENSE:
            rest = text[end + 1 :].split(b"\n")
            # The fastest of six ways to tell which lines have it.
            found.extend(compress(range(line + 1, line + 1 + len(rest)), [needle in each for each in rest]))
            break
    return found


def first_errors(store: LogStore) -> Iterator[int | None]:
    """Look for the first line that tells of an error, a piece at a time: None until it is found."""
    for first, _, text in store.texts_from(0):
        lines = text.split(b"\n") if _may_tell_error(text) else []
        for index, line in enumerate(lines, first):
            if _may_tell_error(line) and not store.is_note(index) and tells_error(line.decode()):
                yield index
                return
        yield None


def _may_tell_error(text: bytes) -> bool:
    return any(word in text for word in _TROUBLE)
