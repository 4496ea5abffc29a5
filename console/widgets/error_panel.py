"""What went wrong: what happened, the likely cause, the next action."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from console.widgets.content import lines
from runner.errors import RunnerError, place_of

if TYPE_CHECKING:
    from textual.app import ComposeResult


def told(error: BaseException) -> tuple[str, str, str]:
    """What happened, the likely cause and the next action; of what nobody expected, its place alone."""
    if isinstance(error, RunnerError):
        return error.what, error.cause, error.action
    return f"Internal error: {place_of(error)}.", "", "Please report it."


class ErrorPanel(VerticalScroll, can_focus=False):
    """Hidden until `show`; `clear` hides it again. A screen has one already, and `work` fills it."""

    DEFAULT_CSS = """
    ErrorPanel {
        display: none; height: auto; max-height: 50%; padding: 0 1;
        border-left: thick $error; background: $surface;
    }
    ErrorPanel Static { height: auto; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._text = Static(markup=False)

    def compose(self) -> ComposeResult:
        """Its one text."""
        yield self._text

    def show(self, error: BaseException, advice: str = "") -> None:
        """Show an error.

        Args:
            error: its own words, if it is a RunnerError; else only its type and place.
            advice: one more line, such as which key tries again.
        """
        what, cause, action = told(error)
        parts = [lines(f"✗ {what}", "bad")]
        parts += [lines(text) for text in (cause, f"→ {action}" if action else "") if text]
        if advice:
            parts.append(lines(advice, "quiet"))
        self._text.update(Content("\n").join(parts))
        self.display = True
        self.scroll_home(animate=False)

    def clear(self) -> None:
        """Hide it."""
        self.display = False
        self._text.update("")
