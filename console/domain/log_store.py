"""A log of any length: its bytes as they came, in blocks; a line becomes text when it is looked at.

A million lines as `str` take twice their text and seconds to make. Bytes take what they are, and where lines begin
is found again, block by block, for the few blocks that are on the screen.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from console.domain.log_lines import folded, tells_error

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK: Final = 1 << 18
_REMEMBERED: Final = 8
_END: Final = re.compile(rb"\n")
_SEQUENCE: Final = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]")
# A block without any of these has no line that `tells_error`: it is not made into text.
_TROUBLE: Final = (
    *(b"rror", b"RROR", b"ERR!", b"E:", b"atal", b"FATAL", b"CRITICAL", b"panic", b"Traceback", b"xception"),
    *(b"Exit code", b"failed", b"non-zero", b"command not found"),
)


class LogStore:
    """Lines that are added at the end, as bytes in pieces cut anywhere."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._firsts: list[int] = []
        self._closed = 0
        self._closed_bytes = 0
        self._tail = bytearray()
        self._tail_ends = 0
        self._finished = False
        self._starts: OrderedDict[tuple[int, int], array[int]] = OrderedDict()
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
        """Add a line of the reader's own: it is shown, and no part of the log that is saved."""
        if self._tail and not self._tail.endswith(b"\n"):
            self.feed(b"\n")
        self._notes.add(len(self))
        self.feed(text.encode() + b"\n")

    def _close(self) -> None:
        cut = self._tail.rfind(b"\n") + 1
        self._blocks.append(bytes(self._tail[:cut]))
        self._firsts.append(self._closed)
        self._closed += self._tail_ends
        self._closed_bytes += cut
        self._tail = self._tail[cut:]
        self._tail_ends = 0

    def __len__(self) -> int:
        """Lines, the last one too where it has not ended."""
        return self._closed + self._tail_ends + bool(self._tail and not self._tail.endswith(b"\n"))

    @property
    def whole(self) -> int:
        """Lines that will not change."""
        return len(self) if self._finished else self._closed + self._tail_ends

    @property
    def size(self) -> int:
        """Bytes."""
        return self._closed_bytes + len(self._tail)

    def is_note(self, index: int) -> bool:
        """Whether a line is one of the reader's own."""
        return index in self._notes

    def line(self, index: int) -> str:
        r"""A line without its end, as a terminal would leave it after every `\r`.

        Raises:
            IndexError: there is no such line.
        """
        return folded(self.raw(index).decode("utf-8", "replace"))

    def raw(self, index: int) -> bytes:
        """A line's bytes without its end.

        Raises:
            IndexError: there is no such line.
        """
        if not 0 <= index < len(self):
            raise IndexError(index)
        number, block = self._block_of(index)
        starts = self._starts_of(number, block)
        at = index - (self._firsts[number] if number < len(self._blocks) else self._closed)
        end = starts[at + 1] - 1 if at + 1 < len(starts) else len(block)
        return bytes(block[starts[at] : end])

    def _block_of(self, index: int) -> tuple[int, bytes | bytearray]:
        if index >= self._closed:
            return len(self._blocks), self._tail
        number = bisect_right(self._firsts, index) - 1
        return number, self._blocks[number]

    def _starts_of(self, number: int, block: bytes | bytearray) -> array[int]:
        key = (number, len(block))
        found = self._starts.get(key)
        if found is None:
            found = array("Q", [0])
            found.extend(match.end() for match in _END.finditer(block))
            self._starts[key] = found
            while len(self._starts) > _REMEMBERED:
                self._starts.popitem(last=False)
        else:
            self._starts.move_to_end(key)
        return found

    def pieces_from(self, index: int) -> Iterator[tuple[int, bytes]]:
        """Whole lines from one on, in pieces of many: the first one's index, and their bytes."""
        while index < self.whole:
            number, block = self._block_of(index)
            if number < len(self._blocks):
                first, following = self._firsts[number], self._firsts[number + 1 : number + 2]
                after = following[0] if following else self._closed
                end = len(block)
            else:
                first, after = self._closed, self.whole
                end = len(block) if self._finished else block.rfind(b"\n") + 1
            begin = self._starts_of(number, block)[index - first] if index > first else 0
            yield index, bytes(block[begin:end])
            index = after

    def saved(self) -> Iterator[bytes]:
        """The log's own bytes, without notes; it may be added to meanwhile, which is then left out."""
        blocks = [*zip(self._firsts, self._blocks, strict=True), (self._closed, bytes(self._tail))]
        notes = sorted(self._notes)
        for first, block in blocks:
            after = first + block.count(b"\n")
            left_out = {note - first for note in notes if first <= note < after}
            if left_out:
                lines = block.splitlines(keepends=True) if b"\r" not in block else _split(block)
                yield b"".join(line for at, line in enumerate(lines) if at not in left_out)
            else:
                yield block

    def first_errors(self, index: int = 0) -> Iterator[int | None]:
        """Look for the first line that tells of an error, a piece at a time: None until it is found."""
        for first, piece in self.pieces_from(index):
            if not _may_tell_error(piece):
                yield None
                continue
            for at, line in enumerate(_split(piece)):
                if _may_tell_error(line) and first + at not in self._notes:
                    text = folded(line.decode("utf-8", "replace").removesuffix("\n"))
                    if tells_error(text):
                        yield first + at
                        return
            yield None


class Hits:
    """The lines that hold a text, found a piece at a time, also in what is added later.

    ASCII letters match in both cases, unless the text has one in upper case; colours and other sequences do not
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
        for first, piece in self._store.pieces_from(self.searched):
            text = plain(piece)
            if self.either_case:
                text = text.lower()
            self.lines.extend(first + at for at in _lines_with(text, self._needle))
            number = piece.count(b"\n")
            self.searched = first + number + (not piece.endswith(b"\n"))
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


def _may_tell_error(text: bytes) -> bool:
    return any(word in text for word in _TROUBLE)


def plain(text: bytes) -> bytes:
    r"""Lines as they can be read: without control sequences, and of what `\r` parts, the last."""
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n")
        if b"\r" in text:
            text = b"\n".join(
                line.rstrip(b"\r").rpartition(b"\r")[2] if b"\r" in line else line
                for line in text.split(b"\n")
            )
    return _SEQUENCE.sub(b"", text) if b"\x1b" in text else text


def _lines_with(text: bytes, needle: bytes) -> Iterator[int]:
    at = counted = line = 0
    while (found := text.find(needle, at)) >= 0:
        line += text.count(b"\n", counted, found)
        yield line
        end = text.find(b"\n", found)
        if end < 0:
            return
        at = counted = end


def _split(piece: bytes) -> list[bytes]:
    r"""Lines with their ends, at `\n` alone."""
    lines = [line + b"\n" for line in piece.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]
