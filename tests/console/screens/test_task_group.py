"""A task group on its screen: all of its tasks, with no more of them in memory than a row each."""

import gc

import pytest

from console.actions.build_watch import WatchPace
from console.domain.tasks import Task
from console.domain.tasks import task_of as read_task
from console.sandbox.store import collation
from console.sandbox.taskcluster import Sandbox
from console.screens.task_group import TaskGroup, counted
from console.screens.verify import Verify
from console.widgets.confirm import Confirm
from runner.masking import Masked
from tests.support.builds_console import console, on
from tests.support.many_tasks import add_group, as_root
from tests.support.screens import drawn, shows, until

pytestmark = pytest.mark.enable_socket
WIDE = (120, 30)
PAGE = 20


@pytest.fixture
async def sandbox():
    async with await Sandbox.start(root_access_token=Masked("r" * 44)) as started:
        yield started


@pytest.fixture
def opened(sandbox, tmp_path):
    root = as_root(sandbox.root_url, sandbox.root_client_id, sandbox.root_access_token)
    return lambda **more: console(root, tmp_path, **more)


def held():
    """How many tasks there are in memory, and how many definitions of them."""
    gc.collect()
    known = gc.get_objects()
    # By the type itself: what stands for something that is gone cannot be asked.
    tasks = sum(type(one) is Task for one in known)
    return tasks, sum(type(one) is dict and "payload" in one for one in known)


async def test_every_task_is_listed_once_and_no_page_is_kept(sandbox, opened, monkeypatch):
    group_id, ids = add_group(sandbox, ["completed"] * 280 + ["failed"] * 15 + ["running"] * 5)
    alive: list[int] = []
    asked: list[str] = []

    def task_of(*found):
        asked.append(found[0]["taskId"])
        if len(asked) % PAGE == 0:
            alive.extend(now - before for now, before in zip(held(), others, strict=True))
        return read_task(*found)

    others = held()  # other tests' in this process
    monkeypatch.setattr("console.services.tasks._PAGE", PAGE)
    monkeypatch.setattr("console.services.tasks.task_of", task_of)
    monkeypatch.setattr(WatchPace, "wait", lambda *_: 3600)
    app = opened()
    async with app.run_test(size=WIDE) as pilot:
        await pilot.pause()
        screen = TaskGroup(app.shell, group_id)
        await app.push_screen(screen)
        await shows(pilot, "So far 300 tasks: 15 failed, 5 running, 280 completed", "✓ completed", "3 m 00 s")
        assert sorted(asked) == sorted(ids)
        assert len(alive) == 2 * len(ids) // PAGE
        # The page that is being read, the one before it, and the sandbox's own.
        assert max(alive) <= 3 * PAGE
        assert screen.table.count == len(ids)
        await pilot.press("slash", *"running")
        await shows(pilot, "5 of 300", "since ")
        await pilot.press("escape", "G")
        assert screen.table.selected == max(ids, key=collation)


async def test_what_is_watched_is_left_by_escape_and_watched_again_by_a_key(sandbox, opened):
    group_id, (first, _) = add_group(sandbox, ["running", "completed"])
    app = opened()
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await pilot.pause()
        screen = TaskGroup(app.shell, group_id)
        await app.push_screen(screen)
        await shows(pilot, "So far 2 tasks: 1 running, 1 completed", "Watching the group")
        await pilot.press("escape")
        await shows(pilot, "Cancelled.")
        await until(pilot, lambda: not list(app.workers))
        assert "Watching the group" not in drawn(app)
        call = app.shell.session.connection.taskcluster.call
        await call("queue", "cancelTask", first)
        await pilot.press("r")
        await shows(pilot, "✗ All have ended. 2 tasks: 1 exception, 1 completed", "exception (canceled)")
        assert screen.table.count == 2


async def test_a_task_s_image_is_verified_by_a_key(sandbox, opened):
    group_id, (task_id,) = add_group(sandbox, ["completed"])
    app = opened()
    async with app.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await app.push_screen(TaskGroup(app.shell, group_id))
        await shows(pilot, "All have ended. 1 task: 1 completed")
        await pilot.press("v")
        await on(pilot, Verify, f"--task {task_id}")


async def test_all_of_a_group_is_cancelled_after_a_question_and_it_is_sealed(sandbox, opened):
    group_id, _ = add_group(sandbox, ["running"] * 3 + ["completed"])
    app = opened()
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await pilot.pause()
        await app.push_screen(TaskGroup(app.shell, group_id))
        await shows(pilot, "So far 4 tasks: 3 running, 1 completed")
        await pilot.press("K")
        await on(pilot, Confirm, f"Cancel group {group_id}?", "sealed for good")
        await pilot.press("enter")
        await on(pilot, TaskGroup, "3 running")
        assert "sealed" not in await group(app, group_id)
        await pilot.press("K")
        await on(pilot, Confirm, "Cancel group")
        await pilot.press("right", "enter")
        await shows(pilot, "3 of 4 tasks were ended", "All have ended. 4 tasks: 3 exception, 1 completed")
        assert "sealed" in await group(app, group_id)


async def group(app, group_id):
    return await app.shell.session.connection.taskcluster.call("queue", "getTaskGroup", group_id)


def test_a_large_group_is_looked_at_the_more_seldom_the_larger_it_is():
    pace = WatchPace()
    assert [pace.wait(1, size, 0.0) for size in (1, 1_000, 50_000)] == [1.0, 1.0, 50.0]
    assert pace.wait(10, 1_000, 0.0) == 10.0
    assert pace.wait(10, 50_000, 0.0) == 300.0


def test_tasks_are_counted_with_those_first_that_want_a_look():
    assert counted({"completed": 1}) == "1 task: 1 completed"
    assert counted({"completed": 49_000, "running": 999, "failed": 1, "pending": 0}) == (
        "50,000 tasks: 1 failed, 999 running, 49,000 completed"
    )
