"""The tasks of a group, as they change."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual import on
from textual.binding import Binding
from textual.widgets import Static

from console.actions.build_control import cancel_group
from console.actions.build_watch import Watched, watch
from console.domain.group_progress import TaskChange
from console.domain.web_urls import group_page
from console.screens.build_words import lasted, state_cell
from console.screens.screen import ConsoleScreen
from console.widgets.confirm import Confirm
from console.widgets.content import GLYPHS, line
from console.widgets.filter_table import Column, FilterTable, Row

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.timer import Timer

    from console.actions.build_control import Cancelled
    from console.domain.builds import Task
    from console.domain.group_progress import Standing
    from console.shell import Session, Shell
    from console.widgets.content import Tone

# A group has up to tens of thousands of tasks, which come by the thousand.
_GATHER_SECONDS: Final = 0.2


def row_of(task: Task, now: datetime) -> Row:
    """A task as a row; of the task nothing else is kept."""
    started = task.started
    seconds = ((task.resolved or now) - started).total_seconds() if started else None
    return Row(task.task_id, (state_cell(task.result), task.name, lasted(seconds), task.pool, task.task_id))


class TaskGroup(ConsoleScreen):
    """A group.

    Args:
        shell: as for every screen.
        group_id: of the group.
    """

    TITLE = "Task group"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "log", "Log", id="group.log", tooltip="What the task says, live."),
        Binding("K", "cancel", "Cancel all", id="group.cancel", tooltip="Seal the group, and end its tasks."),
    ]

    def __init__(self, shell: Shell, group_id: str) -> None:
        super().__init__(shell)
        self.group_id = group_id
        self._rows: dict[str, Row] = {}
        self._gathered: Timer | None = None

    def body(self) -> ComposeResult:
        """One table."""
        self.table = FilterTable(
            Column("state", 22),
            Column("task"),
            Column("took", 9),
            Column("pool"),
            Column("id", 22),
            empty="No task is known of this group.",
            id="group",
        )
        self.ended = Static(markup=False)
        yield self.table
        yield self.ended

    def on_mount(self) -> None:
        """Keys go to the rows."""
        self.table.focus()

    def load(self) -> None:
        """Watch it to its end."""
        watched = Watched(self.group_id, None)
        self.ended.update("")

        def changes(session: Session) -> AsyncIterator[TaskChange | Standing]:
            return watch(session.connection, watched)

        self.follow("Watching the group", changes, self._came)

    def _came(self, change: TaskChange | Standing) -> None:
        if isinstance(change, TaskChange):
            self._rows[change.task.task_id] = row_of(change.task, self.shell.opening.now())
            if self._gathered is None:
                self._gathered = self.set_timer(_GATHER_SECONDS, self._draw)
            return
        counts = ", ".join(f"{count} {state}" for state, count in sorted(change.counts.items()))
        tone: Tone = "good" if change.is_success else "bad"
        self.ended.update(line(f"{GLYPHS[tone]} All have ended: {counts}", tone))
        self.app.bell()

    def _draw(self) -> None:
        self._gathered = None
        self.table.show(self._rows.values())

    @on(FilterTable.Opened)
    def _show_task(self, event: FilterTable.Opened) -> None:
        from console.screens.task import TaskDetails

        self.app.push_screen(TaskDetails(self.shell, event.key))

    def action_log(self) -> None:
        """The log of the task under the cursor."""
        if self.table.selected:
            from console.screens.log import TaskLog

            self.app.push_screen(TaskLog(self.shell, self.table.selected))

    def action_cancel(self) -> None:
        """Seal it and end its tasks, after a question."""
        if self.shell.opening.read_only:
            self.notify("The console is read-only: nothing is changed.", severity="warning")
            return

        def answered(go: bool | None) -> None:
            if go:
                self.work(
                    "Cancelling the group",
                    lambda session: cancel_group(session.connection, self.group_id),
                    self._cancelled,
                )

        effect = "It is sealed for good: no task can be added. All its tasks that have not ended are ended."
        self.app.push_screen(Confirm(f"Cancel group {self.group_id}?", effect, verb="Cancel all"), answered)

    def _cancelled(self, done: Cancelled) -> None:
        self.notify(f"{done.ended} of {done.of} tasks were ended")
        self.load()

    def selected_id(self) -> str | None:
        """The task's id."""
        return self.table.selected or self.group_id

    def command(self) -> str | None:
        """The same, by the command."""
        return f"lading build watch {self.group_id}"

    def page(self) -> str | None:
        """The group's page."""
        return group_page(self.shell.root_url, self.group_id)
