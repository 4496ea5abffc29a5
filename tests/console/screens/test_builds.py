"""Builds: listed, told step by step, their logs, what they left behind, and what is done with them."""

import datetime as dt
import hashlib
import json

import pytest
from textual.widgets import Input

from console.screens.artifacts import Artifacts
from console.screens.builds import Builds
from console.screens.log import TaskLog
from console.screens.task import TaskDetails
from console.screens.task_group import TaskGroup
from console.widgets.confirm import Confirm
from tests.support.builds import builds_with_worker
from tests.support.builds_console import console, on
from tests.support.screens import drawn, shows

pytestmark = pytest.mark.enable_socket

WIDE = (160, 40)
NAMESPACE = "project.lading.image"
REPORT = {
    "steps": [
        {"name": "Read the context", "started": 1.0, "seconds": 0.5, "outcome": "ok", "facts": {}},
        {
            "name": "Push layers",
            "started": 2.0,
            "seconds": 65.0,
            "outcome": "ok",
            "facts": {"bytesPushed": 1_500_000, "layersReused": 3},
        },
    ]
}
STATEMENT = {"predicate": {"lading": {"published": f"sha256:{'c' * 64}", "tags": {"v1": "pushed"}}}}
HOSTILE = "\\033]0;owned\\007\\033[31mred\\033[0m [bold]x[/bold] [/]"


@pytest.fixture(scope="module")
def builds(tmp_path_factory):
    with builds_with_worker(tmp_path_factory.mktemp("worker")) as found:
        yield found


@pytest.fixture(scope="module")
def published(builds):
    """A task that left a report, a statement and a log behind, and is in the index."""
    expires = (dt.datetime.now(dt.UTC) + dt.timedelta(days=1)).isoformat().replace("+00:00", "Z")
    files = {"docker-build-report.json": REPORT, "docker-image.json": STATEMENT}
    lines = [f"printf '%s' '{json.dumps(content)}' > {name}" for name, content in files.items()]
    task_id = builds.create(
        "\n".join(
            [*lines, f"printf '{HOSTILE}\\n'", "seq 1 300", "echo 'fatal: no space left'", "seq 1 300"]
        ),
        payload={
            "artifacts": [
                {"name": f"public/{name}", "path": name, "type": "file", "expires": expires} for name in files
            ]
        },
        routes=[f"index.{NAMESPACE}.latest"],
    )
    assert builds.resolved(task_id)["state"] == "completed"
    return task_id


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    (tmp_path / "lading.toml").write_text(
        f'[image.lading]\nrepository = "mozilla/lading"\nsecret = "s"\nindex = "{NAMESPACE}"\n'
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


async def test_from_the_list_to_the_task_its_log_its_artifacts_and_a_file_that_is_hashed(
    builds, published, checkout
):
    app = console(builds, checkout)
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await on(pilot, Builds, "✓ success", "v1", "cccccccccccc", "octocat@example.com", "aaaaaaaa")
        await pilot.press("enter")
        await on(pilot, TaskDetails, "✓ completed  a build", "1 m 05 s", "Push layers", "1.5 MB pushed")
        assert "3 layers reused" in drawn(app)
        await pilot.press("l")
        await on(pilot, TaskLog, "ended: completed", "follows")
        await pilot.press("F")
        await shows(pilot, "fatal: no space left")
        await pilot.press("g", "slash")
        pilot.app.screen.query_one("LogPane Input", Input).value = "red [bold]"
        await shows(pilot, "red [bold]x[/bold] [/]", "1 have")
        assert "owned" not in drawn(app)
        await pilot.press("escape", "s")
        await shows(pilot, "came")  # the path before it is broken over lines as its length has it
        saved = (checkout / f"{published}.log").read_bytes()
        assert saved.count(b"\n") > 600
        assert b"\x1b]0;owned\x07" in saved
        await pilot.press("escape", "a")
        artifacts = await on(pilot, Artifacts, "public/docker-image.json", "application/json")
        artifacts.table.select("public/docker-image.json")
        await pilot.press("d")
        content = json.dumps(STATEMENT).encode()
        await shows(pilot, f"sha256 {hashlib.sha256(content).hexdigest()}")
        assert (checkout / "docker-image.json").read_bytes() == content
        app.clear_notifications()  # the toast of the log lies over the end of a long path
        await pilot.press("d")
        await shows(pilot, "Give --output FILE.")  # the path before it is as long as it is, and under a toast
        assert sorted(found.name for found in checkout.glob("*.part")) == []


async def test_a_running_task_is_followed_cancelled_and_created_once_more(builds, checkout):
    task_id = builds.create(f"echo begun; {builds.wait_for('never')}")
    builds.when(task_id, "running")
    app = console(builds, checkout, "log")
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await pilot.pause()
        await shows(pilot, "a task's id, or a link to it")
        field = app.screen.query_one("#task", Input)
        field.value = "nonsense"
        await pilot.press("enter")
        await shows(pilot, "is no id of a task")
        field.value = f"{builds.root_url}/tasks/{task_id}"
        await pilot.press("enter")
        await shows(pilot, "begun", "run 0")
        app.push_screen(TaskDetails(app.shell, task_id))
        await shows(pilot, "▸ running", "Wait for a worker")
        await pilot.press("K")
        await on(pilot, Confirm, f"Cancel task {task_id}?", "what it has pushed stays")
        await pilot.press("right", "enter")
        await shows(pilot, "✗ exception (canceled)")
        await pilot.press("T")
        await shows(pilot, "Retrigger a build", "in a group of its own")
        await pilot.press("c")
        await on(pilot, Confirm, "Retrigger a build")
        await pilot.press("right", "enter")
        details = await on(pilot, TaskDetails, "first of its group")
        assert details.task_id != task_id
        builds.call("POST", "queue", "task", details.task_id, "cancel")


async def test_a_group_is_watched_to_its_end_and_a_read_only_console_changes_nothing(builds, checkout):
    group = builds.create("exit 1")
    builds.create("true", group=group)
    app = console(builds, checkout, read_only=True)
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await pilot.pause()
        app.push_screen(TaskGroup(app.shell, group))
        await shows(pilot, "✗ failed", "✓ completed", "✗ All have ended. 2 tasks: 1 failed, 1 completed")
        await pilot.press("K")
        await shows(pilot, "The console is read-only")
        await pilot.press("enter")
        await on(pilot, TaskDetails, "task ", "Definition")
        await pilot.press("P", "U")
        assert isinstance(app.screen, TaskDetails)


async def test_an_unknown_task_is_said_not_to_be_there(builds, checkout):
    app = console(builds, checkout)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.pause()
        app.push_screen(TaskDetails(app.shell, "fN1SbArXTPSVFNUvaOlinQ"))
        await shows(pilot, "does not correspond to a task that exists")
