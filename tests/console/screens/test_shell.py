"""The shell: screens by number, actions by name, help by the bindings; work that blocks nothing."""

import asyncio
import subprocess
from collections import Counter
from datetime import timedelta

import pytest
from textual.widgets import Input

from console.config import parse_config
from console.connection import Connection
from console.credentials.value import Credentials
from console.screens.cover import Cover
from console.screens.help import Help
from console.screens.overview import Overview
from console.screens.screen import ConsoleScreen
from console.screens.table import SCREENS
from console.widgets.confirm import Confirm
from console.widgets.masked_value import MaskedValue
from console.widgets.secret_input import SecretInput
from runner.errors import Refused, SettingsError, UsageError
from runner.masking import Masked
from tests.support.screens import SIZE, Clock, console, drawn, settled, shows

IMAGES = """\
[image.balrog]
repository = "mozilla/balrog"
secret = "repo:github.com/mozilla/balrog:dockerhub"

[image.agent]
repository = "mozilla/balrogagent"
dockerfile = "/agent/Dockerfile"
"""


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "lading.toml").write_text(IMAGES)
    return tmp_path


def make_repository(folder):
    for words in (["init", "-q"], ["remote", "add", "origin", "https://github.com/A/b.git"]):
        subprocess.run(["git", "-C", str(folder), *words], check=True)


class Bench(ConsoleScreen):
    """A screen for what all screens do."""

    def __init__(self, shell, *widgets):
        super().__init__(shell)
        self.widgets = widgets
        self.shown = []

    def body(self):
        yield from self.widgets

    def selected_id(self):
        return "thing"

    def command(self):
        return "lading thing get 'a b'"

    def page(self):
        return "https://tc.example.org/thing"


async def opened(pilot, *widgets):
    await settled(pilot)
    screen = Bench(pilot.app.shell, *widgets)
    pilot.app.push_screen(screen)
    await pilot.pause()
    return screen


async def test_the_first_screen_lists_the_images_before_anything_is_asked(checkout):
    app = console(checkout, fails=Refused("No way in.", action="Sign in."), read_only=True)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        shown = drawn(app)
        assert "balrog · tc.example.org · READ-ONLY · not connected" in shown
        assert "docker.io/mozilla/balrog" in shown
        assert "✗ settings" in shown
        await pilot.press("y")
        assert app.clipboard == "balrog"
        (checkout / "lading.toml").write_text("[image.other]\nrepository = 'a/b'\n")
        await pilot.press("r")
        await settled(pilot)
        assert "docker.io/a/b" in drawn(app)
        (checkout / "lading.toml").write_text("nonsense [")
        await pilot.press("r")
        await settled(pilot)
        assert "✗ settings   lading.toml" in drawn(app)
        (checkout / "lading.toml").unlink()
        await asyncio.to_thread(make_repository, checkout)
        await pilot.press("r")
        await settled(pilot)
        assert "docker.io/a/b" in drawn(app)


async def test_the_status_line_says_who_asks_and_for_how_long(checkout):
    clock = Clock()
    expiry = int((clock.time + timedelta(hours=2)).timestamp() * 1000)
    credentials = Credentials("me/\\x1b", Masked("token"), Masked(f'{{"expiry": {expiry}}}'))
    app = console(checkout, credentials=credentials, profile="", clock=clock)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        assert (
            drawn(app).splitlines()[0].strip() == "environment · tc.example.org · me/\\x1b · expires in 2h00m"
        )
        clock.pass_(minutes=90)
        app._tick()
        await pilot.pause()
        assert "! expires in 30m" in drawn(app)


async def palette(pilot, key, words):
    await pilot.press(key)
    pilot.app.screen.query_one(Input).value = words


