"""The Verify screen: the chain of a verdict, what differs, what cannot be read, and a reading that is ended."""

import contextlib
import re
import threading

import pytest
from textual.widgets import Input

from console.sandbox.registry.faults import Answer, Fault
from console.screens.verify import Verify
from console.widgets.filter_table import FilterTable
from console.widgets.progress_line import ProgressLine
from tests.support.published_world import (
    COMMIT,
    KEYS,
    NAME,
    OURS,
    STALLED,
    THEIRS,
    publish,
    published,
    stalling_registry,
    stated_in,
)
from tests.support.screens import drawn, settled, shows, until
from tests.support.screenshots_builds import PUBLISHED, RUNNING, TAGGED
from tests.support.screenshots_world import ROOT_URL, screenshots_world

pytestmark = pytest.mark.enable_socket

WIDE = (160, 50)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with screenshots_world(tmp_path_factory.mktemp("verify")) as world, published(world) as made:
        yield made


@contextlib.asynccontextmanager
async def opened(place, words="", *, size=WIDE):
    """The screen, with these words typed and entered."""
    app = place.world.console()
    async with app.run_test(size=size, notifications=True) as pilot:
        await settled(pilot)
        app.push_screen(Verify(app.shell))
        await until(pilot, lambda: isinstance(app.screen, Verify) and app.screen.is_attached)
        if words:
            await typed(pilot, words)
        yield pilot


async def typed(pilot, words):
    field = pilot.app.screen.query_one("#image", Input)
    field.value = words
    field.focus()
    await pilot.press("enter")


def link(app, name):
    """The first line of what the screen shows of one link."""
    found = re.search(rf"^ [✓✗?·] {name} +(.*)$", drawn(app), re.MULTILINE)
    return found[1] if found else ""


async def test_a_builds_image_is_verified_by_one_key_with_task_and_repository_filled_in(place):
    app = place.world.console(first="builds")
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await shows(pilot, "v3.82")
        app.screen.query_one(FilterTable).select(PUBLISHED)
        await pilot.press("v")
        await shows(pilot, "✓ Verified (exit code 0)", "the task holds")
        words = f"{place.image}:v3.82 --task {PUBLISHED} --source mozilla/balrog"
        assert app.screen.query_one("#image", Input).value == words
        for name, seen in {
            "tag": f"v3.82 names sha256:{OURS.manifest.digest.short}…",
            "digest": f"the registry serves {OURS.manifest.digest}, as the statement says",
            "manifest": "3 blobs of",
            "task": f"the statement is that of task {PUBLISHED} run 0 (given)",
            "signature": "not demanded (--keys FILE)",
            "repository": "the task holds `assume:repo:github.com/mozilla/balrog:branch:master`",
            "branch": "not demanded (--ref); the statement says branch master",
            "commit": f"{COMMIT}, as statement and label say",
            "pool": "not demanded (--pool); the task was for proj-balrog/ci",
            "policy": f"task = {PUBLISHED}",
        }.items():
            assert link(app, name).startswith(seen), name
        assert "no signature: Chain of Trust was not checked (--keys)" in drawn(app)
        await pilot.press("y")
        assert app.clipboard == f"{place.image}@{OURS.manifest.digest}"
        await pilot.press("Y")
        assert app.clipboard == f"lading verify {words} --root-url {ROOT_URL}"
        await pilot.press("escape")
        await shows(pilot, "v3.82")


async def test_what_differs_cannot_be_read_or_was_not_demanded_is_told_apart(place):
    image = f"{place.image}:v3.82"
    async with opened(place, image) as pilot:
        await shows(pilot, "Cannot tell: not all can be read (exit code 7)", "no task is named")
        await typed(pilot, f"{image} --index project.balrog.nothing")
        await shows(pilot, "Cannot tell: not all can be read (exit code 7)", "has no task for")
        await typed(pilot, f"{place.image}:v3.83 --task {PUBLISHED}")
        await shows(pilot, "Cannot tell: the image cannot be read (exit code 7)", "There is no")
        place.world.registry.faults.append(Fault(Answer(403, "DENIED", "not today"), "manifest", "GET"))
        await typed(pilot, f"{image} --task {PUBLISHED}")
        await shows(pilot, "Cannot tell: the image cannot be read (exit code 7)", "not today")
        with place.moved():
            await typed(pilot, f"{image} --task {PUBLISHED}")
            await shows(pilot, "✗ NOT verified: it differs (exit code 6)", "the config differs")
            assert link(pilot.app, "tag") == f"v3.82 names sha256:{THEIRS.manifest.digest.short}…"
            assert link(pilot.app, "digest") == "as told above"
            assert pilot.app.screen.selected_id() is None
            assert "pinned" not in drawn(pilot.app)
            assert "✗ digest" in drawn(pilot.app)
        await typed(pilot, f"{image} --task {PUBLISHED} --source mozilla/other")
        await shows(pilot, "✗ NOT verified", "no scope of task", "✗ repository")
        await typed(pilot, f"{image} --task {PUBLISHED}")
        await shows(pilot, "✓ Verified (exit code 0)")


