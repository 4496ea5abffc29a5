"""The secrets of this deployment: names at once, dates and who changed them last as they are known."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on
from textual.binding import Binding

from console.actions.secret_list import DETAILED, SecretLine, list_secrets, secret_lines
from console.domain.secret_expiry import SOON, short
from console.screens.secret_screen import SecretScreen
from console.widgets.filter_table import Cell, Column, FilterTable, Row

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.timer import Timer

    from console.shell import Session

# A cursor that passes a secret reads nothing of it.
_RESTS_SECONDS: Final = 0.2


def row_of(line: SecretLine, now: datetime) -> Row:
    """A secret as a row."""
    if line.expires is None:
        expires = Cell(f"· {line.unread}", "quiet")
    elif line.expires <= now:
        expires = Cell("✗ expired", "bad")
    elif line.expires - now <= SOON:
        expires = Cell(f"! {short(line.expires)}", "warning")
    else:
        expires = Cell(short(line.expires))
    last = (line.last.time[:10], line.last.client_id) if line.last else ("", "")
    return Row(line.name, (line.name, expires, *last))


class Secrets(SecretScreen):
    """All secrets that are visible."""

    TITLE = "Secrets"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "add", "Add", id="secrets.add", tooltip="Make a secret, or set one that is not listed."),
    ]

    def body(self) -> ComposeResult:
        """One table."""
        self.table = FilterTable(
            Column("secret"),
            Column("expires", 12),
            Column("changed", 10),
            Column("by"),
            empty="No secret is visible. a makes one.",
            id="secrets",
        )
        yield self.table

    def on_mount(self) -> None:
        """Nothing is known yet."""
        self._lines: dict[str, SecretLine] = {}
        self._rest: Timer | None = None
        self.table.focus()

    def load(self) -> None:
        """The names, then the dates of as many as are not too many."""
        super().load()
        self.work("Listing secrets", lambda session: list_secrets(session.connection), self._show)

    def _show(self, names: Sequence[str]) -> None:
        self._lines = {name: SecretLine(name, None, None, "") for name in names}
        self.table.show(Row(name, (name, Cell("· …", "quiet"), "", "")) for name in names)
        self._read(names[:DETAILED])

    def _read(self, names: Sequence[str]) -> None:
        def lines(session: Session) -> AsyncIterator[SecretLine]:
            return secret_lines(session.connection, names)

        if names:
            self.follow("Reading dates", lines, self._told)

    def _told(self, line: SecretLine) -> None:
        if line.name in self._lines:
            self._lines[line.name] = line
            self.table.update_row(row_of(line, self.shell.opening.now()))

    @on(FilterTable.Moved)
    def _moved(self, event: FilterTable.Moved) -> None:
        """Read the dates of one that is beyond those that were read."""
        if self._rest is not None:
            self._rest.stop()
        line = self._lines.get(event.key)
        if len(self._lines) > DETAILED and line is not None and not (line.expires or line.unread):
            self._rest = self.set_timer(_RESTS_SECONDS, lambda: self._read_one(event.key))

    def _read_one(self, name: str) -> None:
        self.follow("Reading a date", lambda session: secret_lines(session.connection, [name]), self._told)

    @on(FilterTable.Opened)
    def _opened(self, event: FilterTable.Opened) -> None:
        from console.screens.secret_detail import SecretDetail

        self.app.push_screen(SecretDetail(self.shell, event.key))

    def action_add(self) -> None:
        """A form for a secret that is not listed."""
        if self.shell.opening.read_only:
            self.notify("The console is read-only: nothing is changed.", severity="warning")
            return
        from console.screens.secret_form import SecretForm

        self.app.push_screen(SecretForm(self.shell, ""))

    def selected_id(self) -> str | None:
        """The secret's name."""
        return self.table.selected

    def command(self) -> str | None:
        """The same, by the command."""
        selected = self.table.selected
        return f"lading secret get {shlex.quote(selected)}" if selected else "lading secret list"
