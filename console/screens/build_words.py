"""How screens write what builds are made of: states with their glyphs, amounts, and times."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from console.widgets.content import GLYPHS
from console.widgets.filter_table import Cell

if TYPE_CHECKING:
    from datetime import datetime

    from console.widgets.content import Tone

_TONES: Final[dict[str, Tone]] = {
    "success": "good",
    "completed": "good",
    "ok": "good",
    "running": "warning",
    "failure": "bad",
    "failed": "bad",
    "error": "bad",
    "exception": "bad",
    "cancelled": "bad",
}
_UNITS: Final = ("B", "kB", "MB", "GB", "TB")


def tone_of(state: str) -> Tone:
    """How good a state is."""
    return _TONES.get(state.partition(" ")[0], "quiet")


def state_words(state: str) -> str:
    """A state with its glyph; what runs has one of its own."""
    glyph = "▸" if state == "running" else GLYPHS[tone_of(state)]
    return f"{glyph} {state}"


@lru_cache(maxsize=64)
def state_cell(state: str) -> Cell:
    """A state as a cell; the same for all that are in it."""
    return Cell(state_words(state), tone_of(state))


def amount(size: float) -> str:
    """Bytes in the unit that keeps the number short."""
    for unit in _UNITS:
        if size < 1000 or unit == _UNITS[-1]:
            break
        size /= 1000
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"


def lasted(seconds: float | None) -> str:
    """How long: `4.2 s`, `3 m 05 s`, `2 h 04 m`."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} m {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} m"


def ago(when: datetime | None, now: datetime) -> str:
    """How long ago."""
    if when is None:
        return ""
    minutes = max(0, int((now - when).total_seconds() // 60))
    for size, unit in ((1440, "d"), (60, "h")):
        if minutes >= size:
            return f"{minutes // size} {unit} ago"
    return f"{minutes} min ago"