async def test_keys_and_palette_lead_to_the_same_actions(checkout):
    app = console(checkout)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        await palette(pilot, "colon", ":ov")
        await shows(pilot, "Overview: what this repository publishes")
        await pilot.press("down", "enter")
        await settled(pilot)
        assert isinstance(app.screen, Overview)
        await palette(pilot, "ctrl+p", "py id")
        await shows(pilot, "y: Copy the name of what is under the cursor.")
        await pilot.press("down", "enter")
        await settled(pilot)
        assert app.clipboard
        assert app.clipboard == app.screen.selected_id()
        await pilot.press("1")
        assert isinstance(app.screen, Overview)
        await palette(pilot, "colon", "e: li")
        await shows(pilot, "Theme: light")
        await pilot.press("down", "enter")
        await settled(pilot)
        assert app.theme == "light"


async def test_a_screen_reads_once_when_it_is_first_shown(checkout, monkeypatch):
    """Textual calls a handler of each class by itself: one that also called the one above it would read twice."""
    read: Counter[str] = Counter()
    for entry in SCREENS:
        shown = entry.load()
        monkeypatch.setattr(shown, "load", _counted(shown.load, entry.name, read))
    app = console(checkout)
    async with app.run_test(size=SIZE) as pilot:
        for entry in SCREENS:
            app.action_show_screen(entry.name)
            await settled(pilot)
            assert app.shell.renewed.count(app.screen.resume) == 1
    assert read == Counter(entry.name for entry in SCREENS)


def _counted(load, name, read):
    def counted(screen):
        read[name] += 1
        load(screen)

    return counted


async def test_help_lists_the_bindings_as_they_are_now(checkout):
    config = parse_config('[keymap]\nrefresh = "f5"\n')
    app = console(checkout, config=config)
    async with app.run_test(size=(100, 60)) as pilot:
        await settled(pilot)
        await pilot.press("question_mark")
        await pilot.pause()
        shown = drawn(app)
        assert isinstance(app.screen, Help)
        assert "f5           refresh          Read everything on this screen again." in shown
        assert "/            table.filter     Show the rows that hold the typed words." in shown
        assert "q            quit" in shown
        await pilot.press("j", "k", "f1")
        await pilot.pause()
        assert isinstance(app.screen, Overview)


def test_a_keymap_with_a_conflict_is_refused_at_the_start(checkout):
    with pytest.raises(SettingsError, match=r"line 2: `q` is both `refresh` and `quit`"):
        console(checkout, config=parse_config('[keymap]\nrefresh = "q"\n'))


async def test_leaving_asks_only_where_something_is_not_saved(checkout):
    app = console(checkout)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+c")
        await shows(pilot, "q or ctrl+q ends the console")
        app.screen.unsaved = True
        await pilot.press("q")
        await pilot.pause()
        assert isinstance(app.screen, Confirm)
        await pilot.press("enter")
        assert app._exit is False
        await pilot.press("ctrl+q")
        await pilot.pause()
        await pilot.press("tab", "enter")
        await pilot.pause()
        assert app.return_value == 0


async def test_the_cover_hides_everything_and_masks_values(checkout):
    app = console(checkout)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        value = MaskedValue("token", Masked("hunter2"), Clock())
        await opened(pilot, value)
        value.focus()
        await pilot.press("v")
        await pilot.pause()
        assert "hunter2" in drawn(app)
        with pytest.raises(UsageError, match="no picture"):
            app.export_screenshot()
        await pilot.press("ctrl+l")
        await pilot.pause()
        assert isinstance(app.screen, Cover)
        assert drawn(app).strip() == "Covered. Any key uncovers."
        await pilot.press("ctrl+q")
        await pilot.pause()
        assert isinstance(app.screen, Bench)
        assert not value.revealed
        value.focus()
        await pilot.press("v", "colon")
        await pilot.pause()
        assert not value.revealed
        assert "hunter2" not in app.export_screenshot()


