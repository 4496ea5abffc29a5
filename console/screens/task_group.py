"""The tasks of a group, however many, as they change."""

from __future__ import annotations

from collections import Counter
from sys import intern
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
    from collections.abc import AsyncIterator, Mapping

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.timer import Timer

    from console.actions.build_control import Cancelled
    from console.domain.group_progress import Standing
    from console.domain.tasks import Task
    from console.shell import Session, Shell
    from console.widgets.content import Tone

# A group has up to tens of thousands of tasks, which come by the hundred.
_GATHER_SECONDS: Final = 0.2
# In this order they are counted: what wants to be looked at first.
_STATES: Final = ("failed", "exception", "running", "pending", "unscheduled", "completed")


def row_of(task: Task) -> Row:
    """A task as a row: of a task nothing else is kept, and equal texts once."""
    began, ended = task.started, task.resolved
    took = f"since {began:%H:%M}" if began else ""
    if began and ended:
        took = lasted((ended - began).total_seconds())
    cells = (state_cell(intern(task.result)), task.name, took, intern(task.pool))
    return Row(task.task_id, cells)


def counted(counts: Mapping[str, int]) -> str:
    """How many tasks there are in each state: `1,200 tasks: 3 failed, 1,197 completed`."""
    total = sum(counts.values())
    states = ", ".join(f"{counts[state]:,} {state}" for state in _STATES if counts.get(state))
    return f"{total:,} {'task' if total == 1 else 'tasks'}: {states}"


class TaskGroup(ConsoleScreen):
    """A group.

    Args:
        shell: as for every screen.
        group_id: of the group.
    """

    TITLE = "Task group"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "log", "Log", id="group.log", tooltip="What the task says, live."),
        Binding(
            "v", "verify", "Verify", id="group.verify", tooltip="Whether its image is what it published."
        ),
        Binding("K", "cancel", "Cancel all", id="group.cancel", tooltip="Seal the group, and end its tasks."),
    ]

    def __init__(self, shell: Shell, group_id: str) -> None:
        super().__init__(shell)
        self.group_id = group_id
        self._counts: Counter[str] = Counter()
        self._fresh: list[Row] = []
        self._gathered: Timer | None = None

    def body(self) -> ComposeResult:
        """One table."""
        self.table = FilterTable(
            Column("state", 22),
            Column("task"),
            Column("took", 11),
            Column("pool"),
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
        self._counts.clear()

        def changes(session: Session) -> AsyncIterator[TaskChange | Standing]:
            return watch(session.connection, watched)

        self.follow("Watching the group", changes, self._came)

    def _came(self, change: TaskChange | Standing) -> None:
        if isinstance(change, TaskChange):
            self._counts[change.task.state] += 1
            if change.before is not None:
                self._counts[change.before] -= 1
            self._fresh.append(row_of(change.task))
            if self._gathered is None:
                self._gathered = self.set_timer(_GATHER_SECONDS, self._draw)
            return
        self._draw()
        tone: Tone = "good" if change.is_success else "bad"
        self.ended.update(line(f"{GLYPHS[tone]} All have ended. {counted(change.counts)}", tone))
        self.app.bell()

    def _draw(self) -> None:
        """What came since the last time."""
        if self._gathered is not None:
            self._gathered.stop()
            self._gathered = None
        fresh, self._fresh = self._fresh, []
        self.table.update_rows(fresh)
        self.ended.update(line(f"So far {counted(self._counts)}", "quiet"))

    @on(FilterTable.Opened)
    def _show_task(self, event: FilterTable.Opened) -> None:
        from console.screens.task import TaskDetails

        self.app.push_screen(TaskDetails(self.shell, event.key))

    def action_log(self) -> None:
        """The log of the task under the cursor."""
        if self.table.selected:
            from console.screens.log import TaskLog

            self.app.push_screen(TaskLog(self.shell, self.table.selected))

    def action_verify(self) -> None:
        """The image that the task under the cursor published."""
        if self.table.selected:
            from console.screens.verify import Verify

            self.app.push_screen(Verify(self.shell, self.table.selected))

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
