"""Have a real task try the secret's token as a publish would, and say whether the old one can be revoked."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from console.actions.doctor_checkout import read_checkout
from console.actions.prove import plan_proof, prove
from console.domain.group_progress import TaskChange
from console.domain.proof_task import Proof, conclusion, verdict_of
from console.domain.web_urls import task_page
from console.screens.build_words import state_words, tone_of
from console.screens.screen import ConsoleScreen
from console.screens.secret_desk import proof_in
from console.screens.trigger_words import plan_content
from console.widgets.confirm import Confirm
from console.widgets.content import line, lines
from runner.findings import Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from console.domain.build_plan import TriggerPlan
    from console.domain.tasks import Task
    from console.shell import Session, Shell
    from console.widgets.content import Tone
    from runner.image.reference import Registry

_LEVELS: dict[Level, tuple[str, Tone]] = {
    Level.OK: ("✓", "plain"),
    Level.WARNING: ("!", "warning"),
    Level.PROBLEM: ("✗", "bad"),
    Level.UNKNOWN: ("?", "warning"),
}
_VERDICTS: dict[bool | None, tuple[str, Tone]] = {
    True: ("✓", "good"),
    False: ("✗", "bad"),
    None: ("?", "warning"),
}


class ProofScreen(ConsoleScreen):
    """What is tried, how the task stands, and what it found.

    Args:
        shell: as for every screen.
        secret: that was just saved, whose proof begins at once; "" for one of the checkout, which is shown first.
        registry: whose token it is, where that is known.
    """

    TITLE = "Prove"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "create", "Create", id="proof.create", tooltip="Create the task that tries the token."),
        Binding("l", "log", "Log", id="proof.log", tooltip="What the task says."),
    ]

    def __init__(
        self,
        shell: Shell,
        secret: str = "",
        registry: Registry | None = None,
    ) -> None:
        super().__init__(shell)
        self._plan: TriggerPlan | None = None
        self._is_begun = False
        self._secret = secret
        self._registry = registry
        self._tasks: dict[str, Task] = {}
        self._proofs: list[Proof] = []
        self._end: tuple[str, Tone] | None = None
        self._told = Static(markup=False)

    def body(self) -> ComposeResult:
        """All of it, in one column."""
        yield VerticalScroll(self._told, id="proof")

    def on_mount(self) -> None:
        """The column moves by its own keys."""
        self.query_one("#proof").focus()

    def load(self) -> None:
        """Plan; what is under way is not begun once more."""
        if self._is_begun and self._end is None:
            return
        self._tasks, self._proofs, self._end, self._plan, self._is_begun = {}, [], None, None, False
        path, secret = self.shell.opening.environment.get("PATH", os.defpath), self._secret

        async def plan(session: Session) -> TriggerPlan:
            read = await asyncio.to_thread(read_checkout, session.folder, path, None, None)
            return await plan_proof(session.connection, read)

        self._draw()
        if secret:
            self.work(
                "Planning the proof", lambda session: proof_in(session, secret, path), self._begin_or_go
            )
        else:
            self.work("Planning the proof", plan, self._planned)

    def _begin_or_go(self, found: TriggerPlan | str) -> None:
        if not isinstance(found, str):
            self._create(found)
            return
        self._stopped("")
        self.app.notify(
            f"Not proved: {found}\nKeep the old token. Later, in a checkout: lading doctor --prove",
            severity="warning",
        )
        self.dismiss()

    def _planned(self, plan: TriggerPlan) -> None:
        self._plan, self._end = plan, None
        self._draw()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What was created is not created once more; before that there is no log."""
        del parameters
        return {"create": not self._is_begun, "log": bool(self._tasks)}.get(action, True)

    def action_create(self) -> None:
        """Ask, then create."""
        plan = self._plan
        if plan is None:
            self.notify("There is no plan yet.", severity="warning")
        elif self.shell.opening.read_only:
            self.notify("The console is read-only: no task is created.", severity="warning")
        elif not plan.can_be_done:
            self.notify("This cannot be done, for what is marked ✗.", severity="warning")
        else:
            effect = "A task reads the secret, opens an upload and cancels it. Nothing is published."
            self.app.push_screen(
                Confirm(f"{plan.title}?", effect, verb="Create"),
                lambda go: self._create(plan) if go else None,
            )

    def _create(self, plan: TriggerPlan) -> None:
        self._is_begun, self._end = True, None
        self._draw()
        self.follow(
            "A task tries the token", lambda session: prove(session.connection, plan), self._each, self._done
        )

    def _each(self, found: TaskChange | Proof) -> None:
        if isinstance(found, TaskChange):
            self._tasks[found.task.task_id] = found.task
        else:
            self._proofs.append(found)
        self._draw()

    def _done(self) -> None:
        glyph, tone = _VERDICTS[verdict_of(self._proofs)]
        self._end = f"{glyph} {conclusion(self._proofs, self._registry)}", tone
        self._draw()

    def show_error(self, error: BaseException) -> None:
        """Nothing is proved."""
        self._stopped("")
        super().show_error(error)

    def _stopped(self, why: str) -> None:
        self._end = f"? Not proved{why}: keep the old token. r tries again.", "warning"
        self._draw()

    def _draw(self) -> None:
        self.refresh_bindings()
        self._told.update(Content("\n").join([*self._lines()]))
        self.query_one("#proof", VerticalScroll).scroll_home(animate=False)

    def _lines(self) -> Iterator[Content]:
        if self._secret:
            yield line(f"✓ Secret {self._secret} is saved.", "good")
        if self._end:
            yield line(self._end[0], self._end[1])
        elif self._is_begun:
            yield line("▸ A task tries the token: keep the old one until it has.", "strong")
        elif self._plan is not None:
            yield plan_content(self._plan)
        for task in self._tasks.values():
            yield Content("")
            # A plan exits with its first problem's code: that the task failed says nothing of the token.
            ended = any(proof.task_id == task.task_id and proof.findings for proof in self._proofs)
            words = f"{task.name}  {task.task_id}  on {task.pool}"
            yield (
                line(words, "quiet")
                if ended
                else line(f"{state_words(task.result)}  {words}", tone_of(task.state))
            )
        for proof in self._proofs:
            yield Content("")
            if proof.failure:
                yield lines(f"? {proof.failure}", "warning")
            for finding in proof.findings:
                glyph, tone = _LEVELS[finding.level]
                yield lines(f"{glyph} {finding.name}: {finding.seen}", tone)
                if finding.action and finding.level is not Level.OK:
                    yield lines(f"  → {finding.action}")

    def action_back(self) -> None:
        """Leave the task to itself, or go back."""
        if self.cancel_work():
            self._stopped(", for it was not waited for")
        else:
            super().action_back()

    def action_log(self) -> None:
        """The last task's log."""
        task_id = self.selected_id()
        if task_id is None:
            self.notify("There is no task yet.", severity="warning")
            return
        from console.screens.log import TaskLog

        self.app.push_screen(TaskLog(self.shell, task_id))

    def selected_id(self) -> str | None:
        """The last task's id."""
        return next(reversed(self._tasks), None)

    def page(self) -> str | None:
        """The last task's page."""
        task_id = self.selected_id()
        return task_page(self.shell.root_url, task_id) if task_id else None

    def command(self) -> str | None:
        """The same, by the command."""
        return "lading doctor --prove"
