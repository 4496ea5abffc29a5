"""Terminals that have no UTF-8: each sign that one cannot show becomes a character of ASCII that takes as much room.

It is done where text is encoded, so that commands, screens, and what Textual draws around them, need not know.
"""

from __future__ import annotations

import codecs
import io
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

_ERRORS: Final = "lading-plain"
_TAKEN_FOR: Final = {
    "+": "✓",
    "x": "✗\u00d7",
    ".": "·…",
    ">": "▸→",
    "<": "←",
    "^": "↑▲␛",
    "v": "↓▼",
    "`": "└",
    "|": "├│┃║▌▐▊▎",
    "=": "━═",
    "-": "─\u2013\u2014▔▀",
    "_": "▁▂▃▄",
    "#": "█",
    "~": "⏎",
    "*": "•",
    "o": "●",
    "'": "\u2018\u2019",
    '"': "\u201c\u201d",
    " ": "\u00a0",
}
_SIGNS: Final = str.maketrans({sign: plain for plain, signs in _TAKEN_FOR.items() for sign in signs})
_BOXES: Final = range(0x2500, 0x2580)
_BLOCKS: Final = range(0x2580, 0x25A0)


def plain(text: str) -> str:
    """The text in ASCII, as wide as it was on the screen.

    Args:
        text: of any characters.
    """
    return "".join(map(_plain, text.translate(_SIGNS)))


def _plain(character: str) -> str:
    if character.isascii():
        return character
    if ord(character) in _BOXES:
        return "+"
    if ord(character) in _BLOCKS:
        return " "
    import unicodedata  # no start needs it

    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return ""
    return "??" if unicodedata.east_asian_width(character) in {"W", "F"} else "?"


def fit(stream: TextIO, environment: Mapping[str, str], *, guessed: bool | None = None) -> None:
    """Have a stream write what its terminal can show, instead of failing or of drawing what nobody can read.

    Args:
        stream: standard output or errors.
        environment: the variables, as Python left them.
        guessed: whether Python took UTF-8 by itself, because the locale has no characters but ASCII or is not
            installed (PEP 538 and 540); None is for this interpreter.
    """
    if not isinstance(stream, io.TextIOWrapper):
        return
    if guessed is None:
        guessed = bool(sys.flags.utf8_mode) and environment.get("PYTHONUTF8") != "1"
    encoding = stream.encoding
    if guessed and stream.isatty() and not _may_be_utf8(environment):
        encoding = "ascii"
    if codecs.lookup(encoding).name != "utf-8":
        codecs.register_error(_ERRORS, _replaced)
        stream.reconfigure(encoding=encoding, errors=_ERRORS)


def _may_be_utf8(environment: Mapping[str, str]) -> bool:
    """Whether the user's locale leaves it open; LC_CTYPE is not looked at, for PEP 538 has written it."""
    named = environment.get("LC_ALL") or environment.get("LANG") or ""
    charset = named.partition(".")[2].partition("@")[0].replace("-", "").lower()
    return named not in {"C", "POSIX"} and charset in {"", "utf8"}


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return plain(error.object[error.start : error.end]), error.end
