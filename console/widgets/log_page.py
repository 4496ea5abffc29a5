"""How the lines of a log are drawn: those on the screen become text, and no others."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, ClassVar, Final

from rich.cells import cell_len
from rich.segment import Segment
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from console.domain.log_store import LogStore
from console.domain.terminal_text import styled
from console.widgets.log_paint import folded_at, mark, painted

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.style import Style
    from rich.text import Text
    from textual.selection import Selection

    from console.domain.log_search import Hits

_REMEMBERED: Final = 1000


class LogPage(ScrollView, can_focus=True, inherit_bindings=False):
    """A page of a log; a row is a line, or a hit where only those are shown.

    Attributes:
        store: the lines.
        hits: what is looked for, or None.
        current: the line that was gone to last, or None.
        wraps: whether long lines are folded.
        numbers: whether lines are numbered.
        filters: whether only hits are shown.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "log-page--hit",
        "log-page--current",
        "log-page--note",
        "log-page--number",
    }
    DEFAULT_CSS = """
    LogPage { height: 1fr; background: $background; overflow-y: scroll; scrollbar-size: 1 1; }
    LogPage > .log-page--hit { background: $warning; color: $background; text-style: bold; }
    LogPage > .log-page--current { background: $boost; text-style: bold; }
    LogPage > .log-page--note { color: $text-accent; text-style: bold; }
    LogPage > .log-page--number { color: $text-muted; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.store = LogStore()
        self.hits: Hits | None = None
        self.current: int | None = None
        self.wraps = False
        self.numbers = False
        self.filters = False
        self._skipped = 0
        """Pieces of the first row that are above the screen, where lines are folded."""
        self._widest = 0
        self._lines: OrderedDict[int, Text] = OrderedDict()
        self._page: list[Strip] | None = None
        self._own_style: Style | None = None

    # Which rows there are.

    @property
    def count(self) -> int:
        """Rows: lines, or hits where only those are shown."""
        return len(self.hits.lines) if self.filters and self.hits is not None else len(self.store)

    @property
    def rows_shown(self) -> range:
        """The rows on the screen."""
        first = last = min(self.scroll_offset.y, self.count)
        if not self.wraps:
            return range(first, min(first + self._area.height, self.count))
        left = self._area.height + self._skipped
        while left > 0 and last < self.count:
            left -= self._folds(last)
            last += 1
        return range(first, last)

    def line_at(self, row: int) -> int:
        """The line that a row shows."""
        return self.hits.lines[row] if self.filters and self.hits is not None else row

    def _row_of(self, line: int) -> int:
        return max(0, self.hits.place(line) - 1) if self.filters and self.hits is not None else line

    @property
    def rows_on_screen(self) -> int:
        """How many rows a page has."""
        return self._area.height

    @property
    def _area(self) -> Size:
        """Where lines are: beside the bars."""
        return self.scrollable_content_region.size

    @property
    def _gutter(self) -> int:
        return len(f"{len(self.store):,}") + 1 if self.numbers else 0

    def _folds(self, row: int) -> int:
        return len(folded_at(self._line(row), self._area.width - self._gutter))

    def _fit(self) -> None:
        """Take the size of what is there."""
        width = 0 if self.wraps else self._widest + self._gutter
        height = self.count + (max(0, self._area.height - 1) if self.wraps else 0)
        self._page = None
        if self.virtual_size != Size(width, height):
            self.virtual_size = Size(width, height)
        self.refresh()

    def notify_style_update(self) -> None:
        """Another theme has other colours."""
        super().notify_style_update()
        self._lines.clear()
        self._page = self._own_style = None

    # How they are drawn.

    @property
    def _base(self) -> Style:
        """The style of what has none of its own; to ask for it takes as long as to paint a line."""
        if self._own_style is None:
            self._own_style = self.rich_style
        return self._own_style

    def _line(self, row: int) -> Text:
        line = self.line_at(row)
        text = self._lines.get(line)
        if text is None:
            text = self._painted(line)
            if line < self.store.whole:
                self._lines[line] = text
                while len(self._lines) > _REMEMBERED:
                    self._lines.popitem(last=False)
        return text

    def _painted(self, line: int) -> Text:
        look: Callable[[str], Style] = self.get_component_rich_style
        if self.store.is_note(line):
            return painted(f"── {self.store.line(line)}", look("log-page--note"))
        base = look("log-page--current") if line == self.current else self._base
        text = painted(self.store.line(line), base)
        if self.hits is not None:
            mark(text, self.hits, look("log-page--hit"))
        return text

    def render_line(self, y: int) -> Strip:
        """One row of the screen."""
        if self._page is None or y >= len(self._page):
            self._page = self._folded_page() if self.wraps else self._plain_page()
        return self._page[y]

    def _plain_page(self) -> list[Strip]:
        left, top = self.scroll_offset
        gutter, width = self._gutter, self.size.width
        strips = []
        for row in range(top, top + self.size.height):
            if row >= self.count:
                strips.append(Strip.blank(width, self._base))
                continue
            text = self._selected(self._line(row), row)
            self._widen(cell_len(text.plain))
            strip = Strip(text.render(self.app.console)).crop_extend(left, left + width - gutter, self._base)
            strips.append(self._numbered(strip.apply_offsets(left, row), row, first=True))
        return strips

    def _folded_page(self) -> list[Strip]:
        height, width, gutter = self.size.height, self.size.width, self._gutter
        strips: list[Strip] = []
        row, skip = self.scroll_offset.y, self._skipped
        while len(strips) < height and row < self.count:
            at = 0
            pieces = folded_at(self._selected(self._line(row), row), self._area.width - gutter)
            for number, piece in enumerate(pieces):
                if number >= skip:
                    strip = Strip(piece.render(self.app.console)).extend_cell_length(
                        width - gutter, self._base
                    )
                    strips.append(self._numbered(strip.apply_offsets(at, row), row, first=number == 0))
                at += len(piece.plain)
            row, skip = row + 1, 0
        blank = Strip.blank(width, self._base)
        return [*strips, *[blank] * (height - len(strips))][: max(height, 1)]

    def _widen(self, width: int) -> None:
        if width > self._widest:
            if self._widest + self._gutter < width + self._gutter > self._area.width:
                self.call_later(self._fit)
            self._widest = width

    def _numbered(self, strip: Strip, row: int, *, first: bool) -> Strip:
        if not self.numbers:
            return strip
        number = f"{self.line_at(row) + 1:,}" if first else ""
        style = self.get_component_rich_style("log-page--number")
        return Strip.join([Strip([Segment(f"{number:>{self._gutter - 1}} ", style)]), strip])

    # What is selected.

    def _selected(self, text: Text, row: int) -> Text:
        selection = self.text_selection
        span = selection.get_span(row) if selection is not None else None
        if span is None:
            return text
        text = text.copy()
        start, end = span
        text.stylize(
            self.screen.get_component_rich_style("screen--selection"), start, len(text) if end < 0 else end
        )
        return text

    def selection_updated(self, selection: Selection | None) -> None:
        """Draw what is selected."""
        del selection
        self._page = None
        self.refresh()

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text, as it can be read."""
        first = selection.start.y if selection.start else 0
        last = min(selection.end.y if selection.end else self.count, self.count - 1)
        lines = []
        for row in range(first, last + 1):
            span = selection.get_span(row)
            if span is not None:
                start, end = span
                text = self.readable(self.line_at(row))
                lines.append(text[start : len(text) if end < 0 else end])
        return "\n".join(lines), "\n"

    def readable(self, line: int) -> str:
        """A whole line without colours."""
        return "".join(run.text for run in styled(self.store.line(line)))
