"""An edit of one role: its scopes as text, and beside it what the change would do."""

from __future__ import annotations

import shlex
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on
from textual.binding import Binding
from textual.containers import Container, VerticalScroll
from textual.widgets import Static, TextArea

from console.actions.save_new_file import save_new_file
from console.actions.set_role import Basis, RoleEdit, apply, read_basis
from console.domain.role_preview import scopes_from_text
from console.domain.web_urls import role_page
from console.screens.access_text import GENERATED, edit_text
from console.screens.screen import ConsoleScreen
from console.widgets.confirm import Confirm
from console.widgets.content import line
from console.widgets.diff_view import DiffLine, DiffView
from runner.errors import Conflict, Refused, RunnerError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.timer import Timer

    from console.domain.role_record import RoleRecord
    from console.shell import Session, Shell

# Who types waits for nothing; who stops sees what it comes to.
_RESTS_SECONDS: Final = 0.3


class RoleEditor(ConsoleScreen):
    """A role's scopes, one a line.

    Args:
        shell: of the console.
        role_id: the role.
        add: scopes to begin with, beside what it states.
        remove: scopes to begin without.
    """

    TITLE = "Edit role"
    CSS_PATH = "access_edit.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "save", "Save", id="role.save", tooltip="Write the role, if nobody was faster."),
        Binding(
            "f3",
            "copy_configuration",
            "Copy text",
            id="role.copy",
            tooltip="Copy the text for the configuration repository.",
        ),
        Binding(
            "f4",
            "save_configuration",
            "Text to file",
            id="role.file",
            tooltip="Write the text for the configuration repository into a new file of the checkout.",
        ),
    ]

    def __init__(
        self, shell: Shell, role_id: str, *, add: Iterable[str] = (), remove: Iterable[str] = ()
    ) -> None:
        super().__init__(shell)
        self._role_id = role_id
        self._add = frozenset(add)
        self._remove = frozenset(remove)
        self._basis: Basis | None = None
        self._edit: RoleEdit | None = None
        self._timer: Timer | None = None

    def body(self) -> ComposeResult:
        """What is to be, and what comes of it."""
        self.title_line = Static(line(self._role_id, "strong"), markup=False, id="role")
        self.text = TextArea(disabled=True, soft_wrap=False, compact=True, id="text")
        self.text.cursor_blink = False
        self.diff = DiffView()
        self.effect = Static(markup=False)
        yield self.title_line
        with Container(id="panes"):
            yield self.text
            with VerticalScroll(id="preview"):
                yield self.diff
                yield self.effect

    def load(self) -> None:
        """Read the role; what was typed stays."""
        self.work("Reading the role", self._read, self._show)

    async def _read(self, session: Session) -> Basis:
        return await read_basis(session.connection, self._role_id)

    def _show(self, basis: Basis) -> None:
        self._basis = basis
        if not self.unsaved:
            stated = basis.before.role.scopes if basis.before else ()
            scopes = sorted(self._add.union(stated) - self._remove)
            if not all(scope.isascii() and scope.isprintable() for scope in scopes):
                self.show_error(
                    Refused("A scope of this role is not printable ASCII: it is not edited here.")
                )
                return
            with self.prevent(TextArea.Changed):
                self.text.text = "\n".join(scopes)
        self.text.disabled = False
        self.text.focus()
        self._judge()

    @on(TextArea.Changed)
    def _typed(self) -> None:
        self.unsaved = True
        self._edit = None
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(_RESTS_SECONDS, self._judge)

    def _judge(self) -> None:
        if self._basis is not None:
            scopes = scopes_from_text(self.text.text)
            self.in_thread("Working out what changes", partial(self._basis.edit, scopes), self._show_edit)

    def _show_edit(self, edit: RoleEdit) -> None:
        self._edit = edit
        looked_at = edit.preview
        self.unsaved = not looked_at.changes_nothing
        kind = "new role" if looked_at.is_new else GENERATED if looked_at.is_generated else ""
        self.title_line.update(line(" · ".join(filter(None, (self._role_id, kind))), "strong"))
        self.diff.show(
            [
                *(DiffLine("+", scope) for scope in looked_at.added),
                *(DiffLine("-", scope) for scope in looked_at.removed),
            ]
        )
        self.effect.update(edit_text(edit))
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The text for the configuration repository is there for a generated role alone."""
        if action in {"copy_configuration", "save_configuration"}:
            return self._edit is not None and bool(self._edit.configuration)
        return super().check_action(action, parameters)

    def action_save(self) -> None:
        """Ask, then write."""
        edit = self._edit
        if edit is None:
            self.notify("Wait until what changes is worked out.", severity="warning")
            return
        try:
            self._check(edit)
        except RunnerError as error:
            self.show_error(error)
            return
        self._forget_error()
        effect = _summary(edit)
        question = f"{'Create' if edit.preview.is_new else 'Change'} role `{self._role_id}`?"
        self.app.push_screen(Confirm(question, effect, verb="Save"), partial(self._answered, edit))

    def _check(self, edit: RoleEdit) -> None:
        if edit.preview.changes_nothing:
            raise UsageError("Nothing changes.", action="Add or take out a scope, or go back with escape.")
        if not edit.preview.scopes:
            raise UsageError(
                "There is not one scope: the role would lose all that it has.",
                action="Leave the scopes that it is to have, one a line.",
            )
        edit.check()
        if self.shell.opening.read_only:
            raise Refused("This console is read-only.", action="Start it without --read-only.")

    def _answered(self, edit: RoleEdit, go: bool | None) -> None:
        if not go:
            return

        async def write(session: Session) -> RoleRecord | tuple[Conflict, Basis]:
            try:
                return await apply(session.connection, edit)
            except Conflict as conflict:
                return conflict, await read_basis(session.connection, self._role_id)

        self.work("Writing the role", write, self._written)

    def _written(self, outcome: RoleRecord | tuple[Conflict, Basis]) -> None:
        if isinstance(outcome, tuple):
            conflict, self._basis = outcome
            # What was typed stays, and is compared with the role as it is now.
            self._judge()
            self.show_error(conflict)
            return
        self.unsaved = False
        self.notify(f"Role {self._role_id} is written.", title="✓ Saved")
        self.dismiss()

    def action_copy_configuration(self) -> None:
        """Copy the text."""
        if self._edit is not None:
            self._copy(self._edit.configuration, "There is no text.")

    def action_save_configuration(self) -> None:
        """Write the text into a new file."""
        folder = self.shell.folder
        if self._edit is not None and folder is not None:
            write = partial(save_new_file, folder / "grant.yml", [self._edit.configuration.encode()])
            self.in_thread("Writing the text", write, self._saved)

    def _saved(self, path: Path) -> None:
        self.notify(f"{path}", title="✓ Written")

    def action_back(self) -> None:
        """Leave, after asking where something typed would be lost."""
        if not self.unsaved:
            super().action_back()
            return

        def answered(go: bool | None) -> None:
            if go:
                self.unsaved = False
                self.dismiss()

        self.app.push_screen(
            Confirm("Leave the edit?", "What you typed is lost; the role stays as it is.", verb="Leave"),
            answered,
        )

    def show_error(self, error: BaseException) -> None:
        """Show an error; letters are typed here, and no key tries again."""
        self._errors.show(error)

    def selected_id(self) -> str | None:
        """The role's id."""
        return self._role_id

    def command(self) -> str | None:
        """The command that makes the edit; the scopes come from a file."""
        return f"lading role set {shlex.quote(self._role_id)} FILE"

    def page(self) -> str | None:
        """The role's page."""
        return role_page(self.shell.root_url, self._role_id)


def _summary(edit: RoleEdit) -> str:
    looked_at = edit.preview
    changes = [f"+ {scope}" for scope in looked_at.added] + [f"- {scope}" for scope in looked_at.removed]
    others = len(looked_at.others)
    if others:
        changes.append(
            f"{others:,} other role{'s'[: others != 1]} or client{'s'[: others != 1]} change with it."
        )
    return "\n".join(changes)
