"""Signing in within the console: by a page or a token, on the same screen, with what was typed and begun kept."""

import asyncio
import contextlib
import sys
import urllib.error
from datetime import UTC, datetime, timedelta

import pytest
from textual.widgets import Button, Input

from console.app import Lading
from console.config import Config, load_config
from console.connection import ConnectionSettings, connect
from console.credentials.keyring_store import CredentialStore, no_keyring
from console.credentials.value import Credentials
from console.sandbox.sign_in import USER
from console.screens.screen import ConsoleScreen
from console.screens.sign_in import SignIn
from console.services import auth
from console.shell import Opening, Session
from console.widgets.secret_input import SecretInput
from runner.errors import UsageError
from runner.masking import Masked
from tests.support import press_save
from tests.support.hosted_sandbox import hosted_sandbox
from tests.support.keyrings import Backend
from tests.support.screens import SIZE, drawn, settled, shows, until

pytestmark = pytest.mark.enable_socket

BROWSER = {"BROWSER": f"{sys.executable} {press_save.__file__}"}
EXPIRED = Credentials("mallory", Masked("t0ken-that-is-over"))


@pytest.fixture(scope="module")
def sandbox():
    with hosted_sandbox() as hosted:
        yield hosted


class Form(ConsoleScreen):
    """A field, and an action for which one has to be signed in."""

    loads = 0

    def load(self):
        self.loads += 1

    def body(self):
        self.scopes = []
        self.field = Input("typed", id="typed")
        yield self.field

    def ask(self):
        async def current(session):
            return await auth.current_scopes(session.connection.taskcluster)

        self.work("Asking", current, self.scopes.append)


def app_of(root_url, folder, credentials=EXPIRED, *, environment=BROWSER, store=None, profile=""):
    """On a deployment, or on none, as a client."""
    settings = ConnectionSettings(root_url, credentials, "keyring")

    @contextlib.asynccontextmanager
    async def open_session(_tell):
        if not root_url:
            raise UsageError("No Taskcluster is named.")
        async with connect(settings) as connection:
            yield Session(connection, folder)

    return Lading(
        Opening(
            open_session=open_session,
            folder=folder,
            config=Config(),
            profile=profile,
            root_url=root_url,
            read_only=False,
            environment=environment,
            now=lambda: datetime.now(UTC),
            store=store or CredentialStore(Backend),
            config_path=folder / "config.toml",
        )
    )


async def form(pilot):
    """A form with something typed, on top of the first screen."""
    await settled(pilot)
    screen = Form(pilot.app.shell)
    pilot.app.push_screen(screen)
    await settled(pilot)
    screen.field.value = "half of it"
    return screen


async def test_a_401_asks_once_and_the_action_goes_on_with_the_form_kept(sandbox, tmp_path):
    backend = Backend()
    app = app_of(sandbox.root_url, tmp_path, store=CredentialStore(lambda: backend), profile="here")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        screen = await form(pilot)
        screen.unsaved = True
        screen.ask()
        await shows(pilot, "Sign in to http://127.0.0.1", "A client that lives a day", "secrets:list-secrets")
        assert not backend.kept
        screen.ask()  # refused again, while one is asked already
        await until(pilot, lambda: app.screen.query_one("#open", Button).has_focus)
        assert [type(each) for each in app.screen_stack].count(SignIn) == 1
        await pilot.press("enter")
        await until(pilot, lambda: screen.scopes)
        assert "secrets:list-secrets" in screen.scopes[0]
        assert (app.screen, screen.field.value, screen.loads) == (screen, "half of it", 1)
        await shows(pilot, "here · ", f"{USER}/lading-", "expires in 2")
    assert load_config(tmp_path / "config.toml").client_ids["here"].startswith(f"{USER}/lading-")
    (kept,) = backend.kept.values()
    assert "accessToken" in kept


