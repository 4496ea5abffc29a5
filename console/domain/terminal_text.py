"""Text from outside, made fit for a terminal: nothing in it is obeyed, nothing of it is hidden.

A name, a message or a description shows what it holds (`line_of`, `text_of`). A log keeps its colours and
loses the rest (`styled`), because programs that draw progress write as many sequences as words.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from runner.narration import UNPRINTABLE, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

# What stands for a control string (OSC, DCS, APC, PM, SOS): words may have been in it. Where nothing ends it on
# its line, only its beginning is dropped, for the rest may be text.
CUT_MARK: Final = "␛"
_TAB: Final = 8
_LONGEST: Final = 64
_STRING: Final = r"(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])"
_END: Final = r"[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)"
_CONTROL: Final = re.compile(
    # The two halves of a link, which are in many logs; the words between them stay.
    rf"(?:\x1b\]|\x9d)8;{_END}"
    # Any other control string up to its end, or only the beginning of one.
    rf"|(?P<cut>{_STRING}(?:{_END})?)"
    # Select graphic rendition, which is kept as a style.
    r"|(?:\x1b\[|\x9b)(?P<sgr>[0-9;:]*)m"
    # Any other control sequence, and any escape of two or three characters.
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b(?:[ -/]+[0-~]|[78=>A-Zc])?"
    rf"|{UNPRINTABLE}"
)
_NAMES: Final = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_STEPS: Final = (0, 95, 135, 175, 215, 255)
_FLAGS: Final[Mapping[int, Mapping[str, Any]]] = {
    1: {"bold": True},
    2: {"dim": True},
    3: {"italic": True},
    4: {"underline": True},
    7: {"reverse": True},
    9: {"strike": True},
    23: {"italic": False},
    24: {"underline": False},
    27: {"reverse": False},
    29: {"strike": False},
    22: {"bold": False, "dim": False},
}


@dataclass(frozen=True, slots=True)
class Look:
    """How a part of a log is drawn; a colour is `ansi_red`, `ansi_bright_red`, `#rrggbb`, or "" for the theme's.

    SGR 8 (conceal) and blinking have no place here: text cannot be hidden.
    """

    foreground: str = ""
    background: str = ""
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False
    reverse: bool = False
    strike: bool = False


PLAIN: Final = Look()


@dataclass(frozen=True, slots=True)
class Run:
    """Text that is drawn in one look."""

    text: str
    look: Look = PLAIN


def line_of(text: str) -> str:
    """One line: what a terminal would obey is made visible, and so is the end of a line."""
    return printable(text.replace("\r\n", "\n")).replace("\n", "⏎").replace("\t", " ")


def text_of(text: str) -> str:
    """Lines stay lines and tabs become spaces; what a terminal would obey is made visible."""
    return printable(text.replace("\r\n", "\n")).expandtabs(_TAB)


def styled(line: str) -> tuple[Run, ...]:
    """One line of a log: colours are kept up to the line's end, all other sequences are dropped.

    Args:
        line: without its end; what follows an end of line within it is kept, after a space.
    """
    text = line.replace("\n", " ")
    if _CONTROL.search(text) is None:
        return (Run(text.expandtabs(_TAB)),) if text else ()
    return tuple(_joined(_runs(text)))


def bare(line: str) -> str:
    """One line of a log without what `styled` drops, and without its colours; tabs stay."""
    return _CONTROL.sub(lambda found: "" if found["cut"] is None else CUT_MARK, line)


def _runs(text: str) -> Iterator[Run]:
    look, place = PLAIN, 0
    for found in _CONTROL.finditer(_with_tabs(text)):
        yield Run(found.string[place : found.start()], look)
        place = found.end()
        if found["cut"] is not None:
            yield Run(CUT_MARK, look)
        elif found["sgr"] is not None:
            look = _visible(_apply(look, found["sgr"][:_LONGEST]))
    yield Run(_with_tabs(text)[place:], look)


def _with_tabs(text: str) -> str:
    # A tab's width depends on the column, which sequences do not move.
    return text.replace("\t", " " * _TAB)


def _joined(runs: Iterator[Run]) -> Iterator[Run]:
    last: Run | None = None
    for run in runs:
        if not run.text:
            continue
        if last is not None and last.look == run.look:
            last = Run(last.text + run.text, run.look)
            continue
        if last is not None:
            yield last
        last = run
    if last is not None:
        yield last


@lru_cache(maxsize=256)
def _apply(look: Look, parameters: str) -> Look:
    """The look after one SGR sequence, of which a log has few; what is not known changes nothing."""
    codes = [int(part) if part else 0 for part in re.split("[;:]", parameters)]
    at = 0
    while at < len(codes):
        code = codes[at]
        if code in {38, 48}:
            colour, used = _extended(codes[at + 1 :])
            if colour is not None:
                look = _coloured(look, front=code == 38, colour=colour)
            at += used
        else:
            look = _simple(look, code)
        at += 1
    return look


def _simple(look: Look, code: int) -> Look:
    if code == 0:
        return PLAIN
    if code in _FLAGS:
        return dataclasses.replace(look, **_FLAGS[code])
    if code in {39, 49}:
        return _coloured(look, front=code == 39, colour="")
    for base, prefix in ((30, "ansi_"), (40, "ansi_"), (90, "ansi_bright_"), (100, "ansi_bright_")):
        if base <= code < base + len(_NAMES):
            return _coloured(look, front=base in {30, 90}, colour=prefix + _NAMES[code - base])
    return look


def _coloured(look: Look, *, front: bool, colour: str) -> Look:
    return (
        dataclasses.replace(look, foreground=colour)
        if front
        else dataclasses.replace(look, background=colour)
    )


def _extended(codes: Sequence[int]) -> tuple[str | None, int]:
    """A colour of 256 or of 16 million, and how many codes it took."""
    if len(codes) >= 2 and codes[0] == 5:
        return _indexed(codes[1]), 2
    if len(codes) >= 4 and codes[0] == 2:
        red, green, blue = (min(255, value) for value in codes[1:4])
        return f"#{red:02x}{green:02x}{blue:02x}", 4
    return None, len(codes)


def _indexed(index: int) -> str | None:
    if index < 16:
        return ("ansi_bright_" if index > 7 else "ansi_") + _NAMES[index % 8]
    if index < 232:
        cube = index - 16
        red, green, blue = _STEPS[cube // 36], _STEPS[cube // 6 % 6], _STEPS[cube % 6]
        return f"#{red:02x}{green:02x}{blue:02x}"
    if index < 256:
        grey = 8 + 10 * (index - 232)
        return f"#{grey:02x}{grey:02x}{grey:02x}"
    return None


def _visible(look: Look) -> Look:
    """Text in the colour of its background would be hidden: the background goes."""
    return dataclasses.replace(look, background="") if look.foreground == look.background else look
