"""What is done with a task from its screens: its priority, another run, its end, and a download that is given up."""

import contextlib
import hashlib
import json

import pytest

from console.screens.artifacts import Artifacts
from console.screens.log import TaskLog
from console.screens.priority import Priority
from console.screens.task import TaskDetails
from console.widgets.confirm import Confirm
from tests.support.builds import builds_with_worker
from tests.support.builds_console import console, on
from tests.support.hanging_storage import artifact_elsewhere, storage_that_hangs
from tests.support.screens import drawn, shows, until

pytestmark = pytest.mark.enable_socket

WIDE = (160, 40)
NOBODY = "proj-balrog/nobody"


@pytest.fixture(scope="module")
def builds(tmp_path_factory):
    with builds_with_worker(tmp_path_factory.mktemp("worker")) as found:
        yield found


@contextlib.asynccontextmanager
async def shown(builds, folder, kind, task_id, size=WIDE):
    """The console with one of the screens about a task."""
    app = console(builds, folder)
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.pause()
        app.push_screen(kind(app.shell, task_id))
        yield pilot


async def test_a_task_that_waits_is_given_another_priority_once_that_is_confirmed(builds, tmp_path):
    task_id = builds.create("true", queue=NOBODY)
    async with shown(builds, tmp_path, TaskDetails, task_id) as pilot:
        await shows(pilot, "priority lowest", "· pending")
        await pilot.press("P")
        await on(pilot, Priority, "lowest, as it is", "very-high")
        await pilot.press("escape")
        await on(pilot, TaskDetails, "priority lowest")
        await pilot.press("P", "home", "down", "enter")
        await on(pilot, Confirm, "Give priority very-high to", "before all tasks of this pool")
        await pilot.press("enter")
        await on(pilot, TaskDetails, "priority lowest")
        assert builds.status(task_id)["priority"] == "lowest"
        await pilot.press("P", "home", "down", "enter")
        await on(pilot, Confirm, "Give priority very-high to")
        await pilot.press("right", "enter")
        await on(pilot, TaskDetails, "priority very-high")
        assert builds.status(task_id)["priority"] == "very-high"
        await pilot.press("P", "enter")
        await on(pilot, TaskDetails, "It has the priority very-high already.")
    builds.call("POST", "queue", "task", task_id, "cancel")


async def test_a_task_that_has_ended_runs_once_more_and_is_followed(builds, tmp_path):
    task_id = builds.create(f"{builds.wait_for('rerun')}; exit 1")
    builds.when(task_id, "running")
    async with shown(builds, tmp_path, TaskDetails, task_id) as pilot:
        await shows(pilot, "▸ running")
        await pilot.press("U")
        await on(pilot, Confirm, "Rerun task", "may push once more")
        await pilot.press("right", "enter")
        await on(pilot, TaskDetails, "there is nothing to run again")
        builds.release("rerun")
        await shows(pilot, "✗ failed")
        await pilot.press("U")
        await on(pilot, Confirm, "Rerun task")
        await pilot.press("right", "enter")
        await shows(pilot, "1  ✗ failed  a rerun")
    assert [run["reasonCreated"] for run in builds.status(task_id)["runs"]] == ["scheduled", "rerun"]


async def test_the_log_goes_on_with_the_run_that_follows_a_retry(builds, tmp_path):
    script = (
        f'echo "attempt $RUN_ID"; if [ $RUN_ID = 0 ]; then {builds.wait_for("retry")}; exit 5; fi; '
        f"{builds.wait_for('last')}; echo at last"
    )
    task_id = builds.create(script, retries=1, payload={"onExitStatus": {"retry": [5]}})
    builds.when(task_id, "running")
    async with shown(builds, tmp_path, TaskLog, task_id) as pilot:
        await shows(pilot, "attempt 0", "run 0 ·")
        builds.release("retry")
        await shows(pilot, "── run 1 follows (task-retry): its log begins anew", "attempt 1", "run 1 ·")
        assert "attempt 0" in drawn(pilot.app)
        builds.release("last")
        await shows(pilot, "at last", "ended: completed")


