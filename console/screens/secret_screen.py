"""What the screens with a secret under their cursor share: rotate, delete, undo, and who can read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding

from console.actions.read_access import read_access
from console.actions.secret_delete import delete_secret
from console.actions.secret_save import undo
from console.domain.web_urls import secret_page
from console.screens.screen import ConsoleScreen
from console.screens.secret_desk import desk_of
from console.widgets.confirm import Confirm

if TYPE_CHECKING:
    from textual.binding import BindingType

    from console.actions.secret_delete import Deleted
    from console.domain.access import Access
    from console.shell import Shell


class SecretScreen(ConsoleScreen):
    """A screen with a secret under its cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "rotate", "Rotate", id="secret.rotate", tooltip="Set a registry token, in its shape."),
        Binding("x", "delete", "Delete", id="secret.delete", tooltip="Delete the secret; asks for its name."),
        Binding("w", "who", "Who", id="secret.who", tooltip="Which roles and clients can read the secret."),
        Binding(
            "u", "undo", "Undo", id="secret.undo", tooltip="Put back what this program last replaced in it."
        ),
    ]

    def __init__(self, shell: Shell) -> None:
        super().__init__(shell)
        self.desk = desk_of(shell)
        self._seen_changes = self.desk.changes

    def load(self) -> None:
        """Read what the screen shows."""
        self._seen_changes = self.desk.changes

    def on_screen_resume(self) -> None:
        """Read again what another screen changed."""
        if self._seen_changes != self.desk.changes:
            self.load()

    def page(self) -> str | None:
        """The secret's."""
        name = self.selected_id()
        return secret_page(self.shell.root_url, name) if name else None

    def chosen(self) -> str | None:
        """The secret to be changed, or None where there is none, or nothing may be changed, which is told."""
        if self.shell.opening.read_only:
            self.notify("The console is read-only: nothing is changed.", severity="warning")
            return None
        name = self.selected_id()
        if name is None:
            self.notify("No secret is chosen.", severity="warning")
        return name

    def action_rotate(self) -> None:
        """Fill in a form."""
        name = self.chosen()
        if name is not None:
            from console.screens.secret_form import SecretForm

            self.app.push_screen(SecretForm(self.shell, name))

    def action_delete(self) -> None:
        """Ask, then delete."""
        name = self.chosen()
        if name is None:
            return

        def answered(go: bool | None) -> None:
            if go:
                self.work(
                    "Deleting the secret",
                    lambda session: delete_secret(session.connection, name),
                    self._deleted,
                )

        self.app.push_screen(
            Confirm(
                f"Delete secret {name}?",
                "What it holds is gone, and every task that reads it fails. This cannot be undone.",
                verb="Delete",
                typed=name,
            ),
            answered,
        )

    def _deleted(self, deleted: Deleted) -> None:
        self.desk.drop(deleted.name)
        self.notify(f"Secret {deleted.name} is deleted.")
        self.gone()

    def gone(self) -> None:
        """The secret under the cursor is not there any more."""
        self.load()

    def action_who(self) -> None:
        """Ask who else can read it, and by which roles."""
        name = self.selected_id()
        if name is None:
            self.notify("No secret is chosen.", severity="warning")
            return

        def ask(access: Access) -> None:
            from console.screens.access_question import Question

            self.app.push_screen(Question(self.shell, access, "", f"secrets:get:{name}"))

        self.work("Reading roles and clients", lambda session: read_access(session.connection), ask)

    def action_undo(self) -> None:
        """Ask, then put back what was there."""
        name = self.chosen()
        if name is None:
            return
        saved = self.desk.saved.get(name)
        if saved is None or not saved.can_be_undone:
            self.notify(
                "What was there before could not be read: it cannot be put back."
                if saved
                else "This program has not changed the secret: there is nothing to undo.",
                severity="warning",
            )
            return

        def answered(go: bool | None) -> None:
            if go:
                self.work(
                    "Undoing the change",
                    lambda session: undo(session.connection, saved),
                    lambda _: self._undone(name),
                )

        self.app.push_screen(
            Confirm(
                f"Undo the change of secret {name}?",
                "What was there before is put back, if nobody has changed it since.",
                verb="Undo",
            ),
            answered,
        )

    def _undone(self, name: str) -> None:
        self.desk.drop(name)
        self.notify(f"Secret {name} is as it was before.")
        self.load()
