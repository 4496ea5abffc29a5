"""Some thousand lines of a log, kept as they came and as they can be searched.

Taking the colours out of a million lines takes a second, which is too long for every search: it is done once, where
there is time before the first. What they were is kept compressed beside it, for the few blocks that are on the screen.
"""

from __future__ import annotations

import re
import zlib
from typing import Final

from console.domain.log_lines import folded
from console.domain.terminal_text import bare

_SEQUENCE: Final = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]")
_USUAL: Final = bytes((0x09, 0x0A, *range(0x20, 0x7F)))
# Where a line has what is not shown, other than whole control sequences: `bare` and `folded` know what is left of it.
# These are the bytes in UTF-8 of what `UNPRINTABLE` has.
_ODD: Final = re.compile(
    rb"\x1b(?!\[[0-?]*[ -/]*[@-~])|\r(?!\n)|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]"
    rb"|\xc2[\x80-\x9f]|\xd8\x9c|\xe1\xa0\x8e|\xe2\x80[\x8b-\x8f\xa8-\xae]|\xe2\x81[\xa0-\xa9]|\xef\xbb\xbf|\xef\xbf[\xb9-\xbb]"
    rb"|\xf3\xa0[\x80\x81]"
)
# A log that does not compress, such as one made to harm, is kept once, and made searchable at every search.
_MOST: Final = 1.25
_FASTEST: Final = 1


class LogBlock:
    """Whole lines.

    Args:
        raw: their bytes, with their ends.
    """

    __slots__ = ("_is_prepared", "_packed", "_raw", "_text")

    def __init__(self, raw: bytes) -> None:
        self._raw: bytes | None = raw
        self._text: bytes | None = None
        self._packed = b""
        self._is_prepared = False

    def prepare(self) -> None:
        """Make it searchable, unless it is."""
        if self._is_prepared:
            return
        self._is_prepared = True
        raw = self.raw
        text = searchable(raw)
        if text == raw:
            self._text = raw
            return
        packed = zlib.compress(raw, _FASTEST)
        if len(packed) + len(text) < len(raw) * _MOST:
            # In this order: another thread may read what came.
            self._text, self._packed = text, packed
            self._raw = None

    @property
    def raw(self) -> bytes:
        """The bytes as they came."""
        raw = self._raw
        return zlib.decompress(self._packed) if raw is None else raw

    @property
    def text(self) -> bytes:
        """The same lines as `searchable` has them."""
        self.prepare()
        return searchable(self.raw) if self._text is None else self._text


def searchable(raw: bytes) -> bytes:
    r"""Lines in UTF-8 as they are shown: no control sequence parts a word, and of what `\r` parts, the last is left.

    Args:
        raw: lines; each is one in the result too. Tabs and the ends of lines stay.
    """
    unusual = raw.translate(None, _USUAL)
    if not unusual:
        return raw
    if not unusual.isascii():
        # Two halves of a character with a sequence between them are none.
        raw = raw.decode("utf-8", "replace").encode()
    if not unusual.strip(b"\x1b"):
        text = _SEQUENCE.sub(b"", raw)
        if b"\x1b" not in text:
            return text
    return b"".join(_parts(raw))


def _parts(raw: bytes) -> list[bytes]:
    parts, at = [], 0
    for odd in _ODD.finditer(raw):
        if odd.start() < at:
            continue
        begin = max(at, raw.rfind(b"\n", at, odd.start()) + 1)
        end = raw.find(b"\n", odd.start())
        end = len(raw) if end < 0 else end
        parts.append(_SEQUENCE.sub(b"", raw[at:begin]))
        parts.append(bare(folded(raw[begin:end].decode("utf-8", "replace"))).encode())
        at = end
    parts.append(_SEQUENCE.sub(b"", raw[at:]))
    return parts
