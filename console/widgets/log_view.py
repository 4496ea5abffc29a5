"""A log that grows while it is read: it follows the end until somebody scrolls up, and is searched meanwhile."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from textual.message import Message

from console.domain.log_folding import Top, end_of, moved
from console.domain.log_search import Hits
from console.domain.log_store import LogStore
from console.widgets.log_page import LogPage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual import events
    from textual.timer import Timer

# What came since the last frame is drawn in one; between two slices of a search keys are read. While more comes, it is
# made searchable in a quarter of the time at most.
_FRAME_SECONDS: Final = 1 / 30
_SPARE_SECONDS: Final = 0.008
SLICE_SECONDS: Final = 0.03
SOON_SECONDS: Final = 0.001


class LogView(LogPage):
    """A log; `feed` may be called thousands of times a second.

    Attributes:
        follows: whether the end is kept in view.
        missed: the number of lines when it ceased to follow.
    """

    class Changed(Message):
        """What a line about the log says may be another."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.follows = True
        self.missed = 0
        self._seek: tuple[int, bool] | None = None
        self._moves = False
        self._timer: Timer | None = None
        self._spare: Timer | None = None
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
        self._search_on()
        if self._fitted != (self.store, self.count, self.store.size) or self._page is None:
            self._fit()
        self.post_message(self.Changed())
        if self._spare is None:
            self._prepare()

    def _prepare(self) -> None:
        self._spare = None
        until = time.monotonic() + _SPARE_SECONDS
        for _ in self.store.prepare():
            if time.monotonic() > until:
                is_idle = self._timer is None
                self._spare = self.set_timer(SOON_SECONDS if is_idle else _FRAME_SECONDS, self._prepare)
                return

    # Where it is.

    @property
    def new(self) -> int:
        """Lines that came since it ceased to follow."""
        return 0 if self.follows else len(self.store) - self.missed

    def _fit(self) -> None:
        """Take the size of what is there; the end stays in view where it is followed."""
        self._fitted = (self.store, self.count, self.store.size)
        with self._moving():
            super()._fit()
            if self.follows:
                self._put(self._end())

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

    def _put(self, top: Top) -> None:
        with self._moving():
            self.scroll_to(y=top.row, animate=False, force=True)
        self._skipped, self._page = top.skipped, None

    def _end(self) -> Top:
        height = self._area.height
        return end_of(self.count, height, self._folds) if self.wraps else Top(max(0, self.count - height))

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

    def on_resize(self, event: events.Resize) -> None:
        """The end stays in view."""
        del event
        self._fit()

    def watch_show_horizontal_scrollbar(self) -> None:
        """The end stays in view above the bar that came."""
        self.call_after_refresh(self._fit)

    # Where it goes.

    def step(self, rows: int) -> None:
        """Go down so many rows of the screen, or up; a folded line is gone through."""
        if not self.wraps:
            self.scroll_to(y=self.scroll_y + rows, animate=False, force=True)
            return
        top = self._moved(Top(round(self.scroll_y), self._skipped), rows)
        self._put(min(top, self._end()) if rows > 0 else top)
        self._decide(up=rows < 0)
        self.refresh()

    def _moved(self, top: Top, by: int) -> Top:
        return moved(top, by, self.count, self._folds)

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
        if row not in self.rows_shown or self.wraps:
            above = self._area.height // 3
            self._put(self._moved(Top(row), -above) if self.wraps else Top(max(0, row - above)))
        self._redraw()

    # What is looked for.

    def look_for(self, text: str) -> None:
        """Look for a text, in all lines and in those that are still to come; "" looks for nothing."""
        self.hits = Hits(self.store, text) if text else None
        self.filters = self.filters and bool(text)
        self._seek = None
        self._redraw()
        self._later(SOON_SECONDS)

    def _search_on(self) -> None:
        if self.hits is None or self.hits.is_done:
            return
        until = time.monotonic() + SLICE_SECONDS
        for _ in self.hits.search():
            if time.monotonic() > until:
                break
        self._sought()
        if not self.hits.is_done:
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

    # How it is shown.

    def show_only_hits(self, *, only: bool) -> None:
        """Show the hits alone, or all lines; what was at the top stays in view."""
        rows = self.rows_shown
        line = self.line_at(rows.start) if rows else 0
        self.filters = only and self.hits is not None
        self._redraw()
        if not self.follows:
            self._put(Top(self._row_of(line if self.current is None else self.current)))

    def fold(self, *, wraps: bool) -> None:
        """Fold long lines, or not."""
        self.wraps, self._skipped = wraps, 0
        self._redraw()

    def number(self, *, numbers: bool) -> None:
        """Number the lines, or not."""
        self.numbers = numbers
        self._redraw()
