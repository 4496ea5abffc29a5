"""One line of a log as it is drawn: its colours, what was looked for, no more of it than fits a screen many times."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from rich.cells import chop_cells
from rich.style import Style
from rich.text import Text

from console.domain.terminal_text import styled

if TYPE_CHECKING:
    from console.domain.log_search import Hits
    from console.domain.terminal_text import Look

# Of a longer line this much is drawn; search, copy and save have all of it.
LONGEST: Final = 10_000


def painted(line: str, style: Style) -> Text:
    """A line with the colours that it chose, bounded.

    Args:
        line: without its end, as it came.
        style: of what has no colour of its own.
    """
    text = Text(style=style, no_wrap=True, end="")
    for run in styled(line[:LONGEST]):
        # Rich draws a text without spans in no style at all: the terminal's own background would show.
        text.append(run.text, style + _style(run.look))
    if len(line) > LONGEST:
        text.append(f" … {len(line) - LONGEST:,} more characters: s saves all", Style(dim=True))
    return text


def mark(text: Text, hits: Hits, style: Style) -> None:
    """Mark what was looked for."""
    flags = re.ASCII | (re.IGNORECASE if hits.either_case else 0)
    for found in re.finditer(re.escape(hits.text), text.plain, flags):
        text.stylize(style, *found.span())


def folded_at(text: Text, width: int) -> list[Text]:
    """A line in pieces that are no wider than that, at least one; a wide character is not cut."""
    pieces = chop_cells(text.plain, max(width, 2))
    if len(pieces) < 2:
        return [text]
    places, at = [], 0
    for piece in pieces[:-1]:
        at += len(piece)
        places.append(at)
    return [*text.divide(places)]


@lru_cache(maxsize=256)
def _style(look: Look) -> Style:
    return Style(
        color=look.foreground.removeprefix("ansi_") or None,
        bgcolor=look.background.removeprefix("ansi_") or None,
        bold=look.bold or None,
        dim=look.dim or None,
        italic=look.italic or None,
        underline=look.underline or None,
        reverse=look.reverse or None,
        strike=look.strike or None,
    )
