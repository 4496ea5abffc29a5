"""The lines of a log: only those on the screen are made into text; it follows the end until somebody scrolls up."""

from __future__ import annotations

import time
from collections import OrderedDict
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar, Final

from rich.cells import cell_len
from rich.segment import Segment
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from console.domain.log_search import Hits
from console.domain.log_store import LogStore
from console.domain.terminal_text import styled
from console.widgets.log_paint import folded_at, mark, painted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.style import Style
    from rich.text import Text
    from textual import events
    from textual.selection import Selection
    from textual.timer import Timer

# What came since the last frame is drawn in one; between two slices of a search keys are read.
_FRAME_SECONDS: Final = 1 / 30
SLICE_SECONDS: Final = 0.03
SOON_SECONDS: Final = 0.001
_REMEMBERED: Final = 1000


class LogView(ScrollView, can_focus=True, inherit_bindings=False):
    """A log; `feed` may be called thousands of times a second.

    Attributes:
        store: the lines.
        hits: what is looked for, or None.
        current: the line that was gone to last, or None.
        follows: whether the end is kept in view.
        wraps: whether long lines are folded.
        numbers: whether lines are numbered.
        filters: whether only hits are shown.
        missed: the number of lines when it ceased to follow.
    """

    class Changed(Message):
        """What a line about the log says may be another."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "log-view--hit",
        "log-view--current",
        "log-view--note",
        "log-view--number",
    }
    DEFAULT_CSS = """
    LogView { height: 1fr; background: $background; overflow-y: scroll; scrollbar-size: 1 1; }
    LogView > .log-view--hit { background: $warning; color: $background; text-style: bold; }
    LogView > .log-view--current { background: $boost; text-style: bold; }
    LogView > .log-view--note { color: $text-accent; text-style: bold; }
    LogView > .log-view--number { color: $text-muted; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.store = LogStore()
        self.hits: Hits | None = None
        self.current: int | None = None
        self.follows = True
        self.wraps = False
        self.numbers = False
        self.filters = False
        self.missed = 0
        self._widest = 0
        self._skipped = 0
        self._seek: tuple[int, bool] | None = None
        self._moves = False
        self._timer: Timer | None = None
        self._lines: OrderedDict[int, Text] = OrderedDict()
        self._page: list[Strip] | None = None
        self._fitted: tuple[LogStore, int, int] | None = None

    # What comes in.

    def feed(self, data: bytes) -> None:
        """Add bytes; they are drawn with the next frame."""
        self.store.feed(data)
        self._later(_FRAME_SECONDS)

    def note(self, text: str) -> None:
        """Add a line that is not the log's."""
        self.store.note(text)
        self._later(_FRAME_SECONDS)

    def finish(self) -> None:
        """No more is to come."""
        self.store.finish()
        self._later(_FRAME_SECONDS)

    def clear(self) -> None:
        """Begin with no line."""
        self.store, self.current, self.follows, self._widest = LogStore(), None, True, 0
        self.hits = Hits(self.store, self.hits.text) if self.hits else None
        self._redraw()

    def _later(self, seconds: float) -> None:
        if self._timer is None and self.is_attached:
            self._timer = self.set_timer(seconds, self._flush)

    def on_mount(self) -> None:
        """What came before there was a screen is drawn."""
        self._later(SOON_SECONDS)

    def _flush(self) -> None:
        self._timer = None
        if self.hits is not None and not self.hits.is_done:
            until = time.monotonic() + SLICE_SECONDS
            for _ in self.hits.search():
                if time.monotonic() > until:
                    break
            self._sought()
            if not self.hits.is_done:
                self._later(SOON_SECONDS)
        if self._fitted != (self.store, self.count, self.store.size) or self._page is None:
            self._fit()
        self.post_message(self.Changed())

    # Where things are.

    @property
    def count(self) -> int:
        """Rows: lines, or hits where only those are shown."""
        return len(self.hits.lines) if self.filters and self.hits is not None else len(self.store)

    @property
    def new(self) -> int:
        """Lines that came since it ceased to follow."""
        return 0 if self.follows else len(self.store) - self.missed

    @property
    def rows_shown(self) -> range:
        """The rows on the screen, at most."""
        top = self.scroll_offset.y
        return range(min(top, self.count), min(top + self._area.height, self.count))

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

    def _fit(self) -> None:
        """Take the size of what is there; the end stays in view where it is followed."""
        width = 0 if self.wraps else self._widest + self._gutter
        height = self.count + (max(0, self._area.height - 1) if self.wraps else 0)
        self._page = None
        self._fitted = (self.store, self.count, self.store.size)
        with self._moving():
            if self.virtual_size != Size(width, height):
                self.virtual_size = Size(width, height)
            if self.follows:
                self._to_end()
        self.refresh()

    def _redraw(self) -> None:
        self._lines.clear()
        self._fit()
        self.post_message(self.Changed())

    @contextmanager
    def _moving(self) -> Iterator[None]:
        before, self._moves = self._moves, True
        try:
            yield
        finally:
            self._moves = before

    def _end(self) -> tuple[int, int]:
        """The row at the top, and what is left out of it, where the last row is at the bottom."""
        if not self.wraps:
            return max(0, self.count - self._area.height), 0
        rows, height = self.count, self._area.height
        used = 0
        while rows and used < height:
            rows -= 1
            used += len(self._pieces(rows))
        return rows, max(0, used - height)

    def _to_end(self) -> None:
        row, self._skipped = self._end()
        self.scroll_to(y=row, animate=False, force=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Scrolled up, it follows no longer; scrolled to the end, it does again."""
        super().watch_scroll_y(old_value, new_value)
        self._page = None
        if self._moves or round(old_value) == round(new_value):
            return
        self._skipped = 0
        self._decide(up=new_value < old_value)

    def _decide(self, *, up: bool) -> None:
        at_end = (round(self.scroll_y), self._skipped) >= self._end()
        if self.follows and up and not at_end:
            self.follows, self.missed = False, len(self.store)
        elif not self.follows and at_end and not up:
            self.follows = True
        self.post_message(self.Changed())

    # What it is told to do.

    def step(self, rows: int) -> None:
        """Go down so many rows of the screen, or up; a folded line is gone through."""
        if not self.wraps:
            self.scroll_to(y=self.scroll_y + rows, animate=False, force=True)
            return
        row, skipped = round(self.scroll_y), self._skipped + rows
        while skipped < 0 and row > 0:
            row -= 1
            skipped += len(self._pieces(row))
        while row < self.count - 1 and skipped >= (pieces := len(self._pieces(row))):
            row, skipped = row + 1, skipped - pieces
        place = min((row, max(0, skipped)), self._end()) if rows > 0 else (row, max(0, skipped))
        with self._moving():
            self.scroll_to(y=place[0], animate=False, force=True)
        self._skipped, self._page = place[1], None
        self._decide(up=rows < 0)
        self.refresh()

    def follow_end(self, *, follows: bool) -> None:
        """Follow the end, or cease to."""
        self.follows, self.missed = follows, len(self.store)
        self._fit()
        self.post_message(self.Changed())

    def go_to(self, line: int) -> None:
        """Bring a line into view, and mark it."""
        self.current, self.follows, self.missed = line, False, len(self.store)
        row = self._row_of(line)
        self._fit()
        with self._moving():
            if row not in self.rows_shown or self.wraps:
                self.scroll_to(y=max(0, row - self._area.height // 3), animate=False, force=True)
                self._skipped = 0
        self._redraw()

    def look_for(self, text: str) -> None:
        """Look for a text, in all lines and in those that are still to come; "" looks for nothing."""
        self.hits = Hits(self.store, text) if text else None
        self.filters = self.filters and bool(text)
        self._seek = None
        self._redraw()
        self._later(SOON_SECONDS)

    def seek(self, *, forward: bool, here: bool = False) -> None:
        """Go to the next hit, or to the one before; at the end it goes on at the other.

        Args:
            forward: or backward.
            here: whether a hit on the first visible line, or the current one, counts.
        """
        rows = self.rows_shown
        start = self.current
        if start is None or self._row_of(start) not in rows:
            start = self.line_at(rows.start) - 1 if rows else -1
        elif here:
            start -= 1
        self._seek = (start, forward)
        self._sought()

    def _sought(self) -> None:
        if self._seek is None or self.hits is None:
            return
        start, forward = self._seek
        # Going round needs all; going on needs what comes next.
        ahead = self.hits.place(start) < len(self.hits.lines)
        if not (self.hits.is_done or (forward and ahead)):
            return
        found = self.hits.after(start) if forward else self.hits.before(start)
        self._seek = None
        if found is not None:
            self.go_to(found)

    def show_only_hits(self, *, only: bool) -> None:
        """Show the hits alone, or all lines; what was at the top stays in view."""
        line = self.line_at(self.rows_shown.start) if self.rows_shown else 0
        self.filters = only and self.hits is not None
        self._redraw()
        if not self.follows:
            with self._moving():
                self.scroll_to(y=self._row_of(self.current or line), animate=False, force=True)

    def fold(self, *, wraps: bool) -> None:
        """Fold long lines, or not."""
        self.wraps, self._skipped = wraps, 0
        self._redraw()

    def number(self, *, numbers: bool) -> None:
        """Number the lines, or not."""
        self.numbers = numbers
        self._redraw()

    def on_resize(self, event: events.Resize) -> None:
        """The end stays in view."""
        del event
        self._fit()

    def watch_show_horizontal_scrollbar(self) -> None:
        """The end stays in view above the bar that came."""
        self.call_after_refresh(self._fit)

    def notify_style_update(self) -> None:
        """Another theme has other colours."""
        super().notify_style_update()
        self._lines.clear()
        self._page = None

    # How it is drawn.

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
        base = self.rich_style
        if self.store.is_note(line):
            return painted(f"── {self.store.line(line)}", look("log-view--note"))
        text = painted(self.store.line(line), look("log-view--current") if line == self.current else base)
        if self.hits is not None:
            mark(text, self.hits, look("log-view--hit"))
        return text

    def _pieces(self, row: int) -> list[Text]:
        return folded_at(self._line(row), self._area.width - self._gutter)

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
                strips.append(Strip.blank(width, self.rich_style))
                continue
            text = self._selected(self._line(row), row)
            self._widen(cell_len(text.plain))
            strip = Strip(text.render(self.app.console)).crop_extend(
                left, left + width - gutter, self.rich_style
            )
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
                        width - gutter, self.rich_style
                    )
                    strips.append(self._numbered(strip.apply_offsets(at, row), row, first=number == 0))
                at += len(piece.plain)
            row, skip = row + 1, 0
        blank = Strip.blank(width, self.rich_style)
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
        style = self.get_component_rich_style("log-view--number")
        return Strip.join([Strip([Segment(f"{number:>{self._gutter - 1}} ", style)]), strip])

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
