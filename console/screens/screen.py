"""What all screens have: the status line, work that blocks nothing, its errors, and the common keys."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual.binding import Binding
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Footer

from console.browser import open_page
from console.failures import SignInNeeded
from console.widgets.error_panel import ErrorPanel
from console.widgets.masked_value import MaskedValue
from console.widgets.note_line import NoteLine
from console.widgets.progress_line import ProgressLine
from console.widgets.screen_tabs import ScreenTabs
from console.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
    from datetime import datetime

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.content import Content
    from textual.worker import Worker

    from console.shell import Session, Shell
    from console.widgets.status_line import Status

T = TypeVar("T")


class ConsoleScreen(Screen[None]):
    """A screen of the console.

    A subclass says what it is made of (`body`), what it reads (`load`), and, where it applies, what is
    under the cursor: `selected_id`, `command`, `page`. It starts actions by `work` and `follow` alone.

    Args:
        shell: the session, the clock, the repository.
    """

    # A low terminal has no line to spare for the titles.
    DEFAULT_CSS = """
    ConsoleScreen.-low ScreenTabs { display: none; }
    ConsoleScreen VerticalScroll { scrollbar-size: 1 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "reload", "Refresh", id="refresh", tooltip="Read everything on this screen again."),
        Binding(
            "escape,backspace", "back", "Back", show=False, id="back", tooltip="Cancel what runs, or go back."
        ),
        Binding(
            "o",
            "open_page",
            "Web",
            show=False,
            id="open",
            tooltip="Open what is under the cursor in the web interface.",
        ),
        Binding(
            "y",
            "copy_id",
            "Copy id",
            show=False,
            id="copy-id",
            tooltip="Copy the name of what is under the cursor.",
        ),
        Binding(
            "Y",
            "copy_command",
            "Copy as command",
            show=False,
            id="copy-command",
            tooltip="Copy the command that does the same.",
        ),
    ]

    class SignInAsked(Message):
        """The deployment does not accept the credentials; what was asked of it waits for others.

        Args:
            generation: of the session that was refused.
        """

        def __init__(self, generation: int) -> None:
            super().__init__()
            self.generation = generation

    by_itself: ClassVar[frozenset[str]] = frozenset()
    """Work that nobody asks for when it begins: it does not take back what was told of other work."""

    def __init__(self, shell: Shell) -> None:
        super().__init__()
        self.shell = shell
        self._error_of: str | None = None
        self.unsaved = False
        self._is_outdated = False
        self.tabs: Content | None = None
        self._generations: dict[str, int] = {}
        self._refused: dict[str, Callable[[Callable[[], bool]], Awaitable[None]]] = {}
        self._status_line = StatusLine()
        self._errors = ErrorPanel()
        self._progress = ProgressLine()

    def body(self) -> ComposeResult:
        """The screen's own widgets."""
        yield from ()

    def load(self) -> None:
        """Read what the screen shows; called when it is first shown, and by `r`."""

    def selected_id(self) -> str | None:
        """What `y` copies."""
        return None

    def command(self) -> str | None:
        """The command that does what this screen does, for `Y`; never with a value."""
        return None

    def page(self) -> str | None:
        """The page that `o` opens; see console.domain.web_urls."""
        return None

    def work(self, what: str, action: Callable[[Session], Awaitable[T]], then: Callable[[T], None]) -> None:
        """Run an action; its answer is given to `then`, its error to the error panel.

        Args:
            what: what the progress line says. The same again cancels the earlier one, whose answer is dropped.
            action: is given the open session.
            then: may change widgets; it is not called once the screen is gone.
        """

        async def run(is_current: Callable[[], bool]) -> None:
            answer = await action(await self.shell.ready())
            if is_current():
                then(answer)

        self._begin(what, run)

    def follow(
        self,
        what: str,
        action: Callable[[Session], AsyncIterator[T]],
        each: Callable[[T], None],
        then: Callable[[], None] | None = None,
    ) -> None:
        """Run an action that yields: each value is given to `each`; else as `work`."""

        async def run(is_current: Callable[[], bool]) -> None:
            async for value in action(await self.shell.ready()):
                if not is_current():
                    return
                each(value)
            if then is not None and is_current():
                then()

        self._begin(what, run)

    def in_thread(self, what: str, action: Callable[[], T], then: Callable[[T], None]) -> None:
        """Run what reads files or computes long, without a session; else as `work`."""

        async def run(is_current: Callable[[], bool]) -> None:
            answer = await asyncio.to_thread(action)
            if is_current():
                then(answer)

        self._begin(what, run)

    def show_error(self, error: BaseException) -> None:
        """Show an error in the screen's panel."""
        self._error_of = None
        self._errors.show(error, "r tries again")
        self._untell()

    def _forget_error(self) -> None:
        """That there is no session stays told until there is one."""
        if self.shell.failure is not None:
            self.show_error(self.shell.failure)
        else:
            self._errors.clear()

    def cancel_work(self) -> bool:
        """Cancel what runs; returns whether anything did."""
        running = self._progress.running
        for what in running:
            self._generations[what] += 1
            self._progress.end(what)
            self.workers.cancel_group(self, what)
        if running:
            self._untell()
        return bool(running)

    def _untell(self) -> None:
        """What failed or was cancelled is no longer under way."""
        for note in self.query(NoteLine):
            note.tell("")

    def resume(self) -> None:
        """With other credentials: do again what was refused, else read again, unless a form would lose by it."""
        refused, self._refused = self._refused, {}
        for what, run in refused.items():
            self._begin(what, run)
        self._is_outdated = not refused and not self.unsaved
        if self.is_current:
            self._read_again()

    def on_screen_resume(self) -> None:
        """Read again what was read as somebody else."""
        self._read_again()

    def _read_again(self) -> None:
        if self._is_outdated:
            self._is_outdated = False
            self._forget_error()
            self.load()

    def _begin(self, what: str, run: Callable[[Callable[[], bool]], Awaitable[None]]) -> None:
        session = self.shell.generation
        self._refused.pop(what, None)
        generation = self._generations[what] = self._generations.get(what, 0) + 1

        def is_current() -> bool:
            return self.is_attached and self._generations[what] == generation

        async def guarded() -> None:
            try:
                await run(is_current)
            except Exception as error:  # noqa: BLE001 - a defect is told by its place, as any other error
                if is_current():
                    self.show_error(error)
                    self._error_of = what
                    if isinstance(error, SignInNeeded):
                        self._refused[what] = run
                        self.post_message(self.SignInAsked(session))
            finally:
                if is_current():
                    self._progress.end(what)

        if what not in self.by_itself or self._error_of in {None, what}:
            self._forget_error()
        self._progress.begin(what, what)
        self._run(guarded, what)

    def _run(self, work: Callable[[], Coroutine[None, None, None]], group: str) -> Worker[None]:
        # As a function: what is cancelled before it begins leaves no coroutine behind.
        return self.run_worker(work, group=group, exclusive=True, exit_on_error=False)

    def compose(self) -> ComposeResult:
        """The frame around the body."""
        yield self._status_line
        if self.tabs is not None:
            yield ScreenTabs(self.tabs)
        yield from self.body()
        yield self._errors
        yield self._progress
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        """Follow the status; read once the first frame is drawn.

        A subclass's own `on_mount` does not call this one: Textual calls the handler of each class.
        """
        self.watch(self.app, "status", self._show_status)
        self.watch(self.app, "now", self._show_now)
        self.shell.renewed.append(self.resume)
        self.call_after_refresh(self.load)

    def on_unmount(self) -> None:
        """What is gone is not resumed."""
        self.shell.renewed.remove(self.resume)

    def on_screen_suspend(self) -> None:
        """No secret stays readable under another screen."""
        self.conceal()

    def conceal(self) -> None:
        """Mask every value."""
        for value in self.query(MaskedValue):
            value.conceal()

    def _show_status(self, status: Status) -> None:
        self._status_line.status = status

    def _show_now(self, now: datetime | None) -> None:
        self._status_line.now = now

    def action_reload(self) -> None:
        """Read again."""
        self.shell.start()
        self._forget_error()
        self.load()

    def action_back(self) -> None:
        """Cancel what runs, else leave a screen that was opened from another."""
        if self.cancel_work():
            self.notify("Cancelled.")
        elif len(self.app.screen_stack) > 1:
            self.dismiss()

    def action_copy_id(self) -> None:
        """Copy the id."""
        self._copy(self.selected_id(), "Nothing here has a name to copy.")

    def action_copy_command(self) -> None:
        """Copy the command."""
        self._copy(self.command(), "Nothing here is a command.")

    def _copy(self, text: str | None, otherwise: str) -> None:
        if not text:
            self.notify(otherwise, severity="warning")
            return
        self.app.copy_to_clipboard(text)
        self.notify(f"{text}\nSent to the terminal's clipboard. Where it takes none, hold Shift and select.")

    def action_open_page(self) -> None:
        """Open the page, or say where it is."""
        url = self.page()
        if url:
            self._run(partial(self._open, url), "open a page")
        else:
            self.notify("Nothing here has a page.", severity="warning")

    async def _open(self, url: str) -> None:
        if not await asyncio.to_thread(open_page, url, self.shell.opening.environment):
            self.notify(f"{url}\nThere is no browser to open it here: y copies, or select it with Shift.")
