"""Start a build: from a branch, by a hook, or like an earlier task; it is shown whole before it is created."""

from __future__ import annotations

import json
import os
import shlex
from typing import TYPE_CHECKING, Any, ClassVar, Final

from textual import on
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.widgets import Input, Static

from console.actions.build_plan import plan_hook, plan_push, plan_retrigger
from console.actions.build_trigger import trigger
from console.actions.task_render import Happening
from console.actions.task_source import Sought, find_source
from console.screens.hook_payload import HookPayload
from console.screens.screen import ConsoleScreen
from console.screens.trigger_words import plan_content
from console.widgets.confirm import Confirm
from console.widgets.content import line
from runner.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from console.actions.build_trigger import Triggered
    from console.domain.build_plan import TriggerPlan
    from console.shell import Session, Shell

_HOOK: Final = "hook "
_FORMS: Final = "BRANCH, tag TAG, release TAG, pull NUMBER or hook GROUP/HOOK"


def _happening(typed: str) -> Happening:
    """What somebody names: a branch, or after its kind a tag, a release or a pull request.

    Raises:
        UsageError: it is none.
    """
    kind, _, name = typed.partition(" ")
    match kind, name.strip():
        case _, "":
            return Happening(branch=typed)
        case "tag", tag:
            return Happening(tag=tag)
        case "release", tag:
            return Happening(release=tag)
        case "pull", number if number.isascii() and number.isdigit():
            return Happening(pull_request=int(number))
        case _:
            raise UsageError(f"{typed!r} names nothing that can be built.", action=f"Type {_FORMS}.")


class Trigger(ConsoleScreen):
    """A plan, and a key that does it.

    Args:
        shell: as for every screen.
        shown: the screen of what was created.
        earlier: the task that is to be created once more, or "" where it is typed what is to be built.
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
        Binding("p", "payload", "Payload", id="trigger.payload", tooltip="Edit what the hook is given."),
    ]

    def __init__(self, shell: Shell, shown: Callable[[Triggered], ConsoleScreen], earlier: str = "") -> None:
        super().__init__(shell)
        self._shown = shown
        self._earlier = earlier
        self._plan: TriggerPlan | None = None
        self._payload: dict[str, Any] | None = None
        self._what = Input(placeholder=f"{_FORMS}; then enter", compact=True, id="what")
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
    def _typed(self) -> None:
        self._payload = None
        self._ask()

    def _ask(self) -> None:
        typed = self._what.value.strip()
        if not typed:
            return

        async def plan(session: Session) -> TriggerPlan:
            if typed.startswith(_HOOK):
                return await plan_hook(session.connection, typed.removeprefix(_HOOK).strip(), self._payload)
            happening = _happening(typed)
            path = self.shell.opening.environment.get("PATH", os.defpath)
            source = await find_source(
                session.connection, Sought(folder=session.folder, path=path), happening
            )
            return await plan_push(session.connection, source, happening)

        self._plan = None
        self._told.update("")
        self.work("Planning", plan, self._show)
        self.query_one("#plan").focus()

    def _show(self, plan: TriggerPlan) -> None:
        self._plan = plan
        self.refresh_bindings()
        self._told.update(plan_content(plan))
        self.query_one("#plan", VerticalScroll).scroll_home(animate=False)

    def action_change(self) -> None:
        """Type something else."""
        if not self._earlier:
            self._what.focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only a hook is given something, and an earlier task is not typed."""
        del parameters
        if action == "change":
            return not self._earlier
        return action != "payload" or bool(self._plan and self._plan.hook)

    def action_payload(self) -> None:
        """Edit what the hook is given, and plan with that."""
        plan = self._plan
        if plan is None or plan.hook is None:
            return

        def answered(payload: dict[str, Any] | None) -> None:
            if payload is not None:
                self._payload = payload
                self._ask()

        self.app.push_screen(HookPayload(plan.hook, plan.payload, plan.schema), answered)

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
        begin = ["lading", "build", "trigger"]
        if self._earlier:
            return shlex.join([*begin, "--retrigger", self._earlier])
        if not typed:
            return None
        if not typed.startswith(_HOOK):
            kind, _, name = typed.partition(" ")
            flags = {"tag": "--tag", "release": "--release", "pull": "--pull-request"}
            words = [flags[kind], name.strip()] if name and kind in flags else ["--branch", typed]
            return shlex.join([*begin, *words])
        words = [*begin, "--hook", typed.removeprefix(_HOOK).strip()]
        if not self._payload:
            return shlex.join(words)
        # Who gives the payload by a pipe cannot be asked.
        given = shlex.join(["printf", "%s", json.dumps(self._payload)])
        return f"{given} | {shlex.join([*words, '--payload', '-', '--yes'])}"
