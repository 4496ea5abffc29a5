"""What the screens about one task have in common: which one, and a field to type it where none is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.widgets import Input

from console.domain.task_ids import task_id_of
from console.domain.web_urls import task_page
from console.screens.screen import ConsoleScreen
from runner.errors import UsageError

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from console.shell import Shell


class TaskScreen(ConsoleScreen):
    """A screen about one task.

    Args:
        shell: as for every screen.
        task_id: of the task, or "" for the one that was looked at last.
    """

    DEFAULT_CSS = """
    TaskScreen #task { display: none; height: 1; border: none; padding: 0 1; background: $boost; }
    TaskScreen #task.-open { display: block; }
    """

    def __init__(self, shell: Shell, task_id: str = "") -> None:
        super().__init__(shell)
        self.task_id = task_id
        self._is_given = bool(task_id)
        self._shown_of = ""
        self._field = Input(placeholder="a task's id, or a link to it, and enter", compact=True, id="task")

    def body(self) -> ComposeResult:
        """The field, where no task is known."""
        yield self._field

    def load(self) -> None:
        """Read the task, or ask which."""
        if not self._is_given:
            self.task_id = self.shell.task_id
        self._field.set_class(not self.task_id, "-open")
        if not self.task_id:
            self._field.focus()
            return
        self.shell.task_id = self._shown_of = self.task_id
        self.load_task()

    def load_task(self) -> None:
        """Read what is shown of `task_id`."""

    def on_screen_resume(self) -> None:
        """Another task may have been looked at meanwhile."""
        if self._shown_of and not self._is_given and self.shell.task_id != self._shown_of:
            self.load()
        elif not self._shown_of and self.shell.task_id and self.is_attached:
            self.call_after_refresh(self.load)

    @on(Input.Submitted, "#task")
    def _chosen(self, event: Input.Submitted) -> None:
        try:
            self.shell.task_id = task_id_of(event.value)
        except UsageError as error:
            self.show_error(error)
            return
        self.load()

    def selected_id(self) -> str | None:
        """The task's id."""
        return self.task_id or None

    def page(self) -> str | None:
        """The task's page."""
        return task_page(self.shell.root_url, self.task_id) if self.task_id else None