async def test_a_task_that_is_only_found_attributes_nothing(place):
    labelled = OURS.manifest.digest
    place.world.sandbox.call(
        "PUT",
        *("index", "task", f"project.balrog.docker.sha256.{labelled.hex}"),
        payload={"taskId": PUBLISHED, "rank": 0, "data": {}, "expires": "3000-01-01T00:00:00Z"},
    )
    async with opened(place, f"{place.image}@{labelled} --index project.balrog.docker") as pilot:
        await shows(pilot, "· Unattributed: nothing was demanded of it (exit code 7)")
        assert link(pilot.app, "tag") == "named by its digest: no tag was read"
        assert "✓ digest" in drawn(pilot.app)


async def test_the_signature_is_checked_by_the_keys_that_a_file_pins(place, monkeypatch):
    monkeypatch.chdir(place.world.folder)
    words = f"{place.image}:latest --task {PUBLISHED} --keys"
    async with opened(place, f"{words} {KEYS}") as pilot:
        await shows(pilot, "✓ Verified", "✓ signature", "signed the statement and the task")
        await typed(pilot, f"{words} nowhere")
        await shows(pilot, "--keys nowhere cannot be read")


@pytest.mark.parametrize(
    ("words", "seen"),
    [
        ("a --task 'b", "The words cannot be read"),
        ("a --task", "Argument --task: expected one argument"),
        ("--source a/b", "The following arguments are required: IMAGE"),
        ("UPPER", "The image: "),
    ],
)
async def test_words_that_the_command_would_not_take_are_told_and_nothing_is_asked(place, words, seen):
    async with opened(place, words) as pilot:
        await shows(pilot, seen)
        assert "exit code" not in drawn(pilot.app)


async def test_the_palette_leads_to_it_for_any_image(place):
    app = place.world.console()
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("colon")
        await until(pilot, lambda: app.screen.query(Input))
        app.screen.query_one(Input).value = ":verify"
        await shows(pilot, "whether an image is what a task published")
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(app.screen, Verify))
        await shows(pilot, "an image, then --task ID")


@pytest.fixture(scope="module")
def stalled(place):
    """The task of an image whose last layer does not end."""
    publish(place.world, stated_in(place.repository, STALLED, RUNNING))


def reading_from(before):
    """The threads that read, and did not before."""
    names = {"verify", "registry check"}
    return [thread for thread in threading.enumerate() if thread.name in names and thread not in before]


@pytest.mark.parametrize("twice", [False, True], ids=["it is told", "it is left"])
@pytest.mark.usefixtures("stalled")
async def test_escape_ends_a_reading_that_shows_how_far_it_is(place, twice):
    before = frozenset(threading.enumerate())
    with stalling_registry() as (host, _stalls, let_go):
        async with opened(place, f"{host}/{NAME}:latest --task {RUNNING}") as pilot:
            await shows(pilot, "3 of 4 blobs whole", "escape ends it", "Verifying (esc cancels)")
            screen = pilot.app.screen
            await pilot.press("escape")
            await until(pilot, lambda: not screen.query_one(ProgressLine).running)
            await until(pilot, lambda: "blobs whole" not in drawn(pilot.app))
            if twice:
                await pilot.press("escape")
                await until(pilot, lambda: not isinstance(pilot.app.screen, Verify))
            let_go.set()
            await until(pilot, lambda: not reading_from(before))
            assert "exit code" not in drawn(pilot.app)


async def test_nothing_that_a_statement_says_is_obeyed(place):
    hostile = "\x1b]0;owned\x07\x9b31m\u202egnp[bold]"
    event = {"kind": "push", "branch": f"main{hostile}", "tag": None}
    source = f"https://github.com/mozilla/balrog{hostile}"
    publish(place.world, stated_in(place.repository, OURS, TAGGED, event=event, source=source))
    async with opened(place, f"{place.image}:v3.82 --task {TAGGED}") as pilot:
        await shows(pilot, "✓ Verified (exit code 0)", r"branch main\x1b]0;owned\x07\x9b31m\u202egnp[bold]")
        assert link(pilot.app, "repository").endswith(r"balrog\x1b]0;owned\x07\x9b31m\u202egnp[bold]")
        assert not set("\x1b\x07\x9b\u202e") & set(drawn(pilot.app))
        await typed(pilot, f"{place.image}:v3.82 --task {TAGGED} --ref {hostile!r}")
        await shows(pilot, "✗ NOT verified", r"\u202egnp[bold]")
        assert not set("\x1b\x07\x9b\u202e") & set(drawn(pilot.app))