async def test_work_gives_its_answer_shows_its_error_and_drops_what_is_old(checkout):
    app = console(checkout)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        screen = await opened(pilot)
        gate = asyncio.Event()

        async def slow(session):
            assert isinstance(session.connection, Connection)
            await gate.wait()
            return "slow"

        async def quick(_session):
            return "quick"

        async def refused(_session):
            raise Refused("[b]No\x1b.", cause="Because.", action="Ask.")

        async def defect(_session):
            raise KeyError("hunter2")

        async def counting(_session):
            yield 1
            yield 2

        screen.work("list", slow, screen.shown.append)
        screen.work("list", quick, screen.shown.append)
        gate.set()
        await settled(pilot)
        assert screen.shown == ["quick"]
        screen.follow("count", counting, screen.shown.append, lambda: screen.shown.append("end"))
        screen.in_thread("add", lambda: 1 + 1, screen.shown.append)
        await settled(pilot)
        assert sorted(screen.shown[1:], key=str) == [1, 2, 2, "end"]
        screen.work("list", refused, screen.shown.append)
        await settled(pilot)
        assert "✗ [b]No\\x1b.\n▌Because.\n▌→ Ask.\n▌r tries again" in drawn(app).replace("▌ ", "▌").replace(
            "█ ", "▌"
        )
        screen.work("list", defect, screen.shown.append)
        await settled(pilot)
        assert "Internal error: KeyError at test_shell.py" in drawn(app)
        assert "hunter2" not in drawn(app)


async def test_what_takes_long_says_so_and_escape_cancels_it(checkout):
    app = console(checkout)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        screen = await opened(pilot)
        cancelled = asyncio.Event()

        async def endless(_session):
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

        screen.work("Listing", endless, screen.shown.append)
        await shows(pilot, "… Listing (esc cancels)")
        await pilot.press("escape")
        await asyncio.wait_for(cancelled.wait(), 120)
        await settled(pilot)
        assert screen.shown == []
        assert "… Listing" not in drawn(app)
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(app.screen, Overview)


async def test_what_is_under_the_cursor_is_copied_and_opened(checkout):
    app = console(checkout)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await opened(pilot)
        await pilot.press("y")
        assert app.clipboard == "thing"
        await pilot.press("Y")
        assert app.clipboard == "lading thing get 'a b'"
        await pilot.press("o")
        await shows(pilot, "https://tc.example.org/thing", "There is no browser")
        await pilot.press("escape", "Y", "o")
        await shows(pilot, "lading doctor", "Nothing here has a page.")


async def test_a_lost_session_is_opened_again_and_forms_stay(checkout):
    app = console(checkout, fails=Refused("Not yet."))
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        field = Input("typed")
        screen = await opened(pilot, field)

        async def ask(session):
            return session.connection.root_url

        screen.work("ask", ask, screen.shown.append)
        await settled(pilot)
        assert "Not yet." in drawn(app)
        app.shell.reopen(console(checkout).opening.open_session)
        screen.work("ask", ask, screen.shown.append)
        await settled(pilot)
        assert screen.shown == ["https://tc.example.org"]
        assert field.value == "typed"


async def test_any_size_and_many_of_them_are_drawn(checkout):
    app = console(checkout)
    async with app.run_test(size=(40, 10)) as pilot:
        await settled(pilot)
        for width in (1, 10, 30, 200, 40):
            await pilot.resize_terminal(width, max(1, width // 4))
        await pilot.press("question_mark", "escape", "slash", "escape", "colon", "escape")
        await pilot.resize_terminal(*SIZE)
        await settled(pilot)
        assert "docker.io/mozilla/balrog" in drawn(app)


async def test_the_mouse_does_what_the_keys_do(checkout):
    app = console(checkout)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        await pilot.click("RowView", offset=(3, 2))
        assert app.screen.selected_id() == "agent"
        await pilot.click("FooterKey")
        await pilot.pause()
        assert app.screen.query_one("FilterTable Input").has_focus


async def test_a_defect_in_the_console_tells_its_place_and_no_value(checkout):
    app = console(checkout)

    async def run():
        async with app.run_test(size=SIZE, notifications=True) as pilot:
            secret = SecretInput()
            await opened(pilot, secret)
            secret.value = "hunter2"
            app.call_later(lambda: 1 // 0)
            await pilot.pause()

    with pytest.raises(ZeroDivisionError):
        await run()
    assert app.failure.startswith("ZeroDivisionError at test_shell.py:")
    assert app._exit_renderables == []
