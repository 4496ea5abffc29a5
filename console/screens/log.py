"""The log of a task: live while it runs, over cut connections and retries, to its end."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding

from console.actions.build_log import follow_log
from console.actions.save_new_file import save_new_file
from console.domain.log_following import LogBytes, LogEnd, LogRun, LogTrouble, LogWaiting
from console.screens.task_desk import TaskScreen
from console.widgets.log_pane import LogPane

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from console.domain.log_following import LogEvent
    from console.shell import Session


class TaskLog(TaskScreen):
    """One task's log."""

    TITLE = "Log"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "s", "save", "Save", id="log.save", tooltip="Save the log as it came, into a file of this folder."
        ),
    ]

    def body(self) -> ComposeResult:
        """The lines."""
        yield from super().body()
        self.log_pane = LogPane(id="log")
        yield self.log_pane

    def load_task(self) -> None:
        """Read from the beginning; what was read is dropped, for it may be another run's."""
        task_id = self.task_id

        def events(session: Session) -> AsyncIterator[LogEvent]:
            return follow_log(session.connection, task_id)

        self.log_pane.clear()
        self.log_pane.tell("connecting")
        self.log_pane.focus()
        self.follow("Following the log", events, self._came)

    def _came(self, event: LogEvent) -> None:
        pane = self.log_pane
        match event:
            case LogBytes(data):
                pane.view.feed(data)
            case LogRun(run_id, reason):
                pane.tell(f"run {run_id}")
                if reason:
                    pane.view.note(f"run {run_id} follows ({reason}): its log begins anew")
            case LogWaiting(reason, ahead):
                before = "" if ahead is None else f", {ahead} are before it"
                pane.tell(f"waits: {reason}{before}")
            case LogTrouble(reason, seconds):
                pane.tell(f"{reason}; again in {seconds:.1f} s")
            case LogEnd(result, problem):
                pane.view.finish()
                if problem:
                    pane.view.note(f"the end is missing: {problem}")
                pane.tell(f"ended: {result}")

    def action_save(self) -> None:
        """Save all that is there."""
        if not self.task_id:
            return
        pieces = self.log_pane.view.store.saved()
        path = Path.cwd() / f"{self.task_id}.log"
        self.in_thread("Saving the log", partial(save_new_file, path, pieces), self._saved)

    def _saved(self, path: Path) -> None:
        self.notify(f"{path} has the log as it came, escape sequences too.")

    def command(self) -> str | None:
        """The same, by the command."""
        return f"lading build log {self.task_id}" if self.task_id else None
