"""What a log of 1,000,000 lines costs on the screen, and one that streams 100,000 lines a second.

Each kind of log is measured in a process of its own. `open` is from the first byte until the last line is drawn,
`search` until all lines were looked at, `jump` until the hit is drawn, `memory` what the process has more, as a
part of the text, and `gap` the longest time between two drawings of the lines while it streams.
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
HEAD = (
    "log",
    "MB",
    "open s",
    "search s",
    "jump s",
    "dense search s",
    "memory / text",
    "stream lines/s",
    "worst gap ms",
)
KINDS = {
    "plain": b"[setup 2026-03-01T12:00:00.000Z] Step %d/9 : RUN apt-get install -y --no-install-recommends lib-%d\n",
    "coloured": b"\x1b[32m[setup 12:00:00]\x1b[0m Step %d/9 : \x1b[1mRUN\x1b[0m apt-get install -y lib-%d\n",
}


def run(repeats):
    """The table."""
    rows = []
    for kind in KINDS:
        found = [_measured(kind) for _ in range(min(repeats, 3))]
        rows.append((kind, *(f"{median(one[key] for one in found):.2f}" for key in found[0])))
    show(
        "Log viewer, 1,000,000 lines: budgets are 3 s to open, 0.2 s to search, 1.5 of the text in memory, 100 ms "
        f"between two frames at 100,000 lines a second. Medians of {min(repeats, 3)}.\n\n{table(HEAD, rows)}"
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


def _is_drawn(app, words):
    return any(words in strip.text for strip in app.screen._compositor.render_strips(app.size))


async def _measure(kind):
    app = Stage()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        view = app.pane.view
        gc.collect()
        before, making = _rss(), 0.0
        started = time.monotonic()
        pieces = _pieces(kind, LINES)
        while True:
            made = time.monotonic()
            piece = next(pieces, None)
            making += time.monotonic() - made
            if piece is None:
                break
            view.feed(piece)
        view.finish()
        await _until(lambda: _is_drawn(app, f"lib-{LINES - 1}"))
        opened = time.monotonic() - started - making
        gc.collect()
        memory = _rss() - before
        wanted = f"lib-{LINES // 2}"
        view.follow_end(follows=False)
        view.scroll_to(y=0, animate=False, force=True)

        def look():
            view.look_for(wanted)
            view.seek(forward=True)

        search = await _timed(look, lambda: _hits(view).is_done)
        assert [*_hits(view).lines] == [LINES // 2]
        jump = search + await _timed(lambda: None, lambda: _is_drawn(app, wanted))
        dense = await _timed(lambda: view.look_for("install"), lambda: _hits(view).is_done)
        assert len(_hits(view).lines) == LINES
        size = view.store.size
        view.look_for("")
        view.clear()
        rate, gap = await _stream(view, kind)
    return {
        "size": size / 1e6,
        "open": opened,
        "search": search,
        "jump": jump,
        "dense": dense,
        "memory": memory / size,
        "rate": rate,
        "gap": gap * 1000,
    }


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
