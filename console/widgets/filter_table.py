"""A table of many rows: filtered by typed words, moved in by the usual keys, changed a row at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from rich.text import Text
from textual import on
from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import DataTable, Input, Static

from console.domain.terminal_text import line_of
from console.widgets.content import line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from console.widgets.content import Tone

# More rows at once hold the screen up: 10,000 take 1.3 s to be laid out.
CAP: Final = 2000


class Column(NamedTuple):
    """One column.

    Args:
        title: its heading.
        width: in cells, or None for as wide as its longest cell.
    """

    title: str
    width: int | None = None


class Cell(NamedTuple):
    """One cell, with how good what it says is."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Args:
        key: what it is, once in the table.
        cells: a text or a Cell for each column; texts may come from outside as they are.
    """

    key: str
    cells: tuple[str | Cell, ...]

    @property
    def searched(self) -> str:
        """What a filter looks at."""
        return "\n".join(
            (self.key, *(cell if isinstance(cell, str) else cell.text for cell in self.cells))
        ).casefold()


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
    FilterTable DataTable { height: 1fr; background: $background; scrollbar-size: 1 1; }
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
        Binding(
            "L",
            "load_all",
            "Load all",
            show=False,
            id="table.all",
            tooltip="Show more than the first 2,000 rows.",
        ),
        Binding("j", "move('cursor_down')", "Down", show=False, id="table.down"),
        Binding("k", "move('cursor_up')", "Up", show=False, id="table.up"),
        Binding("g", "move('scroll_top')", "First row", show=False, id="table.first"),
        Binding("G", "move('scroll_bottom')", "Last row", show=False, id="table.last"),
        Binding("ctrl+d", "move('page_down')", "Page down", show=False, id="table.page-down"),
        Binding("ctrl+u", "move('page_up')", "Page up", show=False, id="table.page-up"),
    ]

    def __init__(self, *columns: Column, empty: str = "Nothing here.", id: str | None = None) -> None:
        super().__init__(id=id)
        self._columns = columns
        self._empty = empty
        self._rows: dict[str, Row] = {}
        self._searched: dict[str, str] = {}
        self._drawn: list[str] = []
        self._words: tuple[str, ...] = ()
        self._all = False
        self._table: DataTable[Text] = DataTable(cursor_type="row", zebra_stripes=False)
        self._input = Input(placeholder="filter", compact=True)
        self._note = Static(markup=False, classes="note")

    def compose(self) -> ComposeResult:
        """The table, what is left out, and the filter."""
        yield self._table
        yield self._note
        yield self._input

    def on_mount(self) -> None:
        """Draw with the theme's colours, now and when it changes."""
        for column in self._columns:
            self._table.add_column(column.title, width=column.width)
        self.app.theme_changed_signal.subscribe(self, lambda _: self._draw(anew=True))
        self._draw(anew=True)

    @property
    def selected(self) -> str | None:
        """The key of the row under the cursor."""
        at = self._table.cursor_row
        return self._drawn[at] if 0 <= at < len(self._drawn) else None

    @property
    def filtered(self) -> bool:
        """Whether only some rows are shown, by a filter."""
        return bool(self._words)

    def show(self, rows: Iterable[Row]) -> None:
        """Show these rows in this order; the cursor stays on its row."""
        self._rows = {row.key: row for row in rows}
        self._searched = {}
        self._draw(anew=True)

    def update_row(self, row: Row) -> None:
        """Change the cells of one row, or add it at the end; nothing else is drawn."""
        known = row.key in self._rows
        self._rows[row.key] = row
        self._searched.pop(row.key, None)
        if not known or row.key not in self._drawn:
            self._draw(anew=False)
            return
        at = self._drawn.index(row.key)
        for number, text in enumerate(self._texts(row)):
            if self._table.get_cell_at((at, number)) != text:  # type: ignore[arg-type]
                self._table.update_cell_at((at, number), text, update_width=True)  # type: ignore[arg-type]

    def select(self, key: str) -> None:
        """Put the cursor on a row, where it is shown."""
        if key in self._drawn:
            self._table.move_cursor(row=self._drawn.index(key), animate=False)

    def _draw(self, *, anew: bool, from_top: bool = False) -> None:
        if not self._table.columns:
            return
        wanted = self._wanted()
        shown = wanted if self._all else wanted[:CAP]
        self._tell(len(wanted), len(shown))
        if not anew and shown == self._drawn:
            return
        here, at = self.selected, self._table.cursor_row
        left = self._table.scroll_x
        self._drawn = shown
        with self.prevent(DataTable.RowHighlighted):
            self._table.clear()
            for key in shown:
                self._table.add_row(*self._texts(self._rows[key]))
            to = shown.index(here) if here in shown else 0 if from_top else min(at, len(shown) - 1)
            self._table.move_cursor(row=max(0, to), animate=False)
        self._table.scroll_to(x=left, animate=False)
        if self.selected is not None and self.selected != here:
            self.post_message(self.Moved(self, self.selected))

    def _wanted(self) -> list[str]:
        if not self._words:
            return list(self._rows)
        if len(self._searched) != len(self._rows):
            self._searched = {key: row.searched for key, row in self._rows.items()}
        return [key for key, text in self._searched.items() if all(word in text for word in self._words)]

    def _tell(self, wanted: int, shown: int) -> None:
        if shown < wanted:
            note = f"The first {shown:,} of {wanted:,} are shown; L shows all, / filters all."
        elif self._words:
            note = f"{wanted:,} of {len(self._rows):,}"
        else:
            note = "" if wanted else self._empty
        self._note.update(line(note, "quiet"))
        self._note.display = bool(note)

    def _texts(self, row: Row) -> Sequence[Text]:
        return [self._text(Cell(cell) if isinstance(cell, str) else cell) for cell in row.cells]

    def _text(self, cell: Cell) -> Text:
        theme = self.app.current_theme
        styles = {
            "good": theme.success,
            "warning": theme.warning,
            "bad": theme.error,
            "strong": "bold",
            "quiet": "dim",
        }
        return Text(
            line_of(cell.text), style=styles.get(cell.tone) or "", no_wrap=True, overflow="ellipsis", end=""
        )

    def action_filter(self) -> None:
        """Type words; enter goes back to the rows, escape shows all."""
        self._input.add_class("-open")
        self._input.focus()

    def action_clear_filter(self) -> None:
        """Show all rows again."""
        self._input.value = ""
        self._input.remove_class("-open")
        self._table.focus()

    def action_load_all(self) -> None:
        """Show all rows, however many."""
        self._all = True
        self._draw(anew=False)

    def action_move(self, how: str) -> None:
        """Move the cursor as the table's own keys do."""
        getattr(self._table, f"action_{how}")()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's own signature
        """Escape means something here only while there is a filter; letters are typed into it."""
        if action == "clear_filter":
            return self._input.has_class("-open") or self.filtered
        if action == "load_all":
            return not self._all and len(self._rows) > CAP
        return True

    def focus(self, scroll_visible: bool = True) -> FilterTable:
        """Focus the rows."""
        self._table.focus(scroll_visible)
        return self

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._words = tuple(event.value.casefold().split())
        self._draw(anew=False, from_top=True)
        self.refresh_bindings()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._table.focus()

    @on(DataTable.RowSelected)
    def _opened(self, event: DataTable.RowSelected) -> None:
        event.stop()
        if self.selected is not None:
            self.post_message(self.Opened(self, self.selected))

    @on(DataTable.RowHighlighted)
    def _moved(self, event: DataTable.RowHighlighted) -> None:
        event.stop()
        if self.selected is not None:
            self.post_message(self.Moved(self, self.selected))
