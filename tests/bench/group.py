"""What a task group of 50,000 costs on its screen, in a process of its own, and one of 5,000 beside it.

`first` is from the screen until its first rows are there, `listed` until all are. `gap` is the longest time that the
loop worked at something else than keys from then on (of the processor, for others may have it meanwhile), `kept` what
the process has more for a task, and `answers` the bytes that were read of each. `filter` is from a typed word until its
row is drawn, `last` from the key until the last row is. `wait` is how long the group is left alone afterwards.
"""

import asyncio
import gc
import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

from textual.widgets import Input

from console.actions.build_watch import WatchPace
from console.sandbox.taskcluster import Sandbox
from console.screens.task_group import TaskGroup
from runner.masking import Masked
from tests.bench.tables import show, table
from tests.support.builds_console import console
from tests.support.many_tasks import add_group, as_root
from tests.support.screens import drawn

SIZES = (5_000, 50_000)
SIZE = (120, 40)
LIMIT_SECONDS = 600
HEAD = (
    *("tasks", "listed s", "first ms", "gap ms", "kept B/task", "answers B/task", "ratio"),
    *("filter ms", "gap ms", "last ms", "wait s"),
)


def run(repeats):
    """The table; each size once, for it takes a minute."""
    del repeats
    rows = [asyncio.run(_measured(size)) for size in SIZES]
    show(f"A task group on its screen.\n\n{table(HEAD, rows)}")


async def _measured(size):
    token = Masked("r" * 44)
    async with await Sandbox.start(root_access_token=token) as sandbox:
        states = random.Random(5).choices(("completed", "failed", "running"), (97, 2, 1), k=size)
        group_id, _ids = add_group(sandbox, states)
        words = (sandbox.root_url, sandbox.root_client_id, token.reveal(), group_id, str(size))
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bench.group", *words, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await child.communicate()
    found = json.loads(out)
    return (f"{size:,}", *(f"{value:,.2f}" if value < 10 else f"{value:,.0f}" for value in found))


def _rss():
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Gap:
    """The longest time of the processor between two turns of the loop."""

    def __init__(self):
        self.longest = 0.0
        self._task = asyncio.create_task(self._run())

    async def _run(self):
        before = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            self.longest, before = max(self.longest, now - before), now

    def take(self):
        """It in milliseconds; it begins anew."""
        longest, self.longest = self.longest * 1000, 0.0
        return longest


async def _until(app, condition):
    started = time.monotonic()
    while not condition():
        if time.monotonic() - started > LIMIT_SECONDS:
            raise TimeoutError(drawn(app))
        await asyncio.sleep(0.002)
    return time.monotonic() - started


async def _measure(root_url, client_id, token, group_id, size):
    read, waits = [0], []
    plain = WatchPace.wait

    def wait(*arguments):
        waits.append(plain(*arguments))
        return waits[-1]

    with mock.patch.object(WatchPace, "wait", wait), tempfile.TemporaryDirectory() as folder:
        app = console(as_root(root_url, client_id, Masked(token)), Path(folder))
        async with app.run_test(size=SIZE) as pilot:
            await pilot.pause()
            await app.workers.wait_for_complete()
            _count_bytes(app.shell.session.connection.taskcluster.session, read)
            gc.collect()
            before, gap = _rss(), Gap()
            screen = TaskGroup(app.shell, group_id)
            started = time.monotonic()
            app.push_screen(screen)
            await _until(app, lambda: screen.is_mounted and screen.table.count)
            first = time.monotonic() - started
            gap.take()
            await _until(app, lambda: waits and screen.table.count == size)
            listed, worst = time.monotonic() - started, gap.take()
            gc.collect()
            kept = (_rss() - before) / size
            screen.table.action_filter()
            field = screen.table.query_one(Input)
            await pilot.pause()
            gap.take()
            field.value = f"linux-{size - 1}"
            filtered = await _until(app, lambda: f"1 of {size:,}" in drawn(app))
            away = gap.take()
            screen.table.action_clear_filter()
            await _until(app, lambda: not screen.table.filtered)
            screen.table.action_move("to", -1)
            name = screen.table._rows[screen.table.selected or ""][1]
            last = await _until(app, lambda: name in drawn(app))
    answers = read[0] / size
    return (
        listed,
        first * 1000,
        worst,
        kept,
        answers,
        kept / answers,
        filtered * 1000,
        away,
        last * 1000,
        waits[0],
    )


def _count_bytes(session, read):
    plain = session._request

    async def counted(*arguments, **more):
        answer = await plain(*arguments, **more)
        read[0] += len(await answer.read())
        return answer

    session._request = counted


if __name__ == "__main__":
    root_url, client_id, token, group_id, size = sys.argv[1:]
    sys.stdout.write(json.dumps(asyncio.run(_measure(root_url, client_id, token, group_id, int(size)))))
