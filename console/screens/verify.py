"""Whether an image is what a task, or a repository's task, published: the chain of the verdict, link by link."""

from __future__ import annotations

import asyncio
import shlex
from contextlib import aclosing
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual import on
from textual.binding import Binding
from textual.widgets import Input

from console.actions.verify_demand import demand_for
from console.actions.verify_image import environment_of, verify_image
from console.domain.verified_links import told_so_far
from console.domain.web_urls import task_page
from console.screens.screen import ConsoleScreen
from console.screens.verified import VerdictView
from console.screens.verify_words import request_of
from console.widgets.note_line import NoteLine
from runner.errors import CannotTell, ExitCode, IntegrityFailure
from runner.evidence_reading import ReadSoFar
from runner.verification import decide

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from console.shell import Session, Shell
    from runner.errors import RunnerError
    from runner.image.reference import ImageReference
    from runner.verification_values import Evidence, Verdict

_WHAT = "Verifying"


class _Judged(NamedTuple):
    """A verdict, with what it is about."""

    reference: ImageReference
    evidence: Evidence
    verdict: Verdict


class Verify(ConsoleScreen):
    """The words of the command, and its verdict.

    Args:
        shell: as for every screen.
        task_id: of the task, or of the group, whose image is meant; "" where it is typed.
    """

    TITLE = "Verify"
    DEFAULT_CSS = """
    Verify #image { height: 1; border: none; padding: 0 1; background: $boost; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "change", "Change", id="verify.change", tooltip="Type another image or demand."),
        Binding("j", "move('scroll_down')", "Down", show=False, id="verify.down"),
        Binding("k", "move('scroll_up')", "Up", show=False, id="verify.up"),
        Binding("g", "move('scroll_home')", "First line", show=False, id="verify.first"),
        Binding("G", "move('scroll_end')", "Last line", show=False, id="verify.last"),
        Binding("ctrl+d", "move('page_down')", "Page down", show=False, id="verify.page-down"),
        Binding("ctrl+u", "move('page_up')", "Page up", show=False, id="verify.page-up"),
    ]

    def __init__(self, shell: Shell, task_id: str = "") -> None:
        super().__init__(shell)
        self._task_id = task_id
        self._judged: _Judged | None = None
        self._field = Input(
            placeholder="an image, then --task ID, --source OWNER/NAME, --keys FILE …, and enter",
            compact=True,
            id="image",
        )
        self._view = VerdictView(id="verdict")
        self._note = NoteLine()

    def body(self) -> ComposeResult:
        """What is demanded, the verdict, and how far the reading is."""
        yield self._field
        yield self._view
        yield self._note

    def on_mount(self) -> None:
        """Where a task is given, only its words have to be read."""
        (self._view if self._task_id else self._field).focus()

    def load(self) -> None:
        """Verify, by the words that are there or follow from the task."""
        if self._field.value.strip():
            self._verify()
        elif self._task_id:
            self.work(
                "Reading what it published",
                lambda session: demand_for(session.connection, session.folder, self._task_id),
                self._demanded,
            )

    def _demanded(self, words: Sequence[str]) -> None:
        self._field.value = shlex.join(words)
        self._field.cursor_position = 0
        if words[0].startswith("-"):
            # Neither the task nor the checkout names an image.
            self._field.focus()
            self.notify("The task left no statement: type the image first.", severity="warning")
        else:
            self._verify()

    @on(Input.Submitted, "#image")
    def _asked(self) -> None:
        if self._field.value.strip():
            self._field.cursor_position = 0
            self._view.focus()
            self._verify()

    def _verify(self) -> None:
        text = self._field.value

        async def verified(session: Session) -> AsyncGenerator[ReadSoFar | str | _Judged | RunnerError, None]:
            environment = environment_of(session.connection.settings, self.shell.opening.environment)
            request = await asyncio.to_thread(request_of, text, environment)
            try:
                async with aclosing(verify_image(request, environment, self._seconds)) as steps:
                    async for step in steps:
                        if isinstance(step, ReadSoFar | str):
                            yield step
                        else:
                            yield _Judged(request.reference, step, decide(step, request.policy))
            except (CannotTell, IntegrityFailure) as error:
                yield error

        self._judged = None
        self._note.tell("")
        self._view.clear()
        self.follow(_WHAT, verified, self._came)

    def _seconds(self) -> float:
        return self.shell.opening.now().timestamp()

    def _came(self, step: ReadSoFar | str | _Judged | RunnerError) -> None:
        if isinstance(step, ReadSoFar | str):
            self._note.tell(step if isinstance(step, str) else f"{told_so_far(step)}, escape ends it")
            return
        self._note.tell("")
        if isinstance(step, _Judged):
            self._judged = step
            self._view.show(*step)
        else:
            self._view.show_failure(step)

    def action_change(self) -> None:
        """Type something else."""
        self._field.focus()
        self._field.action_end()

    def action_move(self, how: str) -> None:
        """Move as the scroller's own keys do."""
        getattr(self._view, f"action_{how}")()

    def selected_id(self) -> str | None:
        """The image by its digest, to be deployed: only one that was verified."""
        if self._judged is None or self._judged.verdict.exit_code is not ExitCode.OK:
            return None
        return self._judged.reference.repository.at(self._judged.evidence.digest).familiar

    def command(self) -> str | None:
        """The same, by the command; it is told of a Taskcluster that its environment does not name."""
        text = self._field.value.strip()
        if not text:
            return None
        root_url = self.shell.root_url
        known = self.shell.opening.environment.get("TASKCLUSTER_ROOT_URL", "").rstrip("/")
        is_told = "--root-url" in text or root_url in {"", known}
        return f"lading verify {text}" + ("" if is_told else f" --root-url {shlex.quote(root_url)}")

    def page(self) -> str | None:
        """The page of the task that was found."""
        task_id = self._judged.evidence.task_id if self._judged else None
        return task_page(self.shell.root_url, task_id) if task_id else None
