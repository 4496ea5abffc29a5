"""One question: who holds a scope, and by which roles does a principal come to it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Input, Static

from console.actions.explain_access import explain_access
from console.actions.find_holders import find_holders
from console.domain.principal import Kind
from console.domain.strangers import open_to_strangers
from console.domain.terminal_text import line_of
from console.domain.typed_scope import typed_principal, typed_scope
from console.domain.web_urls import client_page, role_page
from console.screens.access_text import holders_text, verdict_text
from console.screens.screen import ConsoleScreen
from console.widgets.content import line
from console.widgets.filter_table import Cell, Column, FilterTable, Row
from runner.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from console.actions.explain_access import Verdict
    from console.domain.access import Access
    from console.domain.who_can import Holder, Holders
    from console.shell import Session, Shell


class Question(ConsoleScreen):
    """Why somebody holds a scope, or not, and who else does.

    Args:
        shell: of the console.
        access: the roles and clients as they were read.
        who: a role id, `client:ID` or `scope:SCOPE`, or "" for everybody.
        scope: the scope, or "" where it is to be typed.
    """

    TITLE = "Why"
    CSS_PATH = "access_question.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "change", "Other question", id="question.change", tooltip="Ask about somebody else.")
    ]

    def __init__(self, shell: Shell, access: Access, who: str, scope: str) -> None:
        super().__init__(shell)
        self._access = access
        self._who = Input(
            line_of(who), placeholder="all; or a role id, client:ID, scope:SCOPE", compact=True, id="who"
        )
        self._scope = Input(line_of(scope), placeholder="secrets:get:… and enter", compact=True, id="scope")
        self._found: dict[str, Holder] = {}

    def body(self) -> ComposeResult:
        """The question, the answer, and all who hold the scope."""
        self.answer = Static(markup=False)
        self.count = Static(markup=False, id="count")
        self.holders = FilterTable(
            Column("kind", 6), Column("who"), Column("how"), empty="Nobody.", id="holders"
        )
        with Vertical(id="question"):
            yield Static(line("who   ", "quiet"), markup=False)
            yield self._who
            yield Static(line("scope ", "quiet"), markup=False)
            yield self._scope
        with VerticalScroll(id="answer", can_focus=False):
            yield self.answer
        yield self.count
        yield self.holders

    def load(self) -> None:
        """Ask, where there is a question; else let it be typed."""
        if self._scope.value:
            self._ask()
        else:
            self._scope.focus()

    def action_change(self) -> None:
        """Type another question."""
        self._who.focus()

    @on(Input.Submitted, "#who, #scope")
    def _ask(self) -> None:
        try:
            who = typed_principal(self._who.value) if self._who.value.strip() else None
            scope = typed_scope(self._scope.value.strip())
        except UsageError as error:
            self.show_error(error)
            return
        self.answer.update("")
        self.query_one("#answer").display = who is not None

        async def find(session: Session) -> Holders:
            return await find_holders(session.connection, scope, access=self._access)

        self.work("Finding who holds the scope", find, self._show_holders)
        if who is not None:

            async def explain(session: Session) -> Verdict:
                return await explain_access(session.connection, who, scope, access=self._access)

            self.work("Asking by which roles", explain, self._show_verdict)
        self.holders.focus()

    def _show_verdict(self, verdict: Verdict) -> None:
        notes = [
            line(f"{what} is taken for every name that begins with {text[:-1] or 'anything'}", "warning")
            for what, text, is_star in (
                ("Who", verdict.principal.name, verdict.principal.is_wildcard),
                ("The scope", verdict.scope, verdict.scope.endswith("*")),
            )
            if is_star
        ]
        self.answer.update(Content("\n").join([*notes, verdict_text(verdict)]))
        self.query_one("#answer", VerticalScroll).scroll_home(animate=False)

    def _show_holders(self, found: Holders) -> None:
        self._found = {str(holder.principal): holder for holder in (*found.roles, *found.clients)}
        self.count.update(holders_text(found))
        self.holders.show(_rows(found))

    @on(FilterTable.Opened, "#holders")
    def _why(self, event: FilterTable.Opened) -> None:
        self._who.value = line_of(event.key)
        self._ask()

    def show_error(self, error: BaseException) -> None:
        """Show an error; letters are typed here, and no key tries again."""
        self._errors.show(error)

    def selected_id(self) -> str | None:
        """The holder's id."""
        holder = self._found.get(self.holders.selected or "")
        return holder.principal.name if holder else None

    def command(self) -> str | None:
        """The same question as a command."""
        who, scope = self._who.value.strip(), self._scope.value.strip()
        if not scope:
            return None
        words = ["lading", "can", who, scope] if who else ["lading", "who-can", scope]
        return shlex.join(words)

    def page(self) -> str | None:
        """The holder's page."""
        holder = self._found.get(self.holders.selected or "")
        if holder is None:
            return None
        page = client_page if holder.principal.kind is Kind.CLIENT else role_page
        return page(self.shell.root_url, holder.principal.name)


def _rows(found: Holders) -> Iterator[Row]:
    strange = set(open_to_strangers(found.roles))
    for holder in (*found.roles, *found.clients):
        name = holder.principal.name
        is_open = holder.principal.kind is Kind.ROLE and name in strange
        yield Row(
            str(holder.principal),
            (
                Cell(holder.principal.kind.value, "quiet"),
                Cell(f"✗ {name}", "bad") if is_open else name,
                Cell(_how(holder, is_open=is_open), "bad" if is_open else "quiet"),
            ),
        )


def _how(holder: Holder, *, is_open: bool) -> str:
    parts = ["open to strangers"] if is_open else []
    if holder.cannot_sign_in:
        parts.append(f"{holder.cannot_sign_in}: cannot sign in")
    if holder.member is not None:
        parts.append(f"not every such name: {holder.member} does" if holder.member else "by a role below it")
    parts.append(f"through {', '.join(holder.through)}" if holder.through else "itself")
    return " · ".join(parts)
