"""A log with what is done in it: look for a text, show only its lines, follow, fold, number, copy."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding
from textual.containers import Vertical
from textual.widgets import Input, Static

from console.domain.log_search import first_errors
from console.widgets.content import line
from console.widgets.log_view import SLICE_SECONDS, SOON_SECONDS, LogView

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.app import ComposeResult
    from textual.binding import BindingType


class LogPane(Vertical):
    """A log, a line about it, and a field for what is looked for.

    Attributes:
        view: the lines; feed them.
    """

    DEFAULT_CSS = """
    LogPane { height: 1fr; }
    LogPane .note { height: 1; padding: 0 1; background: $boost; }
    LogPane Input { display: none; height: 1; border: none; padding: 0 1; background: $boost; }
    LogPane Input.-open { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "find", "Find", key_display="/", id="log.find", tooltip="Look for a text."),
        Binding("n", "next(True)", "Next", show=False, id="log.next", tooltip="The next line that has it."),
        Binding("N", "next(False)", "Before", show=False, id="log.before", tooltip="The line before."),
        Binding(
            "ampersand",
            "only",
            "Only hits",
            key_display="&",
            id="log.only",
            tooltip="Show only the lines that have it, also those that are still to come.",
        ),
        Binding("escape", "clear", "Forget", show=False, id="log.clear", tooltip="Look for nothing."),
        Binding("f", "follow", "Follow", id="log.follow", tooltip="Keep the end in view, or cease to."),
        Binding("F", "first_error", "1st error", id="log.error", tooltip="Go to the first error."),
        Binding("w", "wrap", "Wrap", id="log.wrap", tooltip="Fold long lines, or not."),
        Binding(
            "number_sign",
            "number",
            "Numbers",
            show=False,
            id="log.numbers",
            tooltip="Number the lines, or not.",
        ),
        Binding(
            "c",
            "copy",
            "Copy",
            show=False,
            id="log.copy",
            tooltip="Copy the lines on the screen, whole; the mouse selects less or more, and ctrl+c copies it.",
        ),
        Binding("j,down", "step(1)", "Down", show=False, id="log.down"),
        Binding("k,up", "step(-1)", "Up", show=False, id="log.up"),
        Binding("left", "move('scroll_left')", "Left", show=False, id="log.left"),
        Binding("right", "move('scroll_right')", "Right", show=False, id="log.right"),
        Binding("g,home", "top", "First line", show=False, id="log.first"),
        Binding("G,end", "end", "Last line", show=False, id="log.last"),
        Binding("ctrl+d,pagedown,space", "page(1)", "Page down", show=False, id="log.page-down"),
        Binding("ctrl+u,pageup", "page(-1)", "Page up", show=False, id="log.page-up"),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.view = LogView()
        self._state = ""
        self._note = Static(markup=False, classes="note")
        self._input = Input(placeholder="look for", compact=True)
        self._errors: Iterator[int | None] | None = None

    def compose(self) -> ComposeResult:
        """The lines, what is to be said of them, the field."""
        yield self.view
        yield self._note
        yield self._input

    def tell(self, state: str) -> None:
        """Say how the log stands: `live`, `waits: 3 are before it`, `ended: completed`."""
        self._state = state
        self._about()

    def clear(self) -> None:
        """Begin with no line."""
        self._errors = None
        self.view.clear()

    def focus(self, scroll_visible: bool = True) -> LogPane:
        """Focus the lines."""
        self.view.focus(scroll_visible)
        return self

    @on(LogView.Changed)
    def _changed(self, event: LogView.Changed) -> None:
        event.stop()
        self._about()

    def _about(self) -> None:
        view = self.view
        parts = [self._state] if self._state else []
        parts.append(f"{len(view.store):,} lines")
        if view.hits is not None:
            found = f"{len(view.hits.lines):,} have {view.hits.text!r}"
            at = f", this is {view.hits.place(view.current):,}" if view.current is not None else ""
            parts.append(f"{found}{at}{'' if view.hits.is_done else ' …'}{', shown alone' * view.filters}")
        parts.append("follows" if view.follows else "")
        if view.new:
            parts.append(f"▼ {view.new:,} new lines: f follows")
        self._note.update(
            line(" · ".join(filter(None, parts)), "warning" if view.new else "plain"), layout=False
        )

    def action_find(self) -> None:
        """Type a text; enter goes to the first line that has it."""
        self._input.add_class("-open")
        self._input.focus()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.view.look_for(event.value)
        if event.value:
            self.view.seek(forward=True, here=True)
        self.refresh_bindings()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.view.focus()

    def action_next(self, forward: bool) -> None:
        """The next hit, or the one before."""
        if self.view.hits is None:
            self.action_find()
        else:
            self.view.seek(forward=forward)

    def action_only(self) -> None:
        """Show only hits, or all lines."""
        if self.view.hits is None:
            self.action_find()
        else:
            self.view.show_only_hits(only=not self.view.filters)

    def action_clear(self) -> None:
        """Look for nothing, and show all lines."""
        self._input.value = ""
        self._input.remove_class("-open")
        self.view.look_for("")
        self.view.focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's own signature
        """Escape means something here only while something is looked for."""
        return action != "clear" or self._input.has_class("-open") or self.view.hits is not None

    def action_follow(self) -> None:
        """Follow, or cease to."""
        self.view.follow_end(follows=not self.view.follows)

    def action_first_error(self) -> None:
        """Go to the first error; it is looked for a piece at a time."""
        self._errors = first_errors(self.view.store)
        self._look()

    def _look(self) -> None:
        if self._errors is None:
            return
        until = time.monotonic() + SLICE_SECONDS
        while time.monotonic() < until:
            found = next(self._errors, -1)
            if found is not None:
                self._errors = None
                if found < 0:
                    self.notify("No line looks like an error.", severity="warning")
                else:
                    self.view.go_to(found)
                return
        self.set_timer(SOON_SECONDS, self._look)

    def action_wrap(self) -> None:
        """Fold long lines, or not."""
        self.view.fold(wraps=not self.view.wraps)

    def action_number(self) -> None:
        """Number lines, or not."""
        self.view.number(numbers=not self.view.numbers)

    def action_copy(self) -> None:
        """Copy the lines on the screen."""
        rows = self.view.rows_shown
        self.app.copy_to_clipboard("\n".join(self.view.readable(self.view.line_at(row)) for row in rows))
        self.notify(
            f"{len(rows)} lines were sent to the terminal's clipboard. Where it takes none, s saves the log."
        )

    def action_step(self, rows: int) -> None:
        """A row down or up."""
        self.view.step(rows)

    def action_page(self, pages: int) -> None:
        """A page down or up."""
        self.view.step(pages * max(1, self.view.rows_on_screen - 1))

    def action_move(self, how: str) -> None:
        """Left or right."""
        getattr(self.view, f"action_{how}")()

    def action_top(self) -> None:
        """The first line."""
        self.view.follow_end(follows=False)
        self.view.scroll_to(y=0, animate=False)

    def action_end(self) -> None:
        """The last line, which is followed."""
        self.view.follow_end(follows=True)
