"""Start a build: from a branch, by a hook, or like an earlier task; it is shown whole before it is created."""

from __future__ import annotations

import asyncio
import os
import shlex
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.widgets import Input, Static

from console.actions.build_plan import Happening, plan_hook, plan_push, plan_retrigger
from console.actions.build_trigger import trigger
from console.actions.repository import repository_of
from console.domain.taskcluster_yml import FILE_NAME
from console.screens.screen import ConsoleScreen
from console.screens.task_words import plan_content
from console.widgets.confirm import Confirm
from console.widgets.content import line
from runner.errors import UsageError
from runner.task.checkout import Checkout

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from console.actions.build_trigger import Triggered
    from console.domain.build_plan import TriggerPlan
    from console.shell import Session, Shell


def _head_of(folder: Path, branch: str, environment: Mapping[str, str]) -> tuple[str, str, str]:
    """The slug, the commit of a branch and its task file, as this checkout has them.

    Raises:
        UsageError: it has not.
    """
    slug = repository_of(folder).slug
    if not slug:
        raise UsageError("The repository is not known.", action="Begin in a checkout with a remote `origin`.")
    checkout = Checkout(folder, environment.get("PATH", os.defpath))
    refs = (f"refs/remotes/origin/{branch}", f"refs/heads/{branch}")
    commit = next((found for ref in refs if (found := checkout.commit_of(ref))), None)
    if commit is None:
        raise UsageError(f"This checkout has no branch {branch}.", action="Run `git fetch`.")
    text = checkout.text_of(commit, FILE_NAME)
    if text is None:
        raise UsageError(
            f"The commit {commit[:12]} has no {FILE_NAME}.", action="lading task init makes one."
        )
    return slug, commit, text


class Trigger(ConsoleScreen):
    """A plan, and a key that does it.

    Args:
        shell: as for every screen.
        shown: the screen of what was created.
        earlier: the task that is to be created once more, or "" where a branch or a hook is typed.
    """

    TITLE = "Trigger"
    DEFAULT_CSS = """
    Trigger #what { height: 1; border: none; padding: 0 1; background: $boost; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "c", "create", "Create", id="trigger.create", tooltip="Do what the plan says, once you agree."
        ),
        Binding("e", "change", "Change", id="trigger.change", tooltip="Type another branch or hook."),
    ]

    def __init__(self, shell: Shell, shown: Callable[[Triggered], ConsoleScreen], earlier: str = "") -> None:
        super().__init__(shell)
        self._shown = shown
        self._earlier = earlier
        self._plan: TriggerPlan | None = None
        self._what = Input(
            placeholder="a branch, or a hook as GROUP/HOOK after `hook `, and enter", compact=True, id="what"
        )
        self._told = Static(markup=False)

    def body(self) -> ComposeResult:
        """What is asked for, and the plan."""
        yield self._what
        yield VerticalScroll(self._told, id="plan")

    def on_mount(self) -> None:
        """A retrigger needs no answer."""
        self._what.display = not self._earlier
        (self.query_one("#plan") if self._earlier else self._what).focus()

    def load(self) -> None:
        """Plan once more: a plan gets old."""
        if self._earlier:
            self.work(
                "Planning", lambda session: plan_retrigger(session.connection, self._earlier), self._show
            )
        elif self._what.value.strip():
            self._ask()

    @on(Input.Submitted, "#what")
    def _ask(self) -> None:
        typed = self._what.value.strip()
        if not typed:
            return

        async def plan(session: Session) -> TriggerPlan:
            if typed.startswith("hook "):
                return await plan_hook(session.connection, typed.removeprefix("hook ").strip(), {})
            environment = self.shell.opening.environment
            slug, commit, text = await asyncio.to_thread(_head_of, session.folder, typed, environment)
            return await plan_push(
                session.connection, FILE_NAME, text, Happening(branch=typed), slug=slug, revision=commit
            )

        self._plan = None
        self._told.update("")
        self.work("Planning", plan, self._show)
        self.query_one("#plan").focus()

    def _show(self, plan: TriggerPlan) -> None:
        self._plan = plan
        self._told.update(plan_content(plan))
        self.query_one("#plan", VerticalScroll).scroll_home(animate=False)

    def action_change(self) -> None:
        """Type something else."""
        if not self._earlier:
            self._what.focus()

    def action_create(self) -> None:
        """Ask, then create; a release's tag is typed."""
        plan = self._plan
        if plan is None:
            self.notify("There is no plan yet.", severity="warning")
            return
        if self.shell.opening.read_only:
            self.notify("The console is read-only: nothing is created.", severity="warning")
            return
        if not plan.can_be_done:
            self.notify("This cannot be done, for what is marked ✗.", severity="warning")
            return

        def answered(go: bool | None) -> None:
            if go:
                self.work("Creating", lambda session: trigger(session.connection, plan), self._created)

        effect = "\n".join(plan.effects) or "Its tasks run; nothing else is known to follow."
        self.app.push_screen(
            Confirm(f"{plan.title}?", effect, verb="Create", typed=plan.typed or ""), answered
        )

    def _created(self, done: Triggered) -> None:
        self._plan = None
        if not done.group_id:
            self._told.update(line("The hook ran, and made no task.", "warning"))
            return
        self.notify(f"Created {', '.join(done.task_ids)}")
        self.app.switch_screen(self._shown(done))

    def command(self) -> str | None:
        """The same, by the command."""
        typed = self._what.value.strip()
        if self._earlier:
            words = ["--retrigger", self._earlier]
        elif typed.startswith("hook "):
            words = ["--hook", typed.removeprefix("hook ").strip()]
        else:
            words = ["--branch", typed] if typed else []
        return shlex.join(["lading", "build", "trigger", *words]) if words else None
