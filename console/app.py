"""The console: a Textual application whose screens are the faces of the actions."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final
from weakref import WeakSet

from textual import constants, on
from textual.app import App
from textual.binding import Binding
from textual.reactive import reactive

from console.config import config_path
from console.domain.terminal_text import line_of, text_of
from console.keys import keymap_problems, scopes_of
from console.screens.cover import Cover
from console.screens.help import Help, help_lines
from console.screens.palette import Actions
from console.screens.screen import ConsoleScreen
from console.screens.table import SCREENS, every_screen
from console.shell import Shell
from console.themes import THEMES
from console.widgets.confirm import Confirm
from console.widgets.masked_value import MaskedValue
from console.widgets.screen_tabs import Tab, tabs_text
from console.widgets.status_line import Status
from runner.errors import ExitCode, SettingsError, UsageError, place_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from textual.app import AutopilotCallbackType
    from textual.binding import BindingType
    from textual.command import Provider
    from textual.notifications import SeverityLevel
    from textual.screen import Screen

    from console.screens.sign_in import Outcome
    from console.screens.table import Entry
    from console.shell import Opening

_TICK_SECONDS: Final = 10.0
# As a shell tells of a signal: 128 and its number.
_SIGNALS: Final = {number: 128 + number for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)}


class Lading(App[int], inherit_bindings=False):
    """The application.

    Args:
        opening: what the composition root gives.
    """

    TITLE = "lading"
    DEFAULT_MODE: ClassVar[str] = SCREENS[0].name
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {Actions}
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (80, "-normal"), (120, "-wide")]  # noqa: RUF012 - as Textual types it
    VERTICAL_BREAKPOINTS = [(0, "-low"), (16, "-high")]  # noqa: RUF012 - as Textual types it
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(
                str(entry.number),
                f"app.show_screen('{entry.name}')",
                entry.title,
                show=False,
                id=f"screen.{entry.name}",
                tooltip=f"{entry.title}: {entry.about}.",
            )
            for entry in SCREENS
        ),
        Binding("question_mark", "app.help", "Help", id="help", tooltip="What the keys do here."),
        Binding(
            "colon,ctrl+p",
            "app.command_palette",
            "Actions",
            id="palette",
            tooltip="Find an action or a screen by its name.",
        ),
        Binding(
            "q", "app.leave", "Quit", id="quit", tooltip="End the console; asks where something is not saved."
        ),
        *(
            Binding(key, action, about, show=False, priority=True, id=name, tooltip=tooltip)
            for key, action, about, name, tooltip in (
                ("f1", "app.help", "Help", "help.always", "Help, also in a field."),
                ("ctrl+q", "app.leave", "Quit", "quit.always", "Quit, also in a field."),
                ("ctrl+l", "app.cover", "Cover", "cover", "Hide everything until a key is pressed."),
                (
                    "ctrl+r",
                    "app.sign_in",
                    "Sign in",
                    "sign-in",
                    "Sign in, or renew it; what you typed stays.",
                ),
            )
        ),
        Binding("ctrl+c", "app.help_quit", "How to quit", show=False, system=True),
    ]

    status: reactive[Status] = reactive(Status())
    now: reactive[datetime | None] = reactive(None)

    def __init__(self, opening: Opening) -> None:
        super().__init__()
        # TEXTUAL_LOG names a file into which Textual writes every key and every paste, of tokens too.
        constants.LOG_FILE = None  # type: ignore[misc]
        self.opening = opening
        self.shell = Shell(opening)
        self.failure = ""
        self._declined = False
        self._screens: WeakSet[ConsoleScreen] = WeakSet()
        for theme in THEMES:
            self.register_theme(theme)
        for name in set(self.available_themes) - {theme.name for theme in THEMES}:
            self.unregister_theme(name)
        self.theme = opening.config.theme
        self.animation_level = "none"
        for entry in SCREENS:
            self.add_mode(entry.name, self._maker(entry))
        if opening.config.keymap:
            # Only who remaps keys waits for all screens to be imported.
            from console.screens.sign_in import SignIn

            screens: list[type[Screen[Any]]] = [*every_screen(), SignIn]
            problems = keymap_problems(opening.config, scopes_of(screens, Lading.BINDINGS))
            if problems:
                raise SettingsError(problems)
            self.set_keymap(dict(opening.config.keymap))

    def _maker(self, entry: Entry) -> Callable[[], Screen[object]]:
        def make() -> ConsoleScreen:
            screen = entry.load()(self.shell)
            screen.tabs = tabs_text((Tab(*each[:3]) for each in SCREENS), entry.name)
            self._screens.add(screen)
            return screen

        return make  # type: ignore[return-value]

    def on_mount(self) -> None:
        """Draw first; the session is opened after the first frame."""
        self.shell.changed.append(self._tell_status)
        self._tell_status()
        self._tick()
        self.set_interval(_TICK_SECONDS, self._tick)
        loop = asyncio.get_running_loop()
        for number, code in _SIGNALS.items():
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(number, self.exit, code)
        self.call_after_refresh(self._drawn)

    def _drawn(self) -> None:
        self.shell.drawn.set()
        self.shell.start()

    async def on_unmount(self) -> None:
        """End the session, and a sandbox with it."""
        await self.shell.close()

    def _tick(self) -> None:
        self.now = self.opening.now()

    def _tell_status(self) -> None:
        settings = self.shell.session.connection.settings if self.shell.session else None
        credentials = settings.credentials if settings else None
        self.status = Status(
            profile=self.opening.profile or (settings.origin if settings else ""),
            root_url=self.shell.root_url,
            who=credentials.client_id if credentials else "anonymous" if settings else "",
            expires=credentials.expires if credentials else None,
            read_only=self.opening.read_only,
            note=self.shell.note,
        )

        if self.shell.failure is not None and isinstance(self.screen, ConsoleScreen):
            self.screen.show_error(self.shell.failure)

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,  # noqa: ARG002 - a toast holds what servers say: it is never read as markup
    ) -> None:
        """Show a toast."""
        super().notify(
            text_of(message), title=line_of(title), severity=severity, timeout=timeout, markup=False
        )

    def action_show_screen(self, name: str) -> None:
        """Show a numbered screen, with all that was opened on it."""
        if self.current_mode != name:
            self.switch_mode(name)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's own
        """Under the cover no key does anything but uncover."""
        return not isinstance(self.screen, Cover) or action == "help_quit"

    def action_help(self) -> None:
        """Help for what has the focus; the same key closes it."""
        if isinstance(self.screen, Help):
            self.screen.dismiss()
            return
        self.push_screen(Help(help_lines(self, self.screen), str(config_path())))

    def action_cover(self) -> None:
        """Hide everything."""
        self.push_screen(Cover())

    def action_sign_in(self) -> None:
        """Sign in, or renew the sign-in; screens and their forms stay as they are."""
        from console.screens.sign_in import SignIn

        if not any(isinstance(screen, SignIn) for screen in self.screen_stack):
            self.push_screen(SignIn(self.shell), self._signed_in)

    def _signed_in(self, outcome: Outcome | None) -> None:
        # Whoever cancels is not asked again by each thing that is refused.
        self._declined = outcome is None
        if outcome is not None:
            self.shell.connect_as(outcome.settings, self.shell.folder or Path.cwd())
            severity: SeverityLevel = "warning" if outcome.told[1:] else "information"
            self.notify("\n".join(outcome.told), severity=severity)

    @on(ConsoleScreen.SignInAsked)
    def _refused(self, event: ConsoleScreen.SignInAsked) -> None:
        if event.generation != self.shell.generation:
            # Refused as who one was before.
            for renewed in [*self.shell.renewed]:
                renewed()
        elif not self._declined:
            self.action_sign_in()

    def action_leave(self) -> None:
        """End, after asking where something typed would be lost."""
        if not any(screen.unsaved for screen in self._screens if screen.is_attached):
            self.exit(ExitCode.OK)
            return

        def answered(go: bool | None) -> None:
            if go:
                self.exit(ExitCode.OK)

        self.push_screen(Confirm("Quit?", "What you typed and did not save is lost.", verb="Quit"), answered)

    def action_help_quit(self) -> None:
        """Ctrl+C copies; it does not end the console by accident."""
        self.notify("q or ctrl+q ends the console.", title="Nothing is selected to copy")

    def export_screenshot(self, *, title: str | None = None, simplify: bool = False) -> str:
        """The screen as SVG.

        Raises:
            UsageError: a secret can be read on it.
        """
        if any(value.revealed for value in self.screen.query(MaskedValue)):
            raise UsageError("A secret is shown: there is no picture of it.", action="Hide it with v.")
        return super().export_screenshot(title=title, simplify=simplify)

    def _log(self, *arguments: Any, **named: Any) -> None:
        """Write no log: Textual's would hold every key that is pressed."""

    def _handle_exception(self, error: Exception) -> None:
        """End with the defect's place alone: neither a traceback nor the values in it, which may be secrets."""
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
        self._return_code = ExitCode.INTERNAL
        self.failure = self.failure or place_of(error)
        self._close_messages_no_wait()


async def run_console(
    opening: Opening, *, auto_pilot: AutopilotCallbackType | None = None
) -> tuple[int, str]:
    """Run the console on this terminal.

    Returns:
        The exit code, and the place of a defect that ended it, or "".
    """
    app = Lading(opening)
    code = await app.run_async(auto_pilot=auto_pilot)
    return (ExitCode.INTERNAL if app.failure else code or ExitCode.OK), app.failure
