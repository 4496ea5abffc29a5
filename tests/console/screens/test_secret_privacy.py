"""A token that is typed leaves by the save alone: looked for wherever it could be left, with a crash on the way."""

import pytest
from textual.widgets import Button, Input

from console.screens.secret_form import SecretForm
from console.screens.secret_review import SecretReview
from console.widgets.secret_input import SecretInput
from tests.support.canary import Canary, ProcessWatch
from tests.support.hosted_sandbox import hosted_sandbox
from tests.support.screens import SIZE, console, drawn, settled, shows
from tests.support.terminal import Terminal

pytestmark = pytest.mark.enable_socket

NAME = "project/lading:dockerhub"
# Everything is logged, and the save ends in an exception whose text and locals have the content: first in an action,
# then, the second time, where Textual itself would print them.
BROKEN = """
import logging, sys
logging.basicConfig(filename=sys.argv.pop(1), level=logging.DEBUG)
from console.services import secret_store
async def write(taskcluster, name, record):
    content = record.body.reveal()
    raise ValueError(f"forced: {content}")
secret_store.write = write
from console.screens.secret_review import SecretReview
lines, calls = SecretReview._lines, []
def crash(self):
    calls.append(1)
    content = self._draft.after.body.reveal()
    if len(calls) > 1:
        raise ValueError(f"forced: {content}")
    return lines(self)
SecretReview._lines = crash
from console.cli import main
sys.exit(main())
"""
LOGGED = """
import logging, sys
logging.basicConfig(filename=sys.argv.pop(1), level=logging.DEBUG)
from console.cli import main
sys.exit(main())
"""


@pytest.fixture(scope="module")
def sandbox():
    with hosted_sandbox() as hosted:
        payload = {"secret": {"token": "old"}, "expires": "2999-01-01T00:00:00Z"}
        hosted.call("PUT", "secrets", "secret", NAME, payload=payload)
        yield hosted


def variables(sandbox, folder):
    return {
        "TASKCLUSTER_ROOT_URL": sandbox.root_url,
        "TASKCLUSTER_CLIENT_ID": sandbox.root.client_id,
        "TASKCLUSTER_ACCESS_TOKEN": sandbox.root.access_token.reveal(),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "TEXTUAL_LOG": str(folder / "textual.log"),
        "PYTHONASYNCIODEBUG": "1",
    }


def kept(sandbox):
    return sandbox.call("GET", "secrets", "secret", NAME)["secret"]


def test_pitfall_5_a_crash_in_the_save_path_leaves_no_token_anywhere(sandbox, tmp_path):
    canary, log = Canary(), tmp_path / "debug.log"
    with (
        ProcessWatch(canary, tmp_path) as watch,
        Terminal(
            str(log),
            program=BROKEN,
            environment=variables(sandbox, tmp_path),
            size=(100, 40),
            folder=tmp_path,
        ) as terminal,
    ):
        terminal.until("2 Secrets")
        terminal.send("2")
        terminal.until("2999-01-01")
        terminal.send("\r")
        terminal.until("token")
        terminal.send("e")
        terminal.until("All its other keys are kept.")
        terminal.mark()
        terminal.send(f"\x1b[200~{canary.token}\x1b[201~")
        terminal.until("••••")
        terminal.send("\r")
        terminal.until("nothing was tested")
        terminal.send("\r")
        terminal.until("Internal error: ValueError")
        terminal.mark()
        terminal.send("\r")
        code = terminal.wait()
    assert code == 5
    assert "ValueError at" in terminal.words
    assert watch.found == set()
    assert {name for name, _ in watch.seen} == {"cmdline", "environ"}
    assert canary.in_bytes(terminal.raw) == []
    logged = log.read_bytes()
    assert logged
    assert sandbox.root.access_token.reveal().encode() not in logged
    assert b"Hawk " not in logged
    assert canary.in_folder(tmp_path) == []
    assert kept(sandbox) == {"token": "old"}


def test_pitfall_5_the_prompt_and_a_crash_of_the_command_tell_no_token(sandbox, tmp_path):
    canary, log = Canary(), tmp_path / "debug.log"
    words = ("secret", "set", NAME, "token", "--no-check")
    with (
        ProcessWatch(canary, tmp_path) as watch,
        Terminal(
            str(log), *words, program=BROKEN, environment=variables(sandbox, tmp_path), folder=tmp_path
        ) as terminal,
    ):
        terminal.until("Value: ")
        terminal.send(f"{canary.token}\n")
        code = terminal.wait()
    assert code == 5
    assert "internal error: ValueError at" in terminal.words
    assert watch.found == set()
    assert canary.in_bytes(terminal.raw) == []
    assert canary.in_folder(tmp_path) == []


def test_pitfall_50_no_log_of_the_clients_has_a_value_or_a_signature(sandbox, tmp_path):
    canary, log, name = Canary(), tmp_path / "debug.log", f"{NAME}/logged"
    words = ("secret", "set", name, "token", "--expires", "never", "--no-check")
    chatty = {**variables(sandbox, tmp_path), "DEBUG_TASKCLUSTER_CLIENT": "1"}
    with Terminal(str(log), *words, program=LOGGED, environment=chatty, folder=tmp_path) as terminal:
        terminal.until("Value: ")
        terminal.send(f"{canary.token}\n")
        code = terminal.wait()
    assert code == 0
    assert sandbox.call("GET", "secrets", "secret", name)["secret"] == {"token": canary.token}
    told = terminal.raw + log.read_bytes()
    assert canary.in_bytes(told) == []
    assert b"Hawk " not in told
    assert sandbox.root.access_token.reveal().encode() not in told


def test_pitfall_7_several_lines_at_the_prompt_are_refused_whole(sandbox, tmp_path):
    words = ("secret", "set", NAME, "token", "--no-check")
    with Terminal(*words, environment=variables(sandbox, tmp_path), folder=tmp_path) as terminal:
        terminal.until("Value: ")
        terminal.send("one\ntwo\n")
        code = terminal.wait()
    assert code == 2
    assert "Several lines were pasted" in terminal.words
    assert kept(sandbox) == {"token": "old"}


async def test_a_picture_and_the_clipboard_have_no_token_that_is_being_set(place, tmp_path):
    canary = Canary()
    app = console(tmp_path, taskcluster=await place.gateway())
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        app.push_screen(SecretForm(app.shell, NAME))
        await shows(pilot, "There is no such secret yet")
        form, pictures = app.screen, []
        field = form.query_one(SecretInput)
        field.value = canary.token
        form.query_one("#registry", Input).value = "registry.example"
        form.query_one("#user", Input).value = "balrog"
        form.query_one("#in-never").value = True
        form.query_one("#test").value = False
        await pilot.press("Y")
        form.action_copy_command()
        form.action_copy_id()
        pictures.append(app.export_screenshot())
        form.query_one("#continue", Button).press()
        await shows(pilot, "Save secret")
        assert isinstance(app.screen, SecretReview)
        pictures += [app.export_screenshot(), drawn(app), app.clipboard, repr(form), repr(app.screen)]
        assert not [found for picture in pictures for found in canary.in_bytes(picture.encode())]
        assert field.value == ""
