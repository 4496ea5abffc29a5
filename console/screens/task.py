"""One task of a build: what it did, step by step, and what can be done with it."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.widgets import Static

from console.actions.build_control import cancel_task, change_priority, rerun_task
from console.actions.build_task import read_task
from console.actions.save_new_file import save_new_file
from console.domain.task_request import PRIORITIES
from console.screens.build_words import state_words
from console.screens.looking import LookingScreen
from console.screens.priority import Priority
from console.screens.task_desk import TaskScreen
from console.screens.task_words import task_content
from console.widgets.confirm import Confirm
from runner.retry import Backoff

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Final

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from console.actions.build_task import TaskDetail
    from console.domain.tasks import Task
    from console.shell import Session

# Looks at one that has not ended.
_WAITS: Final = Backoff(attempts=0, first=3.0, longest=30.0)
_READING: Final = "Reading the task"


class TaskDetails(TaskScreen, LookingScreen):
    """One task, whole; while it has not ended it is looked at again and again."""

    TITLE = "Task"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "log", "Log", id="task.log", tooltip="What it says, live."),
        Binding("a", "artifacts", "Artifacts", id="task.artifacts", tooltip="What it left behind."),
        Binding("v", "verify", "Verify", id="task.verify", tooltip="Whether its image is what it published."),
        Binding("K", "cancel", "Cancel", id="task.cancel", tooltip="End it, after a question."),
        Binding("U", "rerun", "Rerun", show=False, id="task.rerun", tooltip="Run it once more, as it is."),
        Binding("T", "retrigger", "Retrigger", id="task.retrigger", tooltip="Plan a new task like it."),
        Binding("P", "priority", "Priority", show=False, id="task.priority", tooltip="Let it run sooner."),
        Binding(
            "s",
            "save",
            "Save",
            show=False,
            id="task.save",
            tooltip="Save its definition into a file of this folder.",
        ),
        Binding("j", "move('scroll_down')", "Down", show=False, id="task.down"),
        Binding("k", "move('scroll_up')", "Up", show=False, id="task.up"),
        Binding("g", "move('scroll_home')", "First line", show=False, id="task.first"),
        Binding("G", "move('scroll_end')", "Last line", show=False, id="task.last"),
        Binding("ctrl+d", "move('page_down')", "Page down", show=False, id="task.page-down"),
        Binding("ctrl+u", "move('page_up')", "Page up", show=False, id="task.page-up"),
    ]

    _detail: TaskDetail | None = None

    by_itself = frozenset({_READING})

    def body(self) -> ComposeResult:
        """Its lines."""
        yield from super().body()
        self.told = Static(markup=False)
        self.scroller = VerticalScroll(self.told, id="details")
        yield self.scroller

    def on_mount(self) -> None:
        """Keys scroll."""
        self.scroller.focus()

    def load_task(self) -> None:
        """Read it with what it left behind."""
        task_id = self.task_id
        self.work(_READING, lambda session: read_task(session.connection, task_id), self._show)

    def _show(self, detail: TaskDetail) -> None:
        known = self._detail
        self._detail = detail
        self._draw()
        self.refresh_bindings()
        changed = known is None or known.task.result != detail.task.result
        self.look_again(None if detail.task.is_resolved else _WAITS, changed=changed)

    def _draw(self) -> None:
        if self._detail is not None:
            # Less the scroll bar, which comes and goes.
            width = max(1, self.app.size.width - 2)
            self.told.update(task_content(self._detail, self.shell.opening.now(), width))

    def on_resize(self) -> None:
        """What is folded is folded anew."""
        self._draw()

    def look(self) -> None:
        """While it has not ended."""
        self.load_task()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's own signature
        """What has ended cannot be cancelled; what has not has published nothing yet."""
        if action in {"cancel", "verify"} and self._detail is not None:
            return self._detail.task.is_resolved == (action == "verify")
        return True

    def action_log(self) -> None:
        """Its log."""
        from console.screens.log import TaskLog

        self.app.push_screen(TaskLog(self.shell, self.task_id))

    def action_artifacts(self) -> None:
        """Its artifacts."""
        from console.screens.artifacts import Artifacts

        self.app.push_screen(Artifacts(self.shell, self.task_id))

    def action_save(self) -> None:
        """Save its definition, which is too long for most clipboards."""
        if self._detail is not None:
            text = json.dumps(self._detail.task.definition, indent=2, ensure_ascii=False)
            # Half of a pair is no UTF-8; as JSON writes it, it is.
            content = f"{text}\n".encode(errors="backslashreplace")
            path = Path.cwd() / f"{self.task_id}.json"
            self.in_thread("Saving the definition", partial(save_new_file, path, [content]), self._saved)

    def _saved(self, path: Path) -> None:
        self.notify(f"{path} has the definition.")

    def action_verify(self) -> None:
        """The image that it published."""
        from console.screens.verify import Verify

        self.app.push_screen(Verify(self.shell, self.task_id))

    def action_retrigger(self) -> None:
        """Plan a new task like it."""
        from console.screens.trigger import Trigger

        self.app.push_screen(
            Trigger(self.shell, lambda done: TaskDetails(self.shell, done.task_ids[0]), self.task_id)
        )

    def action_cancel(self) -> None:
        """End it, after a question."""
        self._ask(
            "Cancel",
            "End it",
            "It is ended with all that it builds; what it has pushed stays. Tasks that wait for it never run.",
            "Cancelling",
            lambda session: cancel_task(session.connection, self.task_id),
        )

    def action_rerun(self) -> None:
        """Run it once more, after a question."""
        self._ask(
            "Rerun",
            "Rerun",
            "The same task gets another run; it may push once more, and tags may move.",
            "Asking for a rerun",
            lambda session: rerun_task(session.connection, self.task_id),
        )

    def action_priority(self) -> None:
        """Choose another priority."""
        if not self._may_change():
            return

        def chosen(priority: str | None) -> None:
            if priority == current:
                self.notify(f"It has the priority {current} already.")
            elif priority is not None:
                self._ask(
                    f"Give priority {priority} to",
                    "Give it",
                    "It is taken before all tasks of this pool that have a lower one.",
                    "Changing the priority",
                    lambda session: change_priority(session.connection, self.task_id, priority),
                )

        current = self._detail.task.priority if self._detail else ""
        self.app.push_screen(Priority(PRIORITIES, current), chosen)

    def _may_change(self) -> bool:
        if self._detail is None:
            return False
        if self.shell.opening.read_only:
            self.notify("The console is read-only: nothing is changed.", severity="warning")
            return False
        return True

    def _ask(
        self, asked: str, button: str, effect: str, what: str, action: Callable[[Session], Awaitable[Task]]
    ) -> None:
        if not self._may_change() or self._detail is None:
            return

        def answered(go: bool | None) -> None:
            if go:
                self.work(what, action, self._changed)

        question = f"{asked} task {self.task_id}?\n{self._detail.task.name}"
        self.app.push_screen(Confirm(question, effect, verb=button), answered)

    def _changed(self, task: Task) -> None:
        self.notify(f"{task.task_id} is {state_words(task.result)}, priority {task.priority}")
        self.load_task()

    def action_move(self, how: str) -> None:
        """Move as the scroller's own keys do."""
        getattr(self.scroller, f"action_{how}")()

    def command(self) -> str | None:
        """The same, by the command."""
        return f"lading build show {self.task_id}"
