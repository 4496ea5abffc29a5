"""Rows under their headings, of which only those on the screen are made into text: however many, it costs the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from console.domain.terminal_text import line_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from textual import events
    from textual.binding import BindingType

    from console.widgets.content import Tone


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


Cells = tuple[str | Cell, ...]


class Row(NamedTuple):
    """One row.

    Args:
        key: what it is, once in the table.
        cells: a text or a Cell for each column; texts may come from outside as they are.
    """

    key: str
    cells: Cells


class RowView(ScrollView, can_focus=True):
    """Draws rows, with a cursor on one of them.

    Args:
        columns: its headings.
        cells_at: those of the row at a place.

    Attributes:
        cursor: the place of the row under the cursor; 0 where there is none.
        count: how many rows there are.
    """

    class Opened(Message):
        """Enter on a row, or a click on the one under the cursor."""

    class Moved(Message):
        """The cursor was moved to another row."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"row-view--header", "row-view--cursor"}
    DEFAULT_CSS = """
    RowView {
        height: 1fr; background: $background; color: $foreground; scrollbar-size: 1 1;
        &:focus {
            background-tint: $foreground 5%;
            & > .row-view--header { background-tint: $foreground 5%; }
            & > .row-view--cursor {
                background: $block-cursor-background; color: $block-cursor-foreground;
                text-style: $block-cursor-text-style;
            }
        }
        & > .row-view--header { text-style: bold; background: $panel; color: $foreground; }
        & > .row-view--cursor {
            background: $block-cursor-blurred-background; color: $block-cursor-blurred-foreground;
            text-style: $block-cursor-blurred-text-style;
        }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open", show=False),
        Binding("up", "move_cursor(-1)", "Up", show=False),
        Binding("down", "move_cursor(1)", "Down", show=False),
        Binding("pageup", "move_page(-1)", "Page up", show=False),
        Binding("pagedown", "move_page(1)", "Page down", show=False),
        Binding("ctrl+home", "move_to(0)", "First row", show=False),
        Binding("ctrl+end", "move_to(-1)", "Last row", show=False),
    ]

    def __init__(self, columns: Sequence[Column], cells_at: Callable[[int], Cells]) -> None:
        super().__init__()
        self.cursor = 0
        self.count = 0
        self._columns = columns
        self._cells_at = cells_at
        self._widths = [0] * len(columns)
        self.forget_widths()

    def forget_widths(self) -> None:
        """Columns are as wide as their headings, until rows are measured."""
        self._widths = [column.width or cell_len(column.title) for column in self._columns]

    def measure(self, rows: Collection[Cells]) -> None:
        """Widen the columns that are as wide as their longest cell."""
        for number, column in enumerate(self._columns):
            if column.width is None:
                widest = max((_width(text_in(cells[number])) for cells in rows), default=0)
                self._widths[number] = max(self._widths[number], widest)

    def fit(self, count: int, cursor: int) -> None:
        """There are so many rows now, and the cursor is on one of them; nothing is told of that."""
        self.count = count
        self.cursor = max(0, min(cursor, count - 1))
        self.virtual_size = Size(sum(self._widths) + 2 * len(self._widths), count + 1)
        self._keep_in_view()
        self.refresh()

    @property
    def _page(self) -> int:
        return max(1, self.scrollable_content_region.height - 1)

    def _keep_in_view(self) -> None:
        top = min(round(self.scroll_y), max(0, self.count - self._page))
        top = max(min(top, self.cursor), self.cursor - self._page + 1)
        self.scroll_to(y=top, animate=False, force=True)

    def on_resize(self, event: events.Resize) -> None:
        """The cursor stays in view."""
        del event
        self._keep_in_view()

    def move_to(self, row: int) -> None:
        """Put the cursor on a row, or on the nearest that there is."""
        row = max(0, min(row, self.count - 1))
        if self.count and row != self.cursor:
            self.cursor = row
            self._keep_in_view()
            self.refresh()
            self.post_message(self.Moved())

    def action_move_to(self, row: int) -> None:
        """Go to a row; -1 is the last."""
        self.move_to(row if row >= 0 else self.count + row)

    def action_move_cursor(self, rows: int) -> None:
        """Go down so many rows, or up."""
        self.move_to(self.cursor + rows)

    def action_move_page(self, pages: int) -> None:
        """Go down so many pages, or up; the cursor stays where it is on the screen."""
        self.scroll_relative(y=pages * self._page, animate=False, force=True)
        self.move_to(self.cursor + pages * self._page)

    def action_open(self) -> None:
        """Open the row under the cursor."""
        if self.count:
            self.post_message(self.Opened())

    def on_click(self, event: events.Click) -> None:
        """The first click moves the cursor, one more opens the row."""
        at = self.scroll_offset.y + event.y - 1
        if event.y < 1 or at >= self.count:
            return
        event.stop()
        if at == self.cursor:
            self.action_open()
        self.move_to(at)

    def render_line(self, y: int) -> Strip:
        """The headings, or a row."""
        width, left = self.size.width, self.scroll_offset.x
        at = self.scroll_offset.y + y - 1
        if y and at >= self.count:
            return Strip.blank(width, self.rich_style)
        if y == 0:
            style, over = self.get_component_rich_style("row-view--header"), Style.null()
            cells: Iterable[str | Cell] = (column.title for column in self._columns)
        else:
            style, over = self.rich_style, Style.null()
            if at == self.cursor:
                style += self.get_component_rich_style("row-view--cursor")
                over = Style.from_color(style.color)
            cells = self._cells_at(at)
        drawn = [
            Segment(f" {_fitted(line_of(text_in(cell)), wide)} ", style + self._tone(cell) + over)
            for cell, wide in zip(cells, self._widths, strict=True)
        ]
        return Strip(drawn).extend_cell_length(left + width, style).crop(left, left + width).simplify()

    def _tone(self, cell: str | Cell) -> Style:
        theme = self.app.current_theme
        styles = {
            "good": theme.success,
            "warning": theme.warning,
            "bad": theme.error,
            "strong": "bold",
            "quiet": "dim",
        }
        return Style.parse(styles.get(cell.tone) or "") if isinstance(cell, Cell) else Style.null()


def text_in(cell: str | Cell) -> str:
    """What a cell says."""
    return cell if isinstance(cell, str) else cell.text


def _width(text: str) -> int:
    return len(text) if text.isascii() and text.isprintable() else cell_len(line_of(text))


def _fitted(text: str, width: int) -> str:
    return set_cell_size(text, width) if cell_len(text) <= width else f"{set_cell_size(text, width - 1)}…"
