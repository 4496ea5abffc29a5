"""A build is seen before it is created: a release with its tag typed, a branch, a hook with its payload."""

from types import SimpleNamespace

import pytest
from textual.widgets import Button, Input, TextArea

from console.sandbox.signed_http import Credentials, TaskclusterFailure
from console.screens.hook_payload import HookPayload
from console.screens.proof import ProofScreen
from console.screens.trigger import Trigger
from console.widgets.confirm import Confirm
from runner.masking import Masked
from tests.support.builds_console import console, on
from tests.support.hooks import HOOK, ROLE
from tests.support.hosted_sandbox import hosted_sandbox
from tests.support.screens import shows, until
from tests.support.task import checkout, git
from tests.support.task_files import FILES

pytestmark = pytest.mark.enable_socket

SIZE = (160, 50)


@pytest.fixture(scope="module")
def sandbox():
    with hosted_sandbox() as hosted:
        yield hosted


@pytest.fixture
def folder(tmp_path):
    folder = checkout(tmp_path / "balrog", FILES)
    git(folder, "tag", "v3.120")
    return folder


def opened(sandbox, folder, *scopes):
    """A console on the Builds screen, as root or as a client that has just these scopes."""
    who = sandbox.root
    if scopes:
        made = sandbox.client(*scopes)
        who = Credentials(made["TASKCLUSTER_CLIENT_ID"], Masked(made["TASKCLUSTER_ACCESS_TOKEN"]))
    app = console(SimpleNamespace(hosted=SimpleNamespace(root=who), root_url=sandbox.root_url), folder)
    # Toasts stay for as long as the test looks for them.
    app.NOTIFICATION_TIMEOUT = 600
    return app


async def planned(pilot, typed, *words):
    """Plan what is typed, and wait for what is told of it."""
    await shows(pilot, "t Trigger")
    await pilot.press("t")
    await shows(pilot, "BRANCH, tag TAG, release TAG")
    pilot.app.screen.query_one("#what", Input).value = typed
    await pilot.pause()
    await pilot.press("enter")
    return await on(pilot, Trigger, *words)


def pending(sandbox):
    found = sandbox.call("GET", "queue", "task-queues", "proj-balrog/ci", "pending")["tasks"]
    return {each["taskId"] for each in found}


async def test_a_release_is_created_only_once_its_tag_is_typed(sandbox, folder):
    app = opened(sandbox, folder)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        screen = await planned(
            pilot,
            "release v3.120",
            "Build release v3.120 of mozilla/balrog",
            "! it pushes docker.io/mozilla/balrog:v3.120",
        )
        assert screen.command() == "lading build trigger --release v3.120"
        await pilot.press("c")
        await on(pilot, Confirm, "Type v3.120 to go on.", "docker.io/mozilla/balrog:v3.120")
        typed, go = app.screen.query_one("#typed", Input), app.screen.query_one("#go", Button)
        for text, is_it in (("", False), ("yes", False), ("v3.12", False), ("v3.120", True)):
            typed.value = text
            await until(pilot, lambda is_it=is_it: go.disabled is not is_it)
        before = pending(sandbox)
        await pilot.press("enter")
        await shows(pilot, "Created ")
        (created,) = pending(sandbox) - before
        task = sandbox.call("GET", "queue", "task", created)
        assert task["payload"]["env"]["LADING_TAG"] == "v3.120"


async def test_what_is_lacking_for_a_branch_is_named_and_nothing_can_be_created(sandbox, folder):
    app = opened(sandbox, folder, "auth:current-scopes")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        before = pending(sandbox)
        await planned(
            pilot,
            "master",
            "Build master of mozilla/balrog",
            "✗ you lack secrets:get:s",
            "✗ you lack queue:create-task:lowest:proj-balrog/ci",
            "docker.io/mozilla/balrog:latest",
        )
        await pilot.press("c")
        await shows(pilot, "This cannot be done")
        assert isinstance(app.screen, Trigger)
        assert pending(sandbox) == before
        await pilot.press("e")
        app.screen.query_one("#what", Input).value = "release"
        await pilot.press("enter")
        await shows(pilot, "This folder is no checkout with refs/heads/release")
        await pilot.press("e")
        app.screen.query_one("#what", Input).value = "pull x"
        await pilot.press("enter")
        await shows(pilot, "names nothing that can be built", "pull NUMBER")


