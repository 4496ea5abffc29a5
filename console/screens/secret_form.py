"""A form that changes a secret: filled in, tested on the registry, seen as a diff, saved, read back."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, ClassVar, Final, Literal

from textual import on
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button, Checkbox, Input, RadioButton, RadioSet, Static

from console.actions.secret_check import check
from console.actions.secret_draft import draft_account, draft_key, start
from console.actions.secret_save import save
from console.domain.secret_expiry import PRESETS, shown
from console.domain.secret_record import HiddenSecret, SecretRecord
from console.domain.secret_shape import Account, credentials_in, registry_in, registry_of, shape_of
from console.domain.secret_value import value_of
from console.screens.proof import ProofScreen
from console.screens.screen import ConsoleScreen
from console.screens.secret_choice import Choice, Tick
from console.screens.secret_desk import desk_of, use_in
from console.screens.secret_review import SecretReview
from console.widgets.confirm import Confirm
from console.widgets.content import line
from console.widgets.secret_input import SecretInput
from runner.errors import RunnerError, UsageError

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from console.actions.secret_draft import SecretDraft, Start
    from console.actions.secret_save import Saved
    from console.shell import Session, Shell
    from runner.masking import Masked

_WORDS: Final = {"90d": "90 days", "1y": "1 year", "never": "never"}
_KEEP, _DATE = "keep", "date"


class SecretForm(ConsoleScreen):
    """Registry, user and token; or one key and its value.

    Args:
        shell: as for every screen.
        name: the secret's, or "" to ask for it.
        key: the key to set, where one is set.
        sets_key: whether one key is set, instead of credentials in their shape.
    """

    TITLE = "Set a secret"
    CSS_PATH = "secret_form.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "ctrl+enter", "go_on", "Continue", id="secret.form.continue", tooltip="Test it and show the diff."
        ),
    ]

    def __init__(self, shell: Shell, name: str, *, key: str | None = None, sets_key: bool = False) -> None:
        super().__init__(shell)
        self.secret = name
        self.key = key
        self.sets_key = sets_key
        self.desk = desk_of(shell)
        self._token: Masked | None = None

    def body(self) -> ComposeResult:
        """A line for each field, the presets of the expiry, and two buttons."""
        what = "Set one key of a secret" if self.sets_key else "Set registry credentials"
        with VerticalScroll(id="form", can_focus=False):
            yield Static(line(f"{what}{f': {self.secret}' if self.secret else ''}", "strong"), markup=False)
            self.note = Static(line(" "), markup=False, id="note")
            yield self.note
            if not self.secret:
                yield from self._field("Secret", Input(placeholder="its name", id="name", compact=True))
            if self.sets_key:
                yield from self._field(
                    "Key",
                    Input(self.key or "", placeholder="such as docker.password", id="key", compact=True),
                )
            else:
                yield from self._field(
                    "Registry", Input(placeholder="docker.io", id="registry", compact=True)
                )
                yield from self._field("User", Input(placeholder="the one in use", id="user", compact=True))
            self.value = SecretInput("typed or pasted; it is not shown", id="value")
            self.value.compact = True
            yield from self._field("Value" if self.sets_key else "Token", self.value)
            yield Static(line("Expires"), markup=False, id="expires-label")
            with RadioSet(id="expires", compact=True):
                yield Choice(line("as it is now"), id=_KEEP)
                for preset in PRESETS:
                    yield Choice(line(_WORDS[preset]), id=f"in-{preset}")
                yield Choice(line("on the date below"), id=_DATE)
            yield from self._field("Date", Input(placeholder="2027-01-31", id="date", compact=True))
            yield Tick(
                line("Test it on the registry before it is saved"), value=True, id="test", compact=True
            )
            with Horizontal(id="buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button("Continue", id="continue", variant="primary", compact=True)

    def _field(self, label: str, field: Input) -> ComposeResult:
        with Horizontal(classes="field"):
            yield Static(line(label), markup=False, classes="label")
            yield field

    def on_mount(self) -> None:
        """Begin with what is missing."""
        first = "#name" if not self.secret else "#key" if self.sets_key and not self.key else "#value"
        self.query_one(first).focus()

    def on_unmount(self) -> None:
        """Nothing that was typed outlives the form."""
        self._forget()

    def show_error(self, error: BaseException) -> None:
        """Show it, and what tries again: a letter would be typed into a field."""
        self._errors.show(error, "Continue tries again; what you typed is kept")

    def load(self) -> None:
        """Say what is there, and fill in what is no secret."""
        if self.secret:
            self.work(
                "Reading the secret", lambda session: start(session.connection, self.secret), self._show_start
            )
        else:
            self.query_one(f"#{_KEEP}", RadioButton).display = False

    def _show_start(self, begun: Start) -> None:
        keep = self.query_one(f"#{_KEEP}", RadioButton)
        if isinstance(begun.state, SecretRecord):
            keep.label = line(f"as it is now: {shown(begun.state.expires, begun.now)}")
            keep.value = keep.value or self._expires() is None
        keep.display = isinstance(begun.state, SecretRecord)
        self.note.update(line(*self._about(begun)))
        if self.sets_key:
            return
        try:
            found = credentials_in(begun.body, "")
        except UsageError:
            return
        for field, text in (("#registry", str(found.registry)), ("#user", found.username)) if found else ():
            if not self.query_one(field, Input).value:
                with self.prevent(Input.Changed):
                    self.query_one(field, Input).value = text

    def _about(self, begun: Start) -> tuple[str, Literal["quiet", "warning"]]:
        if isinstance(begun.state, HiddenSecret):
            return f"! You lack {begun.state.scope}: whatever else it holds is replaced.", "warning"
        if not isinstance(begun.state, SecretRecord):
            return "There is no such secret yet: it is made.", "quiet"
        if self.sets_key:
            return "All its other keys are kept.", "quiet"
        try:
            shape = shape_of(begun.body)
        except UsageError as error:
            return f"! {error.what}", "warning"
        return f"Written as `{shape or 'dockercfg'}`; its other keys are kept.", "quiet"

    @on(Input.Changed)
    def _typed(self) -> None:
        self.unsaved = True

    @on(Input.Changed, "#date")
    def _date_typed(self, event: Input.Changed) -> None:
        if event.value:
            self.query_one(f"#{_DATE}", RadioButton).value = True

    @on(Input.Submitted)
    @on(Button.Pressed, "#continue")
    def action_go_on(self) -> None:
        """Read what is there, make the change of it, test it, and show it."""
        try:
            name, account_or_key = self._filled_in()
        except RunnerError as error:
            self.show_error(error)
            return
        tests, expires = self.query_one("#test", Checkbox).value, self._expires()

        async def prepared(session: Session) -> SecretDraft:
            begun = await start(session.connection, name)
            prints = self.desk.fingerprints
            if isinstance(account_or_key, Account):
                return draft_account(begun, account_or_key, expires, prints)
            return draft_key(begun, *account_or_key, expires, prints)

        def test(draft: SecretDraft) -> None:
            if draft.changes_nothing:
                self.notify("Nothing changes: that is what it holds already.")
            elif tests:

                async def asked(session: Session) -> str:
                    return str(await check(draft.after.body, await use_in(session, name)))

                self.work("Testing on the registry", asked, lambda told: self._review(draft, told))
            else:
                self._review(draft, "! It was not tested on the registry.")

        self.work("Reading the secret", prepared, test)

    def _filled_in(self) -> tuple[str, Account | tuple[str, Masked]]:
        name = self.secret or self.query_one("#name", Input).value.strip()
        if not name:
            raise UsageError("The secret has no name yet.", action="Fill it in.")
        if self.value.value:
            self._token = self.value.take()
            self.value.placeholder = "kept until you leave; type to replace it"
        if self._token is None:
            raise UsageError("There is no value yet.", action="Type or paste it.")
        token = value_of(self._token.reveal().encode(errors="surrogatepass"), raw=True)
        if self.sets_key:
            return name, (self.query_one("#key", Input).value, token)
        registry = registry_of(self.query_one("#registry", Input).value)
        return name, Account(token, registry, self.query_one("#user", Input).value.strip())

    def _expires(self) -> str | None:
        """What was chosen, as a command's flag has it; None to keep what there is."""
        chosen = self.query_one("#expires", RadioSet).pressed_button
        if chosen is None or chosen.id == _KEEP:
            return None
        if chosen.id == _DATE:
            return self.query_one("#date", Input).value
        return (chosen.id or "").removeprefix("in-")

    def _review(self, draft: SecretDraft, told: str) -> None:
        def answered(go: bool | None) -> None:
            if go:
                self.work("Saving the secret", lambda session: save(session.connection, draft), self._saved)

        self.app.push_screen(SecretReview(draft, told, self.shell.opening.now()), answered)

    def _saved(self, saved: Saved) -> None:
        self.desk.keep(saved)
        read_back = "and read back" if saved.is_verified else "; it cannot be read back"
        undo = "\nu puts back what was there." if saved.can_be_undone else ""
        app = self.app
        app.notify(f"✓ Secret {saved.name} is saved {read_back}.{undo}")
        self._leave()
        if not self.sets_key:
            # A rotation ends with a task that tries the token.
            app.push_screen(ProofScreen(self.shell, saved.name, registry_in(saved.after.body)))

    def action_back(self) -> None:
        """Cancel what runs; leave, after asking where something was typed."""
        if self.cancel_work():
            self.notify("Cancelled.")
        elif self.unsaved:
            self.app.push_screen(
                Confirm("Leave the form?", "What you typed is lost; nothing was saved.", verb="Leave"),
                lambda go: self._leave() if go else None,
            )
        else:
            self._leave()

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.action_back()

    def _leave(self) -> None:
        self.unsaved = False
        self._forget()
        self.dismiss()

    def _forget(self) -> None:
        self._token = None
        self.value.forget()

    def selected_id(self) -> str | None:
        """The secret's name."""
        return self.secret or self.query_one("#name", Input).value or None

    def command(self) -> str | None:
        """The same, by the command; the value comes by a pipe or at its prompt."""
        name = shlex.quote(self.selected_id() or "NAME")
        words = []
        if self.sets_key:
            words += ["lading secret set", name, shlex.quote(self.query_one("#key", Input).value or "KEY")]
        else:
            words += ["lading secret rotate", name]
            for flag in ("registry", "user"):
                typed = self.query_one(f"#{flag}", Input).value
                words += [f"--{flag}", shlex.quote(typed)] if typed else []
        expires = self._expires()
        words += ["--expires", shlex.quote(expires)] if expires else []
        words += [] if self.query_one("#test", Checkbox).value else ["--no-check"]
        return " ".join(words)
