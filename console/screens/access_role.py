"""One role: what it is, what it states, and what roles make of that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from console.domain.generated_role import is_generated
from console.domain.scopes import ASSUME
from console.screens.access_text import GENERATED
from console.widgets.content import line, lines
from console.widgets.filter_table import Cell, Column, FilterTable, Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.app import ComposeResult

    from console.actions.show_role import ShownRole
    from console.domain.access import Role


class RoleView(Vertical):
    """A role's head and its scopes: as written first, then those that roles add."""

    DEFAULT_CSS = """
    RoleView .head { height: auto; max-height: 6; padding: 0 1; }
    """

    def compose(self) -> ComposeResult:
        """The head and the scopes."""
        self._head = Static(markup=False, classes="head")
        self._scopes = FilterTable(Column("by", 7), Column("scope"), empty="No scope.", id="scopes")
        yield self._head
        yield self._scopes

    @property
    def selected(self) -> str:
        """The scope under the cursor, or ""."""
        return self._scopes.selected or ""

    @property
    def has_cursor(self) -> bool:
        """Whether keys move in the scopes."""
        return self.has_focus_within

    def focus(self, scroll_visible: bool = True) -> RoleView:
        """Focus the scopes."""
        self._scopes.focus(scroll_visible)
        return self

    def clear(self) -> None:
        """Show no role."""
        self._head.update("")
        self._scopes.show(())

    def show(self, role: Role) -> None:
        """What a list of roles tells of one."""
        self._head.update(_head(role))
        self._scopes.show(_written(role))

    def show_record(self, shown: ShownRole) -> None:
        """All of a role."""
        record = shown.record
        self._head.update(Content("\n").join([_head(record.role), line(_times(shown), "quiet")]))
        added = sorted(set(record.expanded) - {*record.role.scopes, ASSUME + record.role.role_id})
        self._scopes.show(
            [*_written(record.role), *(Row(scope, (Cell("roles", "quiet"), scope)) for scope in added)]
        )


def _written(role: Role) -> Iterator[Row]:
    return (Row(scope, (Cell("itself", "quiet"), Cell(scope, "strong"))) for scope in sorted(role.scopes))


def _head(role: Role) -> Content:
    drawn = [line(role.role_id, "strong")]
    if is_generated(role):
        drawn.append(line(f"! {GENERATED}: e gives the text for the configuration repository", "warning"))
    if role.description:
        drawn.append(lines(role.description, "quiet"))
    return Content("\n").join(drawn)


def _times(shown: ShownRole) -> str:
    if shown.history is None:
        changed = f"its changes cannot be read: {shown.history_unread}"
    elif not shown.history:
        changed = "no change in the audit"
    else:
        latest = shown.history[-1]
        changed = f"{latest.action} by {latest.client_id}"
    return f"last modified {shown.record.last_modified}, {changed}"
