"""A log of any length: its bytes in blocks; a line becomes text when it is looked at.

A million lines as `str` take twice their text and seconds to make. Bytes take what they are, and where lines begin
is found again, block by block, for the few blocks that are on the screen.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from console.domain.log_block import LogBlock, searchable
from console.domain.log_lines import folded
from console.domain.terminal_text import line_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK: Final = 1 << 17
_REMEMBERED: Final = 32
_END: Final = re.compile(rb"\n")


class LogStore:
    """Lines that are added at the end, as bytes in pieces cut anywhere."""

    def __init__(self) -> None:
        self._blocks: list[LogBlock] = []
        self._firsts = [0]
        """The first line of each block, and of the tail."""
        self._tail = bytearray()
        self._tail_ends = 0
        self._blocks_size = 0
        self._prepared = 0
        self._finished = False
        self._opened: OrderedDict[tuple[int, int], tuple[bytes | bytearray, array[int]]] = OrderedDict()
        self._notes: set[int] = set()

    def feed(self, data: bytes) -> None:
        """Add bytes; the last line may go on with the next ones."""
        self._finished = False
        for at in range(0, len(data), _BLOCK):
            piece = data[at : at + _BLOCK]
            self._tail += piece
            self._tail_ends += piece.count(b"\n")
            if len(self._tail) >= _BLOCK and self._tail_ends:
                self._close()

    def finish(self) -> None:
        """No more is to come for now: a last line without an end is whole."""
        self._finished = True

    def note(self, text: str) -> None:
        """Add one line of the reader's own: it is shown, and no part of the log that is saved."""
        if self._tail and not self._tail.endswith(b"\n"):
            self.feed(b"\n")
        self._notes.add(len(self))
        self.feed(line_of(text).encode("utf-8", "replace") + b"\n")

    def _close(self) -> None:
        cut = self._tail.rfind(b"\n") + 1
        self._blocks.append(LogBlock(bytes(self._tail[:cut])))
        self._firsts.append(self._firsts[-1] + self._tail_ends)
        self._blocks_size += cut
        self._tail = self._tail[cut:]
        self._tail_ends = 0

    def __len__(self) -> int:
        """Lines, the last one too where it has not ended."""
        is_open = bool(self._tail) and not self._tail.endswith(b"\n")
        return self._firsts[-1] + self._tail_ends + is_open

    @property
    def whole(self) -> int:
        """Lines that will not change."""
        return len(self) if self._finished else self._firsts[-1] + self._tail_ends

    @property
    def size(self) -> int:
        """Bytes."""
        return self._blocks_size + len(self._tail)

    def is_note(self, index: int) -> bool:
        """Whether a line is one of the reader's own."""
        return index in self._notes

    def line(self, index: int) -> str:
        r"""A line without its end, as a terminal would leave it after every `\r`.

        Raises:
            IndexError: there is no such line.
        """
        if not 0 <= index < len(self):
            raise IndexError(index)
        number = self._number_of(index)
        block, starts = self._open(number)
        at = index - self._firsts[number]
        end = starts[at + 1] - 1 if at + 1 < len(starts) else len(block)
        return folded(block[starts[at] : end].decode("utf-8", "replace"))

    def _number_of(self, index: int) -> int:
        return bisect_right(self._firsts, index) - 1

    def _open(self, number: int) -> tuple[bytes | bytearray, array[int]]:
        """A block as it came, and where its lines begin; the tail is the one behind the last."""
        is_tail = number == len(self._blocks)
        key = (number, len(self._tail) if is_tail else 0)
        found = self._opened.get(key)
        if found is not None:
            self._opened.move_to_end(key)
            return found
        block = self._tail if is_tail else self._blocks[number].raw
        starts = array("Q", [0])
        starts.extend(match.end() for match in _END.finditer(block))
        self._opened[key] = block, starts
        while len(self._opened) > _REMEMBERED:
            self._opened.popitem(last=False)
        return block, starts

    def prepare(self) -> Iterator[None]:
        """Make searchable what was not searched yet, a block at a time; stop at will, and go on by another call."""
        while self._prepared < len(self._blocks):
            self._blocks[self._prepared].prepare()
            self._prepared += 1
            yield

    def texts_from(self, index: int) -> Iterator[tuple[int, int, bytes]]:
        """Whole lines from one on, as `searchable` has them, in pieces of many.

        Yields:
            The first one's index, the index behind the last, and the lines.
        """
        while index < self.whole:
            number = self._number_of(index)
            first = self._firsts[number]
            if number < len(self._blocks):
                text, after = self._blocks[number].text, self._firsts[number + 1]
                if index > first:
                    text = text.split(b"\n", index - first)[-1]
            else:
                block, starts = self._open(number)
                after = self.whole
                end = starts[after - first] if after - first < len(starts) else len(block)
                text = searchable(bytes(block[starts[index - first] : end]))
            yield index, after, text
            index = after

    def saved(self) -> Iterator[bytes]:
        """The log's own bytes up to now, without notes; another thread may read them while more comes."""
        notes = frozenset(self._notes)
        blocks = [*self._blocks, LogBlock(bytes(self._tail))]
        return (
            _without(block.raw, first, notes) for first, block in zip([*self._firsts], blocks, strict=True)
        )


def _without(lines: bytes, first: int, notes: frozenset[int]) -> bytes:
    """The lines that are no notes, where the first has this index."""
    if notes.isdisjoint(range(first, first + lines.count(b"\n"))):
        return lines
    return b"\n".join(line for at, line in enumerate(lines.split(b"\n"), first) if at not in notes)
