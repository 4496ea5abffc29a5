"""Text from outside as what Textual draws: no markup is read, no control character passes."""

from __future__ import annotations

from typing import Final, Literal

from textual.content import Content

from console.domain.terminal_text import line_of, text_of

# How good a status is. It is drawn as a colour beside a glyph and a word, never alone.
Tone = Literal["plain", "quiet", "good", "warning", "bad", "strong"]
GLYPHS: Final[dict[Tone, str]] = {"good": "✓", "warning": "!", "bad": "✗", "quiet": "·"}
_STYLES: Final[dict[Tone, str]] = {
    "plain": "",
    "quiet": "$foreground 70%",
    "good": "$text-success",
    "warning": "$text-warning",
    "bad": "$text-error",
    "strong": "bold",
}


def line(text: str, tone: Tone = "plain") -> Content:
    """One line."""
    return Content.styled(line_of(text), _STYLES[tone])


def lines(text: str, tone: Tone = "plain") -> Content:
    """Text whose lines stay lines."""
    return Content.styled(text_of(text), _STYLES[tone])
