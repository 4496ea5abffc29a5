"""Who may do what: all roles, and of each what it states, what that comes to, and who changed it last."""

from __future__ import annotations

import asyncio
import shlex
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from textual import on
from textual.binding import Binding
from textual.containers import Container

from console.actions.read_access import read_access
from console.actions.repository import repository_of
from console.actions.show_role import show_role
from console.domain.generated_role import is_generated
from console.domain.web_urls import role_page
from console.screens.access_edit import RoleEditor
from console.screens.access_question import Question
from console.screens.access_role import RoleView
from console.screens.screen import ConsoleScreen
from console.widgets.filter_table import Cell, Column, FilterTable, Row
from runner.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.timer import Timer

    from console.actions.repository import Repository
    from console.actions.show_role import ShownRole
    from console.domain.access import Access as Known
    from console.shell import Session

# A cursor that passes a role asks nothing of it.
_RESTS_SECONDS: Final = 0.15


class _Read(NamedTuple):
    access: Known
    repository: Repository


class Access(ConsoleScreen):
    """The roles of the deployment, this repository's first."""

    TITLE = "Access"
    CSS_PATH = "access.tcss"
    VERTICAL_BREAKPOINTS = [(0, "-low"), (16, "-high")]  # noqa: RUF012 - as Textual types it
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "ask", "Why/who", id="access.ask", tooltip="Ask who holds a scope, and by which roles."),
        Binding(
            "s",
            "ask_secret",
            "Secret",
            id="access.secret",
            tooltip="Who can read this repository's secret: roles and clients.",
        ),
        Binding("e", "edit", "Edit", id="access.edit", tooltip="Change this role's scopes, after a preview."),
    ]

    def body(self) -> ComposeResult:
        """The roles, and the one under the cursor."""
        self.roles = FilterTable(Column("note", 10), Column("role"), empty="No role is visible.", id="roles")
        self.role = RoleView()
        with Container(id="panes"):
            yield self.roles
            yield self.role

    def on_mount(self) -> None:
        """Nothing is known yet."""
        self._known: _Read | None = None
        self._rest: Timer | None = None
        self.roles.focus()

    def load(self) -> None:
        """Read all roles and clients, once for all questions."""
        self.work("Reading roles and clients", self._read, self._show)

    @staticmethod
    async def _read(session: Session) -> _Read:
        access, repository = await asyncio.gather(
            read_access(session.connection), asyncio.to_thread(repository_of, session.folder)
        )
        return _Read(access, repository)

    def _show(self, read: _Read) -> None:
        self._known = read
        self.roles.show(_rows(read))
        if read.access.roles_unread:
            self.show_error(
                Unavailable(
                    f"Not all is shown: {read.access.roles_unread}", action="Sign in with `auth:list-roles`."
                )
            )
        self._show_role()

    @on(FilterTable.Moved, "#roles")
    def _moved(self) -> None:
        self._show_role()

    @on(FilterTable.Opened, "#roles")
    def _opened(self) -> None:
        self.add_class("-inside")
        self.call_after_refresh(self.role.focus)

    def on_descendant_focus(self) -> None:
        """In a low terminal only the part with the focus is shown."""
        self.set_class(self.role.has_cursor, "-inside")

    @on(FilterTable.Opened, "#scopes")
    def _asked(self, event: FilterTable.Opened) -> None:
        self._question(self.roles.selected or "", event.key)

    def _show_role(self) -> None:
        """What is known is shown at once; the rest is asked for where the cursor stays."""
        name = self.roles.selected
        if self._rest is not None:
            self._rest.stop()
        if self._known is None or name is None:
            self.role.clear()
            return
        self.role.show(self._known.access.roles[name])
        self._rest = self.set_timer(_RESTS_SECONDS, partial(self._ask_more, name))

    def _ask_more(self, name: str) -> None:
        self.work("Reading the role", lambda session: show_role(session.connection, name), self._show_more)

    def _show_more(self, shown: ShownRole) -> None:
        if shown.record.role.role_id == self.roles.selected:
            self.role.show_record(shown)

    def _question(self, who: str, scope: str) -> None:
        if self._known is None:
            self.notify("The roles are not read yet.", severity="warning")
        else:
            self.app.push_screen(Question(self.shell, self._known.access, who, scope))

    def action_ask(self) -> None:
        """Ask about the scope under the cursor, or any."""
        self._question("", self.role.selected if self.role.has_cursor else "")

    def action_ask_secret(self) -> None:
        """Ask who can read the secret that lading.toml names."""
        secrets = self._known.repository.secrets if self._known else ()
        if secrets:
            self._question("", f"secrets:get:{secrets[0]}")
        else:
            self.notify("lading.toml names no secret here.", severity="warning")

    def action_edit(self) -> None:
        """Change a role, then read all again: others change with it."""
        name = self.roles.selected
        if name is None:
            self.notify("No role is under the cursor.", severity="warning")
            return
        self.app.push_screen(RoleEditor(self.shell, name), lambda _: self.load())

    def action_back(self) -> None:
        """From the scopes to the roles."""
        if self.role.has_cursor and not self.cancel_work():
            self.remove_class("-inside")
            self.call_after_refresh(self.roles.focus)
        else:
            super().action_back()

    def selected_id(self) -> str | None:
        """The scope or the role under the cursor."""
        return self.role.selected if self.role.has_cursor else self.roles.selected

    def command(self) -> str | None:
        """The command that shows the role."""
        name = self.roles.selected
        return f"lading role show {shlex.quote(name)}" if name else None

    def page(self) -> str | None:
        """The role's page."""
        name = self.roles.selected
        return role_page(self.shell.root_url, name) if name else None


def _rows(read: _Read) -> Iterator[Row]:
    """This repository's roles, then all others, each in order of their ids."""
    prefix = read.repository.role_prefix
    roles = read.access.roles.values()
    for role in sorted(roles, key=lambda role: (not _is_own(role.role_id, prefix), role.role_id)):
        is_own = _is_own(role.role_id, prefix)
        generated = "gen." if is_own else "generated"
        note = " · ".join(["own"] * is_own + [generated] * is_generated(role))
        yield Row(role.role_id, (Cell(note, "quiet"), Cell(role.role_id, "strong" if is_own else "plain")))


def _is_own(role_id: str, prefix: str) -> bool:
    return bool(prefix) and role_id.startswith(prefix)
