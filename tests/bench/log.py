"""What a log of 1,000,000 lines costs on the screen, and one that streams 100,000 lines a second.

Each kind of log is measured in a process of its own, in turn. `open` is from the first byte until the last line is
drawn. At once afterwards `first hit` is until a hit in the first lines is drawn, and `first search` until all lines
were looked at; `search` is the same for another text (`cpu`: the processor's time for it), `all hit` for one in all
lines, `filter` until the hits alone are drawn, `error` until the first error, which is the last line, is drawn.
`memory` is what the process has more, as a part of the text, and `gap` the longest time between two drawings of the
lines while it streams: as it is, folded, and searched and filtered.
"""

import asyncio
import gc
import json
import os
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from statistics import median

from textual.app import App

from console.widgets.log_pane import LogPane
from console.widgets.log_view import LogView
from tests.bench.tables import show, table

LINES = 1_000_000
PIECE_LINES = 1_000
STREAM_SECONDS = 5
STREAM_RATE = 100_000
SIZE = (120, 40)
KINDS = {
    "plain": b"[setup 2026-03-01T12:00:00.000Z] Step %d/9 : RUN apt-get install -y --no-install-recommends lib-%d\n",
    "coloured": b"\x1b[32m[setup 12:00:00]\x1b[0m Step %d/9 : \x1b[1mRUN\x1b[0m apt-get install -y lib-%d\n",
}
ERROR = b"error: the last line\n"


def run(repeats):
    """The table."""
    found: dict[str, list[dict[str, float]]] = {kind: [] for kind in KINDS}
    for _ in range(repeats):
        for kind, measured in found.items():
            measured.append(_measured(kind))
    rows = [
        (kind, *(f"{median(one[key] for one in measured):.2f}" for key in measured[0]))
        for kind, measured in found.items()
    ]
    head = ("log", *next(iter(found.values()))[0])
    show(
        "Log viewer, 1,000,000 lines: budgets are 3 s to open, 0.2 s to search, 1.5 of the text in memory, 100 ms "
        f"between two frames at 100,000 lines a second. Medians of {repeats}.\n\n{table(head, rows)}"
    )


def _measured(kind):
    command = [sys.executable, "-m", "tests.bench.log", kind]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


class Watched(LogView):
    """Keeps when it was drawn."""

    drawings: list[float]

    def _plain_page(self):
        self.drawings.append(time.monotonic())
        return super()._plain_page()

    def _folded_page(self):
        self.drawings.append(time.monotonic())
        return super()._folded_page()


def _hits(view):
    assert view.hits
    return view.hits


class Stage(App[None]):
    """A log alone."""

    def compose(self):
        """The pane."""
        self.pane = LogPane()
        self.pane.view = Watched()
        self.pane.view.drawings = []
        yield self.pane


def _pieces(kind, lines):
    line = KINDS[kind]
    for first in range(0, lines, PIECE_LINES):
        yield b"".join(line % (at % 9, at) for at in range(first, first + PIECE_LINES))


def _rss():
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def _until(condition):
    while not condition():  # noqa: ASYNC110 - what is waited for tells nobody
        await asyncio.sleep(0.001)


async def _timed(action, condition):
    started = time.monotonic()
    action()
    await _until(condition)
    return time.monotonic() - started


def _is_drawn(app, *words):
    drawn = "\n".join(strip.text for strip in app.screen._compositor.render_strips(app.size))
    return all(word in drawn for word in words)


async def _measure(kind):
    app = Stage()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        pane, view = app.pane, app.pane.view
        gc.collect()
        before = _rss()
        found = {"open s": await _open(app, kind)}
        gc.collect()
        found["memory / text"] = (_rss() - before) / view.store.size
        found |= await _search(app)
        view.look_for("")
        found["error s"] = await _timed(pane.action_first_error, lambda: _is_drawn(app, "error: the last"))
        found["MB"] = view.store.size / 1e6
        for name, wraps, only in (
            ("gap ms", False, ""),
            ("folded gap ms", True, ""),
            ("filtered gap ms", False, "9"),
        ):
            view.clear()
            view.fold(wraps=wraps)
            view.look_for(only)
            view.show_only_hits(only=bool(only))
            found["lines/s"], gap = await _stream(view, kind)
            found[name] = gap * 1000
    return found


async def _open(app, kind):
    """How long it took, without the making of the lines."""
    view, making, started = app.pane.view, 0.0, time.monotonic()
    pieces = _pieces(kind, LINES)
    while True:
        made = time.monotonic()
        piece = next(pieces, None)
        making += time.monotonic() - made
        if piece is None:
            break
        view.feed(piece)
    view.feed(ERROR)
    view.finish()
    await _until(lambda: _is_drawn(app, "the last line"))
    return time.monotonic() - started - making


async def _search(app):
    view, found = app.pane.view, {}

    def look(text):
        view.follow_end(follows=False)
        view.current = None
        view.scroll_to(y=0, animate=False, force=True)
        view.look_for(text)
        view.seek(forward=True)

    started = time.monotonic()
    found["first hit s"] = await _timed(lambda: look("lib-1000"), lambda: _is_drawn(app, "lib-1000 "))
    await _until(lambda: _hits(view).is_done)
    found["first search s"] = time.monotonic() - started
    wanted, cpu = f"lib-{LINES // 2}", time.process_time()
    found["search s"] = await _timed(lambda: look(wanted), lambda: _hits(view).is_done)
    found["search cpu s"] = time.process_time() - cpu
    assert [*_hits(view).lines] == [LINES // 2]
    await _until(lambda: _is_drawn(app, wanted))

    def only():
        look("lib-99")
        view.show_only_hits(only=True)

    found["filter s"] = await _timed(only, lambda: _is_drawn(app, "lib-99 ", "lib-990 "))
    view.show_only_hits(only=False)
    found["all hit s"] = await _timed(lambda: look("install"), lambda: _hits(view).is_done)
    assert len(_hits(view).lines) == LINES
    return found


async def _stream(view, kind):
    """Lines a second that were taken, and the longest time between two drawings."""
    pieces = [*_pieces(kind, STREAM_RATE)]
    view.drawings.clear()
    started = time.monotonic()
    fed = 0
    while (passed := time.monotonic() - started) < STREAM_SECONDS:
        while fed < passed * STREAM_RATE:
            view.feed(pieces[fed // PIECE_LINES % len(pieces)])
            fed += PIECE_LINES
        await asyncio.sleep(0.005)
    drawn = [started, *view.drawings]
    return fed / (time.monotonic() - started), max(b - a for a, b in pairwise(drawn))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(_measure(sys.argv[1]))))
