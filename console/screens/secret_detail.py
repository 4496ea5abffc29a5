"""One secret: its values masked, each shown for half a minute to whoever asks, and who changed it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from console.actions.secret_read import show_secret
from console.domain.secret_change import leaves
from console.domain.secret_expiry import SOON, shown
from console.screens.secret_screen import SecretScreen
from console.widgets.content import line
from console.widgets.masked_value import MaskedValue

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.widget import Widget

    from console.actions.secret_read import ShownSecret
    from console.shell import Shell

_LATEST: Final = 5


class SecretDetail(SecretScreen):
    """One secret.

    Args:
        shell: as for every screen.
        name: the secret's.
    """

    TITLE = "Secret"
    CSS_PATH = "secret_detail.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "set", "Set key", id="secret.set", tooltip="Set the value under the cursor."),
        Binding("j,down", "app.focus_next", "Next value", show=False, id="secret.next"),
        Binding("k,up", "app.focus_previous", "Previous value", show=False, id="secret.previous"),
    ]

    def __init__(self, shell: Shell, name: str) -> None:
        super().__init__(shell)
        self.secret = name
        self._keys: dict[MaskedValue, str] = {}

    def body(self) -> ComposeResult:
        """Head, values, changes."""
        self.head = Static(line(self.secret, "strong"), markup=False, id="head")
        self.values = VerticalScroll(id="values", can_focus=False)
        self.history = Static(markup=False, id="history")
        yield self.head
        yield self.values
        yield self.history

    def load(self) -> None:
        """Read the secret and its audit."""
        super().load()
        self.work(
            "Reading the secret", lambda session: show_secret(session.connection, self.secret), self._show
        )

    def _show(self, found: ShownSecret) -> None:
        now = self.shell.opening.now()
        soon = found.record.expires - now <= SOON
        expires = f"{'! ' if soon else ''}expires {shown(found.record.expires, now)}"
        self.head.update(
            Content("\n").join([line(self.secret, "strong"), line(expires, "warning" if soon else "plain")])
        )
        self._keys = {
            MaskedValue(leaf.name, leaf.value, self.shell.opening.now): leaf.name
            for leaf in leaves(found.record.body)
        }
        self.history.update(Content("\n").join(self._changes(found)))
        self.call_later(self._mount_values)

    async def _mount_values(self) -> None:
        values: list[Widget] = [*self._keys]
        async with self.batch():
            await self.values.remove_children()
            await self.values.mount(*(values or [Static(line("It is empty.", "quiet"), markup=False)]))
        if values and self.is_current:
            values[0].focus()

    def _changes(self, found: ShownSecret) -> list[Content]:
        if found.history is None:
            return [line(f"! Its changes cannot be read: {found.history_unread}", "warning")]
        if not found.history:
            return [line("No change is in the audit, which keeps 30 days by default.", "quiet")]
        latest = reversed(found.history[-_LATEST:])
        return [
            line("last changes", "quiet"),
            *(
                line(f"{entry.time[:16].replace('T', ' ')}  {entry.action} by {entry.client_id}")
                for entry in latest
            ),
        ]

    def gone(self) -> None:
        """Leave: there is nothing to show."""
        self.dismiss()

    def selected_id(self) -> str | None:
        """The secret's name."""
        return self.secret

    def _key(self) -> str:
        return self._keys.get(self.focused, "") if isinstance(self.focused, MaskedValue) else ""

    def command(self) -> str | None:
        """The same, by the command; a value is revealed by who runs it."""
        reveal = f" --reveal {shlex.quote(self._key())}" if self._key() else ""
        return f"lading secret get {shlex.quote(self.secret)}{reveal}"

    def action_set(self) -> None:
        """Set the value under the cursor."""
        if self.chosen() is not None:
            key = self._key() or next(iter(self._keys.values()), None)
            from console.screens.secret_form import SecretForm

            self.app.push_screen(SecretForm(self.shell, self.secret, key=key, sets_key=True))
