"""A log's bytes as lines, however they are cut, and which of them tell of an error."""

from __future__ import annotations

import codecs
import re
from typing import Final

from console.domain.terminal_text import bare

# The surest first: what the worker says, then what programs say at the beginning of a line, then anywhere.
_ERROR: Final = re.compile(
    r"\[taskcluster:error\b"
    r"|^\s*(?:\[[^\]]*\]\s*)?(?:\S+:\s)?(?:(?:fatal|error|panic)[:!\]]|(?:ERROR|FATAL|CRITICAL)\b|E: |npm ERR!)"
    r"|\bTraceback \(most recent call last\)"
    r"|\b[A-Z]\w*(?:Error|Exception): "
    r"|\b(?:error|ERROR|FATAL|CRITICAL)(?: ?:| -|\])"
    r"|\bExit code: (?!0\b)-?\d+"
    r"|\bfailed to (?:solve|build|compute|push|fetch)\b"
    r"|\breturned a non-zero code: "
    r"|\bcommand not found\b"
    r"|\bResult: (?:failed|exception)\b"
)
TROUBLE: Final = (
    *("rror", "RROR", "ERR!", "E:", "atal", "FATAL", "CRITICAL", "panic", "Traceback", "xception"),
    *("Exit code", "failed", "non-zero", "command not found"),
)
"""Text without any of these has no line that `tells_error`; to look for them takes a tenth of the time."""
_HARMLESS: Final = re.compile(r"\b(?:0|no|without) errors?\b|--\S*error", re.IGNORECASE)


class LineDecoder:
    r"""UTF-8 in pieces to lines without their ends; a byte that is no UTF-8 becomes U+FFFD.

    `\r\n` ends a line as `\n` does; what a lone `\r` begins anew is folded to its last state.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._parts: list[str] = []

    def feed(self, data: bytes) -> list[str]:
        """The lines that end in these bytes."""
        return self._split(self._decoder.decode(data))

    def finish(self) -> list[str]:
        """The line that has no end, if there is one."""
        lines = self._split(self._decoder.decode(b"", final=True))
        rest = folded("".join(self._parts))
        self._parts = []
        return [*lines, rest] if rest else lines

    def _split(self, text: str) -> list[str]:
        first, *others = text.split("\n")
        self._parts.append(first)
        if not others:
            return []
        lines = [folded("".join(self._parts)), *(folded(line) for line in others[:-1])]
        self._parts = [others[-1]]
        return lines


def folded(line: str) -> str:
    r"""A line as a terminal would leave it: what stands after the last `\r` that something follows."""
    if "\r" not in line:
        return line
    return line.rstrip("\r").rpartition("\r")[2]


def tells_error(line: str) -> bool:
    """Whether a line looks as if it told of an error."""
    text = line if line.isprintable() else bare(line)
    if not any(word in text for word in TROUBLE):
        return False
    return _ERROR.search(text) is not None and not _HARMLESS.search(text)
