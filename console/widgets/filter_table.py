"""A table of many rows: filtered by typed words, moved in by the usual keys, changed a row at a time."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on
from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, Static

from console.widgets.content import line
from console.widgets.row_view import Cell, Column, Row, RowView, text_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.timer import Timer

    from console.widgets.row_view import Cells

__all__ = ["Cell", "Column", "FilterTable", "Row"]

# Looked at between two frames: 50,000 take 0.1 s.
_SLICE: Final = 2000
_SOON_SECONDS: Final = 0.001


class FilterTable(Vertical):
    """Rows of which `/` shows those that hold all the typed words.

    Args:
        columns: its headings.
        empty: what is said where there is no row.
    """

    class About(Message):
        """Something about a row.

        Args:
            table: which table.
            key: which row.
        """

        def __init__(self, table: FilterTable, key: str) -> None:
            super().__init__()
            self.table = table
            self.key = key

        @property
        def control(self) -> FilterTable:
            """Lets `@on(FilterTable.Opened, "#id")` choose."""
            return self.table

    class Opened(About):
        """Enter, or a click, on a row."""

    class Moved(About):
        """The cursor is on another row."""

    DEFAULT_CSS = """
    FilterTable { height: 1fr; }
    FilterTable Input { display: none; height: 1; border: none; padding: 0 1; background: $boost; }
    FilterTable Input.-open { display: block; }
    FilterTable .note { height: 1; padding: 0 1; color: $text-muted; display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "slash",
            "filter",
            "Filter",
            key_display="/",
            id="table.filter",
            tooltip="Show the rows that hold the typed words.",
        ),
        Binding("escape", "clear_filter", "Clear filter", show=False, id="table.clear"),
        Binding("j", "move('cursor', 1)", "Down", show=False, id="table.down"),
        Binding("k", "move('cursor', -1)", "Up", show=False, id="table.up"),
        Binding("g", "move('to', 0)", "First row", show=False, id="table.first"),
        Binding("G", "move('to', -1)", "Last row", show=False, id="table.last"),
        Binding("ctrl+d", "move('page', 1)", "Page down", show=False, id="table.page-down"),
        Binding("ctrl+u", "move('page', -1)", "Page up", show=False, id="table.page-up"),
    ]

    def __init__(self, *columns: Column, empty: str = "Nothing here.", id: str | None = None) -> None:
        super().__init__(id=id)
        self._empty = empty
        self._rows: dict[str, Cells] = {}
        self._shown: list[str] = []
        self._words: tuple[str, ...] = ()
        self._found: list[str] = []
        self._rest: Iterator[str] | None = None
        self._lost: int | None = None
        self._again = False
        self._timer: Timer | None = None
        self._view = RowView(columns, lambda at: self._rows[self._shown[at]])
        self._input = Input(placeholder="filter", compact=True)
        self._note = Static(markup=False, classes="note")

    def compose(self) -> ComposeResult:
        """The rows, how many are left out, and the filter."""
        yield self._view
        yield self._note
        yield self._input

    def on_mount(self) -> None:
        """Rows may have come before."""
        self._tell()

    @property
    def selected(self) -> str | None:
        """The key of the row under the cursor."""
        at = self._view.cursor
        return self._shown[at] if at < len(self._shown) else None

    @property
    def count(self) -> int:
        """How many rows there are, shown or not."""
        return len(self._rows)

    @property
    def filtered(self) -> bool:
        """Whether only some rows are shown, by a filter."""
        return bool(self._words)

    def show(self, rows: Iterable[Row]) -> None:
        """Show these rows in this order; the cursor stays on its row."""
        here, at = self.selected, self._view.cursor
        self._rows = dict(rows)
        self._view.forget_widths()
        self._view.measure(self._rows.values())
        self._place([key for key in self._shown if key in self._rows], here, at)
        self._choose()

    def update_row(self, row: Row) -> None:
        """Change the cells of one row, or add it at the end."""
        self.update_rows([row])

    def update_rows(self, rows: Sequence[Row]) -> None:
        """Change the cells of rows; those that are new come to the end."""
        fresh, moved = [], False
        for row in rows:
            known, holds = self._rows.get(row.key), self._holds(*row)
            self._rows[row.key] = row.cells
            if known is None and holds:
                fresh.append(row.key)
            moved = moved or (known is not None and self._holds(row.key, known) != holds)
        self._view.measure([row.cells for row in rows])
        if self._rest is not None:
            self._again = True
        elif moved:
            self._choose()
        else:
            here = self.selected
            self._shown += fresh
            self._fit(self._view.cursor, here)

    def select(self, key: str) -> None:
        """Put the cursor on a row, where it is shown."""
        if key in self._shown:
            self._view.move_to(self._shown.index(key))

    def _holds(self, key: str, cells: Cells) -> bool:
        if not self._words:
            return True
        text = "\n".join((key, *map(text_in, cells))).casefold()
        return all(word in text for word in self._words)

    def _choose(self, lost: int | None = None) -> None:
        """Look at all rows, a slice between two frames; meanwhile what was shown stays."""
        if self._timer is not None:
            self._timer.stop()
        self._lost, self._found, self._rest, self._again = lost, [], iter([*self._rows]), False
        self._look()

    def _look(self) -> None:
        if self._rest is None:
            return
        keys = [*islice(self._rest, _SLICE if self._words else None)]
        self._found += [key for key in keys if self._holds(key, self._rows[key])]
        if self._words and len(keys) == _SLICE:
            self._timer = self.set_timer(_SOON_SECONDS, self._look)
            return
        self._rest = None
        self._place(self._found, self.selected, self._view.cursor if self._lost is None else self._lost)
        if self._again:
            self._choose()

    def _place(self, shown: list[str], here: str | None, lost: int) -> None:
        """Show these; the cursor stays on its row, or goes to a place where that is not among them."""
        self._shown = shown
        self._fit(shown.index(here) if here in shown else lost, here)

    def _fit(self, cursor: int, before: str | None) -> None:
        self._view.fit(len(self._shown), cursor)
        self._tell()
        if self.selected is not None and self.selected != before:
            self.post_message(self.Moved(self, self.selected))

    def _tell(self) -> None:
        note = "" if self._rows else self._empty
        if self._words:
            note = f"{len(self._shown):,} of {len(self._rows):,}"
        self._note.update(line(note, "quiet"))
        self._note.display = bool(note)

    def action_filter(self) -> None:
        """Type words; enter goes back to the rows, escape shows all."""
        self._input.add_class("-open")
        self._input.focus()

    def action_clear_filter(self) -> None:
        """Show all rows again."""
        self._input.value = ""
        self._input.remove_class("-open")
        self._view.focus()

    def action_move(self, how: str, by: int) -> None:
        """Move the cursor as the rows' own keys do."""
        getattr(self._view, f"action_move_{how}")(by)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's own signature
        """Escape means something here only while there is a filter."""
        return action != "clear_filter" or self._input.has_class("-open") or self.filtered

    def focus(self, scroll_visible: bool = True) -> FilterTable:
        """Focus the rows."""
        self._view.focus(scroll_visible)
        return self

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._words = tuple(event.value.casefold().split())
        self._choose(lost=0)
        self.refresh_bindings()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._view.focus()

    @on(RowView.Opened)
    def _opened(self, event: RowView.Opened) -> None:
        event.stop()
        if self.selected is not None:
            self.post_message(self.Opened(self, self.selected))

    @on(RowView.Moved)
    def _moved(self, event: RowView.Moved) -> None:
        event.stop()
        if self.selected is not None:
            self.post_message(self.Moved(self, self.selected))
