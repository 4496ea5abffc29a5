"""Signing in: what is asked for is shown first, then a page in the browser, or a client that the user has."""

from __future__ import annotations

import asyncio
import platform
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual import on
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from console.actions.profiles import name_for, record
from console.actions.sign_in import secrets_of, sign_in, take
from console.browser import open_page
from console.connection import KEYRING, MEMORY, ConnectionSettings
from console.credentials.aside import aside
from console.credentials.request import SignInRequest, least_scopes, new_name
from console.credentials.root_url import normal_root_url
from console.credentials.value import Credentials
from console.widgets.content import line, lines
from console.widgets.error_panel import ErrorPanel
from console.widgets.secret_input import SecretInput
from console.widgets.status_line import remaining
from runner.errors import RunnerError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from datetime import datetime

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.worker import Worker

    from console.actions.sign_in import Page, SignedIn
    from console.shell import Shell
    from console.widgets.content import Tone


class Outcome(NamedTuple):
    """What a sign-in comes to.

    Args:
        settings: whose credentials the deployment accepts.
        told: what the user is to know of it.
    """

    settings: ConnectionSettings
    told: tuple[str, ...]


class SignIn(ModalScreen["Outcome | None"]):
    """Answers with an outcome, or with None where it was cancelled.

    Args:
        shell: whose session is to be renewed, or made.
    """

    CSS_PATH = "sign_in.tcss"
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", id="sign-in.cancel", tooltip="Stay who you are."),
        Binding("f2", "copy", "Copy address", id="sign-in.copy", tooltip="Copy the page's address."),
    ]

    def __init__(self, shell: Shell) -> None:
        super().__init__()
        self._shell = shell
        self._root_url = shell.root_url
        self._scopes: tuple[str, ...] = ()
        self._url = ""
        self._errors = ErrorPanel()

    def compose(self) -> ComposeResult:
        """What is asked for, a place for what is going on, and the ways to go on."""
        with Vertical():
            yield Static(line(self._title(), "strong"), id="title", markup=False)
            if not self._root_url:
                yield Input(placeholder="root URL of a Taskcluster: https://…", id="root-url")
            with VerticalScroll(id="asked", can_focus=False):
                yield Static(id="scopes", markup=False)
            yield Static(id="told", markup=False)
            with Vertical(id="own"):
                yield Input(placeholder="client id", id="client-id")
                yield SecretInput("access token", id="token")
            yield self._errors
            with Horizontal():
                yield Button("Cancel", id="cancel")
                yield Button("I have a token", id="have")
                yield Button("Open the page", id="open", variant="primary", disabled=True)

    def _title(self) -> str:
        return f"Sign in to {self._root_url}" if self._root_url else "Sign in"

    def on_mount(self) -> None:
        """Find out which secrets this checkout needs; a renewal then goes on by itself."""
        self.query_one("#own").display = False
        self._tell("Looking at the keyring and at this checkout …", "quiet")
        self.query_one("#root-url" if not self._root_url else "#cancel").focus()
        self._run(self._look, "look")

    async def _look(self) -> None:
        trouble, names = await asyncio.gather(
            aside(self._shell.opening.store.trouble),
            asyncio.to_thread(secrets_of, self._shell.folder or Path.cwd()),
        )
        self._scopes = least_scopes(names)
        self.query_one("#scopes", Static).update(
            Content("\n").join(
                [line("A client that lives a day and may, as far as you may:")]
                + [line(f"  {scope}", "quiet") for scope in self._scopes]
            )
        )
        if trouble:
            self._tell(f"! {trouble} You stay signed in until lading ends.", "warning")
        elif not self.query_one("#own").display:
            self._tell("")
        button = self.query_one("#open", Button)
        button.disabled = False
        if self._root_url:
            button.focus()
            if self._is_renewal():
                self._open()

    def _is_renewal(self) -> bool:
        """Whether the same was asked for before: one key is enough then."""
        session = self._shell.session
        credentials = session.connection.settings.credentials if session else None
        return credentials is not None and "/lading-" in credentials.client_id

    def _tell(self, text: str, tone: Tone = "plain") -> None:
        self.query_one("#told", Static).update(lines(text, tone))

    @on(Input.Submitted, "#root-url")
    @on(Button.Pressed, "#open")
    def _open(self) -> None:
        self.query_one("#own").display = False
        # The page's address names what is asked for as well, and needs the room.
        self.query_one("#asked").display = not self._root_url
        self._begin(self._by_page)

    @on(Button.Pressed, "#have")
    def _have(self) -> None:
        own = self.query_one("#own")
        if not own.display:
            self.workers.cancel_group(self, "sign in")
            own.display = True
            self._tell("A client of yours: its id, and its access token.")
            self.query_one("#have", Button).label = "Sign in"
            self.query_one("#client-id").focus()
            return
        self._begin(self._by_token)

    @on(Input.Submitted, "#client-id")
    def _to_token(self) -> None:
        self.query_one("#token").focus()

    @on(Input.Submitted, "#token")
    def _token_typed(self) -> None:
        self._begin(self._by_token)

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        """Stay who one is; the page's answer is not waited for any more."""
        self.query_one(SecretInput).forget()
        self.workers.cancel_node(self)
        self.dismiss(None)

    def action_copy(self) -> None:
        """Copy the page's address; it holds no token."""
        if self._url:
            self.app.copy_to_clipboard(self._url)
            self.notify("The address was sent to the terminal's clipboard.")

    async def _by_page(self) -> SignedIn:
        opening = self._shell.opening
        request = SignInRequest(self._scopes, new_name())
        return await sign_in(self._root_url, request, opening.store, show=self._show)

    def _show(self, page: Page) -> None:
        self._url = page.url
        self._tell("Opening the page …")
        self._run(partial(self._open_page, page, self._shell.opening.now()), "page")

    async def _open_page(self, page: Page, now: datetime) -> None:
        is_open = await asyncio.to_thread(open_page, page.url, self._shell.opening.environment)
        host = platform.node() or "this-machine"
        parts = [
            "Press Save on the page that opens."
            if is_open
            else "Open this page, and press Save; f2 copies it."
        ]
        if not is_open:
            parts.append(f"From another machine, first: ssh -L {page.port}:localhost:{page.port} {host}")
        parts.append(f"It is waited for from {now:%H:%M} UTC on for five minutes.")
        self._tell("\n".join((*parts, page.url)))

    async def _by_token(self) -> SignedIn:
        client_id = self.query_one("#client-id", Input).value.strip()
        credentials = Credentials(client_id, self.query_one(SecretInput).take())
        self._tell("Asking the deployment …")
        return await take(self._root_url, credentials, self._scopes, self._shell.opening.store)

    def _begin(self, way: Callable[[], Awaitable[SignedIn]]) -> None:
        self._errors.clear()

        async def run() -> None:
            try:
                if not self._root_url:
                    self._root_url = normal_root_url(self.query_one("#root-url", Input).value)
                    self.query_one("#title", Static).update(line(self._title(), "strong"))
                outcome = await self._record(await way())
            except Exception as error:  # noqa: BLE001 - a defect is told by its place, as any other error
                self._tell("")
                self._errors.show(error)
            else:
                self.dismiss(outcome)

        self._run(run, "sign in")

    async def _record(self, signed_in: SignedIn) -> Outcome:
        opening, credentials = self._shell.opening, signed_in.credentials
        profile, problem = opening.profile, ""
        if opening.config_path is not None and not signed_in.not_kept:
            profile = profile or name_for(opening.config, self._root_url)
            try:
                await aside(
                    partial(
                        record,
                        opening.config_path,
                        profile,
                        self._root_url,
                        credentials.client_id,
                        opening.store,
                    )
                )
            except RunnerError as error:
                problem = error.what
        origin = MEMORY if signed_in.not_kept else KEYRING
        settings = ConnectionSettings(self._root_url, credentials, origin, opening.read_only, profile)
        return Outcome(settings, self._told(signed_in, problem))

    def _told(self, signed_in: SignedIn, problem: str) -> tuple[str, ...]:
        credentials, now = signed_in.credentials, self._shell.opening.now()
        ends = f", for {remaining(credentials.expires, now)}" if credentials.expires else ""
        parts = [f"Signed in as {credentials.client_id}{ends}."]
        if signed_in.lacking:
            parts.append(f"You lack {len(signed_in.lacking)} of the scopes: {', '.join(signed_in.lacking)}")
        parts += [text for text in (signed_in.not_kept, problem) if text]
        return tuple(parts)

    def _run(self, work: Callable[[], Coroutine[None, None, None]], group: str) -> Worker[None]:
        return self.run_worker(work, group=group, exclusive=True, exit_on_error=False)