async def test_a_hook_is_given_a_payload_that_its_schema_takes(sandbox, folder):
    sandbox.call("PUT", "hooks", "hooks", "g", "h", payload=HOOK)
    sandbox.set_role("hook-id:g/h", *ROLE)
    app = opened(sandbox, folder)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        screen = await planned(
            pilot, "hook g/h", "✗ payload: 'word' is a required property", '"times": 3', "p Payload"
        )
        await pilot.press("c")
        await shows(pilot, "This cannot be done")
        await pilot.press("p")
        editor = await on(pilot, HookPayload, "Payload of the hook g/h", "word: string · required")
        editor.query_one(TextArea).text = "word: ["
        await pilot.press("ctrl+enter")
        await shows(pilot, "is no YAML")
        editor.query_one(TextArea).text = "word: [hostile]\ndeep: {times: 5}\n"
        await pilot.press("ctrl+enter")
        await on(pilot, Trigger, "✗ payload.word: ['hostile'] is not of type 'string'")
        await pilot.press("p")
        await on(pilot, HookPayload, '"hostile"', '"times": 5')
        app.screen.query_one(TextArea).text = "word: hello\n"
        await pilot.press("ctrl+enter")
        await on(pilot, Trigger, "Task of hello on proj-balrog/ci")
        assert screen.command() == (
            """printf %s '{"word": "hello"}' | lading build trigger --hook g/h --payload - --yes"""
        )
        with pytest.raises(TaskclusterFailure, match="never fired"):
            sandbox.call("GET", "hooks", "hooks", "g", "h", "last-fires")
        await pilot.press("c")
        await on(pilot, Confirm, "Trigger the hook g/h?")
        await pilot.press("right", "enter")
        await shows(pilot, "Created ")
        (fire,) = sandbox.call("GET", "hooks", "hooks", "g", "h", "last-fires")["lastFires"]
        created = sandbox.call("GET", "queue", "task", fire["taskId"])
        assert created["payload"]["command"] == [["echo", "hello", "3"]]


async def test_a_proof_that_cannot_be_made_says_why_and_creates_nothing(sandbox, folder):
    app = opened(sandbox, folder)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await shows(pilot, "t Trigger")
        before = pending(sandbox)
        await pilot.press("1")
        await shows(pilot, "p Prove")
        await pilot.press("p")
        await on(pilot, ProofScreen, "? Not proved", "No worker of proj-balrog/ci has asked for tasks")
        await pilot.press("c")
        await shows(pilot, "There is no plan yet.")
        assert pending(sandbox) == before


async def test_a_proof_that_is_not_waited_for_proves_nothing(sandbox, folder):
    # A worker that asks, and takes nothing.
    pool = "proj-balrog/idle"
    claim = {"tasks": 1, "workerGroup": "sandbox", "workerId": "idle"}
    sandbox.call("POST", "queue", "claim-work", pool, payload=claim)
    (folder / ".taskcluster.yml").write_text(FILES[".taskcluster.yml"].replace("proj-balrog/ci", pool))
    app = opened(sandbox, folder)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await shows(pilot, "t Trigger")
        await pilot.press("1")
        await shows(pilot, "p Prove")
        await pilot.press("p")
        screen = await on(pilot, ProofScreen, "Prove that mozilla/balrog at", f"on {pool}", "c Create")
        await pilot.press("c")
        await on(pilot, Confirm, "may publish?", "opens an upload and cancels it")
        await pilot.press("right", "enter")
        await on(pilot, ProofScreen, "keep the old one until it has", "pending  lading-doctor-prove", "l Log")
        await pilot.press("escape")
        await shows(pilot, "? Not proved, for it was not waited for: keep the old token. r tries again.")
        # The task is left to itself, and asked for by its id.
        assert (
            sandbox.call("GET", "queue", "task", screen.selected_id(), "status")["status"]["state"]
            == "pending"
        )
        await pilot.press("r")
        await shows(pilot, "Prove that mozilla/balrog at", "c Create")
        await pilot.press("escape")
        await shows(pilot, "p Prove")