async def test_whoever_cancels_is_not_asked_again_until_ctrl_r(sandbox, tmp_path):
    app = app_of(sandbox.root_url, tmp_path)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        screen = await form(pilot)
        screen.ask()
        await until(pilot, lambda: isinstance(app.screen, SignIn))
        await pilot.press("escape")
        await shows(pilot, "✗ 401 from auth", "Sign in again")
        screen.ask()
        await settled(pilot)
        assert app.screen is screen
        await pilot.press("ctrl+r")
        await until(pilot, lambda: isinstance(app.screen, SignIn))
        assert screen.field.value == "half of it"


async def test_a_renewal_is_one_key(sandbox, tmp_path):
    mine = sandbox.client("auth:current-scopes")
    token = Masked(mine["TASKCLUSTER_ACCESS_TOKEN"])
    soon = datetime.now(UTC) + timedelta(minutes=5)
    credentials = Credentials(mine["TASKCLUSTER_CLIENT_ID"], token, None, soon)
    # As one of an earlier sign-in is called.
    object.__setattr__(credentials, "client_id", f"{USER}/lading-0")
    app = app_of(sandbox.root_url, tmp_path, credentials)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        screen = await form(pilot)
        assert "! expires in 4m" in drawn(app)
        await pilot.press("ctrl+r")
        await shows(pilot, "Signed in as")
        await shows(pilot, "expires in 2")
        await settled(pilot)
        assert (app.screen, screen.field.value) == (screen, "half of it")
        assert screen.loads == 2  # what was read as somebody else is read again


async def test_without_a_browser_the_address_is_shown_and_how_to_reach_it(sandbox, tmp_path):
    app = app_of(
        sandbox.root_url,
        tmp_path,
        None,
        environment={},
        store=CredentialStore(no_keyring("The keyring cannot be used: it is locked.")),
    )
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+r")
        await shows(pilot, "it is locked. You stay signed in until")
        await until(pilot, lambda: app.screen.query_one("#open", Button).has_focus)
        await pilot.press("enter")
        await shows(pilot, "Open this page, and press Save", "auth/clients/create?scope=", "ssh -L ")
        await pilot.press("f2")
        assert app.clipboard.startswith(f"{sandbox.root_url}/auth/clients/create?")
        _page, address = await asyncio.to_thread(press_save.press_save, app.clipboard)
        assert address.endswith("/signed-in")
        await shows(pilot, "memory · ", f"{USER}/lading-")
    assert not (tmp_path / "config.toml").exists()


async def test_a_client_that_one_has_is_typed_and_a_wrong_token_is_told(sandbox, tmp_path):
    mine = sandbox.client("auth:current-scopes")
    app = app_of("", tmp_path, None)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+r")
        await until(pilot, lambda: not app.screen.query_one("#open", Button).disabled)
        screen = app.screen
        screen.query_one("#root-url", Input).value = f"{sandbox.root_url}/"
        await pilot.click("#have")
        screen.query_one("#client-id", Input).value = mine["TASKCLUSTER_CLIENT_ID"]
        token = screen.query_one(SecretInput)
        token.value = "hunter2"
        token.focus()
        await pilot.press("enter")
        await shows(pilot, "✗ 401 from auth")
        assert token.value == ""
        token.value = mine["TASKCLUSTER_ACCESS_TOKEN"]
        await pilot.press("enter")
        await shows(pilot, "Signed in as test/", "You lack")
        assert not isinstance(app.screen, SignIn)
        await until(pilot, lambda: app.shell.session is not None)
        assert app.shell.root_url == sandbox.root_url
        assert mine["TASKCLUSTER_ACCESS_TOKEN"] not in drawn(app)
    assert load_config(tmp_path / "config.toml").root_urls == {"127-0-0-1": sandbox.root_url}


async def test_leaving_while_a_page_is_waited_for_ends_the_waiting(sandbox, tmp_path):
    app = app_of(sandbox.root_url, tmp_path, None, environment={})
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+r")
        await until(pilot, lambda: not app.screen.query_one("#open", Button).disabled)
        await pilot.click("#open")
        await shows(pilot, "ssh -L ")
        url = app.screen._url
        await pilot.press("escape")
        await settled(pilot)
        with pytest.raises(urllib.error.URLError):
            await asyncio.to_thread(press_save.press_save, url)