async def test_a_download_that_is_given_up_leaves_nothing(builds, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with storage_that_hangs(4 << 20) as url:
        task_id = artifact_elsewhere(builds, url)
        async with shown(builds, tmp_path, Artifacts, task_id) as pilot:
            await shows(pilot, "public/big.bin", "text/x-\\x1b[2Jplain")
            await pilot.press("d")
            await shows(pilot, "of 4.2 MB, escape ends it")
            assert [*tmp_path.iterdir()] == [tmp_path / "big.bin.part"]
            await pilot.press("escape")
            await shows(pilot, "Cancelled.")
            await until(pilot, lambda: not [*tmp_path.iterdir()])
            assert "escape ends it" not in drawn(pilot.app)
            # It is not begun again by itself, and can be by its key.
            await pilot.press("d")
            await shows(pilot, "of 4.2 MB, escape ends it")
            await pilot.press("escape")
            await until(pilot, lambda: not [*tmp_path.iterdir()])


async def test_a_running_task_is_ended_with_what_it_does(builds, tmp_path):
    task_id = builds.create(
        f"touch {builds.folder}/begun; {builds.wait_for('never')}; touch {builds.folder}/ended"
    )
    builds.when(task_id, "running")
    async with shown(builds, tmp_path, TaskDetails, task_id) as pilot:
        await shows(pilot, "▸ running", "Wait for a worker")
        await pilot.press("K")
        await on(pilot, Confirm, f"Cancel task {task_id}?", "what it has pushed stays", "End it")
        await pilot.press("escape")
        await on(pilot, TaskDetails, "▸ running")
        await pilot.press("K")
        await on(pilot, Confirm, f"Cancel task {task_id}?")
        await pilot.press("right", "enter")
        await on(pilot, TaskDetails, "✗ exception (canceled)", "✗ exception (canceled)  a build")
        await pilot.press("l")
        await on(pilot, TaskLog, "Task was resolved by somebody else", "ended: exception (canceled)")


async def test_a_definition_is_saved_into_a_file_that_was_not_there(builds, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    task_id = builds.create("true", queue=NOBODY, extra={"half": "\ud800", "whole": "漢"})
    (tmp_path / f"{task_id}.json").write_text("mine")
    async with shown(builds, tmp_path, TaskDetails, task_id) as pilot:
        await shows(pilot, "Definition (s saves it)")
        await pilot.press("s")
        await shows(pilot, "has the definition.")
    saved = json.loads((tmp_path / f"{task_id}-2.json").read_text())
    assert (saved["payload"]["command"], saved["extra"]["whole"]) == ([["bash", "-c", "true"]], "漢")
    assert (tmp_path / f"{task_id}.json").read_text() == "mine"


async def test_what_has_no_place_in_a_narrow_table_is_told_of_the_row_under_the_cursor(
    builds, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    declared = {"type": "directory", "name": "public", "path": "public"}
    script = "mkdir public; printf content > public/an-artifact-of-a-name-that-no-narrow-table-has-room-for"
    task_id = builds.create(script, payload={"artifacts": [declared]})
    assert builds.resolved(task_id)["state"] == "completed"
    async with shown(builds, tmp_path, Artifacts, task_id, size=(80, 24)) as pilot:
        await shows(pilot, "public/an-artifact-of-a-name-that-no-narrow-table-has-room-for\n")
        assert " UTC" in drawn(pilot.app)
        await pilot.press("d")
        sha256 = hashlib.sha256(b"content").hexdigest()
        await shows(pilot, f"sha256 {sha256}", "nothing to compare with")
        await pilot.press("j")
        await shows(pilot, "public/logs/live.log\n", "d downloads, hashes")
        assert sha256 not in drawn(pilot.app)
        await pilot.press("k")
        await shows(pilot, f"sha256 {sha256}")
