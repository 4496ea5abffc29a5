"""Text from outside as what Textual draws: no markup is read, no control character passes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from textual.content import Content
from textual.style import Style

from console.domain.terminal_text import line_of, styled, text_of

if TYPE_CHECKING:
    from console.domain.terminal_text import Look

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


def log_line(text: str) -> Content:
    """One line of a log, with the colours that it chose."""
    return Content.assemble(*((run.text, _style(run.look)) for run in styled(text)))


def _style(look: Look) -> Style:
    return Style.parse(
        " ".join(
            (
                look.foreground,
                f"on {look.background}" if look.background else "",
                *(
                    word
                    for word in ("bold", "dim", "italic", "underline", "reverse", "strike")
                    if getattr(look, word)
                ),
            )
        )
    )
