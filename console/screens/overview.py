"""The first screen: will the next push publish? Its images are known before anything is asked over a network."""

from __future__ import annotations

import asyncio
import importlib
import os
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on
from textual.binding import Binding
from textual.content import Content
from textual.widgets import Static

from console.actions.repository import BadImage, Repository, repository_of
from console.domain.findings import Diagnosis, verdict
from console.domain.findings_fix import ConfigureRole, EditFile, EditRole, RotateSecret, RunCommand
from console.domain.web_urls import role_page, secret_page
from console.screens.overview_remedy import Remedy, remedy_text
from console.screens.screen import ConsoleScreen
from console.widgets.content import line, lines
from console.widgets.filter_table import Cell, Column, FilterTable, Row
from runner.errors import ExitCode
from runner.findings import Level
from runner.settings import FILE_NAME

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from console.shell import Session, Shell
    from console.widgets.content import Tone
    from runner.settings import Settings

_LEVELS: Final[dict[Level, Cell]] = {
    Level.OK: Cell("✓ ok", "good"),
    Level.WARNING: Cell("! warning", "warning"),
    Level.PROBLEM: Cell("✗ problem", "bad"),
    Level.UNKNOWN: Cell("? unknown", "warning"),
}
_ANSWERS: Final[dict[ExitCode, tuple[str, Tone]]] = {
    ExitCode.OK: ("✓ The next push will publish.", "good"),
    ExitCode.NO: ("✗ The next push will not publish.", "bad"),
    ExitCode.CANNOT_TELL: ("? Whether the next push will publish cannot be told.", "warning"),
}
# What an answer is about: it is asked again when one of them is written.
_FILES: Final = (FILE_NAME, ".taskcluster.yml", ".git/HEAD", ".git/index")
_LOOK_SECONDS: Final = 2.0
_REPOSITORY: Final = "Reading lading.toml"
_DOCTOR: Final = "Asking whether the next push will publish"


class Overview(ConsoleScreen):
    """Each image, and each link of the chain from a push to it."""

    TITLE = "Overview"
    CSS_PATH = "overview.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "f",
            "fix",
            "Fix",
            id="overview.fix",
            tooltip="Open what puts the row right; without a problem there, the first one.",
        ),
        Binding(
            "p",
            "prove",
            "Prove",
            id="overview.prove",
            tooltip="Have a task try the token; publishes nothing.",
        ),
    ]

    def __init__(self, shell: Shell) -> None:
        super().__init__(shell)
        self._repository: Repository | None = None
        self._found: dict[str, Diagnosis] = {}
        self._is_done = False
        self._is_stale = False
        self._written: tuple[float, ...] | None = None

    def body(self) -> ComposeResult:
        """The answer, the chain, and what to do about the row under the cursor."""
        self.answer = Static(markup=False, id="answer")
        self.chain = FilterTable(
            Column("state", 11), Column("what"), Column("seen"), empty="No image.", id="chain"
        )
        self.remedy = Static(markup=False, id="remedy")
        yield self.answer
        yield self.chain
        yield self.remedy

    def on_mount(self) -> None:
        """Look at the files from time to time."""
        self.set_interval(_LOOK_SECONDS, self._look)

    def load(self) -> None:
        """Read lading.toml, then ask the doctor."""
        self._found, self._is_done = {}, False
        folder = self.shell.folder
        if folder is not None:
            self.in_thread(_REPOSITORY, partial(_read_folder, folder), self._show_images)
        else:
            self.work(_REPOSITORY, _read, self._show_images)
        self.follow(_DOCTOR, self._diagnose, self._show_finding, self._done)

    async def _diagnose(self, session: Session) -> AsyncIterator[Diagnosis]:
        # It brings the network's libraries, which the first frame does not wait for.
        doctor = await asyncio.to_thread(importlib.import_module, "console.actions.doctor")
        path = self.shell.opening.environment.get("PATH", os.defpath)
        question = doctor.Question(folder=session.folder, path=path)
        async for finding in doctor.diagnose(session.connection, question):
            yield finding

    def _show_images(self, read: tuple[tuple[float, ...], Repository]) -> None:
        self._written, self._repository = read
        self._draw()

    def _show_finding(self, finding: Diagnosis) -> None:
        self._found[f"{len(self._found)} {finding.name}"] = finding
        self._draw()

    def _done(self) -> None:
        self._is_done = True
        self._draw()
        troubled = self._first_trouble()
        if troubled is not None and self._under_cursor is None:
            self.chain.select(troubled)

    def _draw(self) -> None:
        images = self._repository.images if self._repository else ()
        several = len(images) > 1
        self.chain.show(
            [*map(self._image_row, images), *(_row(*item, several=several) for item in self._found.items())]
        )
        word, tone = _ANSWERS[verdict(self._found.values())] if self._is_done else ("", "plain")
        self.answer.update(line(word, tone))
        self.answer.display = self._is_done
        self._show_remedy()

    def _image_row(self, image: Settings | BadImage) -> Row:
        if isinstance(image, BadImage):
            return Row(image.name, (Cell("✗ settings", "bad"), image.name, Cell(image.problem, "bad")))
        name, repository, secret = image.image, str(image.repository), image.secret
        levels = [found.level for found in self._found.values() if found.image in {"", name}]
        problems = levels.count(Level.PROBLEM)
        state = Cell("· image", "quiet")
        if problems:
            state = Cell(f"✗ {problems} wrong", "bad")
        elif self._is_done:
            code = verdict(found for found in self._found.values() if found.image in {"", name})
            state = Cell("✓ ready", "good") if code is ExitCode.OK else Cell("? unknown", "warning")
        return Row(
            name, (state, Cell(name, "strong"), Cell(f"{repository} with {secret or 'no secret'}", "strong"))
        )

    @property
    def _under_cursor(self) -> Diagnosis | None:
        return self._found.get(self.chain.selected or "")

    def _first_trouble(self) -> str | None:
        for level in (Level.PROBLEM, Level.UNKNOWN, Level.WARNING):
            for key, found in self._found.items():
                if found.level is level and found.action:
                    return key
        return None

    @on(FilterTable.Moved)
    def _show_remedy(self) -> None:
        found = self._under_cursor
        self.remedy.display = found is not None
        if found is not None:
            drawn = [lines(found.detail)]
            if found.action and found.level is not Level.OK:
                drawn += [lines(f"→ {found.action}", "strong"), line(_key(found), "quiet")]
            self.remedy.update(Content("\n").join(drawn))

    @on(FilterTable.Opened)
    def action_fix(self) -> None:
        """Open what puts the row right."""
        found = self._under_cursor
        if found is None or found.level is Level.OK:
            found = self._found.get(self._first_trouble() or "")
        if found is None:
            self.notify("There is nothing to put right.")
            return
        match found.fixes[:1]:
            case [EditRole(role_id=role, add=add, remove=remove)] | [
                ConfigureRole(role_id=role, add=add, remove=remove)
            ]:
                editor = importlib.import_module("console.screens.access_edit")
                self.app.push_screen(editor.RoleEditor(self.shell, role, add=add, remove=remove))
            case [RotateSecret(secret=secret)]:
                form = importlib.import_module("console.screens.secret_form")
                self.app.push_screen(form.SecretForm(self.shell, secret))
            case _:
                self.app.push_screen(Remedy(remedy_text(found)))

    def action_prove(self) -> None:
        """Plan a task that tries the secret's token."""
        proof = importlib.import_module("console.screens.proof")
        self.app.push_screen(proof.ProofScreen(self.shell))

    def on_screen_suspend(self) -> None:
        """Another screen may change what was found; a dialog does not."""
        if isinstance(self.app.screen, ConsoleScreen) and self.app.screen is not self:
            self._is_stale = True

    def on_screen_resume(self) -> None:
        """Ask again after another screen."""
        if self._is_stale:
            self._is_stale = False
            self.load()

    def _look(self) -> None:
        folder = self.shell.folder
        if folder is not None and self.is_current:
            self._run(partial(self._compare, folder), "look at the files")

    async def _compare(self, folder: Path) -> None:
        written = await asyncio.to_thread(_times, folder)
        if self._written not in {None, written} and self.is_attached:
            self._written = written
            self.load()

    def selected_id(self) -> str | None:
        """The image's name, or the finding's."""
        found = self._under_cursor
        return found.name if found else self.chain.selected

    def command(self) -> str | None:
        """The command that puts the row right, or asks the same."""
        found = self._under_cursor
        commands = [fix.command for fix in found.fixes if fix.command] if found else []
        return commands[0] if commands else "lading doctor"

    def page(self) -> str | None:
        """The page of what puts the row right."""
        found = self._under_cursor
        match found.fixes[:1] if found else ():
            case [EditRole(role_id=role)] | [ConfigureRole(role_id=role)]:
                return role_page(self.shell.root_url, role)
            case [RotateSecret(secret=secret)]:
                return secret_page(self.shell.root_url, secret)
            case _:
                return None


async def _read(session: Session) -> tuple[tuple[float, ...], Repository]:
    return await asyncio.to_thread(_read_folder, session.folder)


def _read_folder(folder: Path) -> tuple[tuple[float, ...], Repository]:
    """When the files were written, looked at first: what changes while they are read is seen at the next look."""
    return _times(folder), repository_of(folder)


def _row(key: str, found: Diagnosis, *, several: bool) -> Row:
    what = f"{found.title} · {found.image}" if several and found.image else found.title
    state = _LEVELS[found.level]
    return Row(key, (state, what, Cell(found.detail, "plain" if found.level is Level.OK else state.tone)))


def _key(found: Diagnosis) -> str:
    """What `f` does here."""
    match found.fixes[:1]:
        case [EditRole()]:
            return "f opens the role with this edit"
        case [ConfigureRole()]:
            return "f shows the text for the configuration repository"
        case [RotateSecret()]:
            return "f opens the form for the secret"
        case [RunCommand()]:
            return "f shows the command to copy"
        case [EditFile()]:
            return "f shows the edit to copy; the answer follows when the file is written"
        case _:
            return "f shows it to copy"


def _times(folder: Path) -> tuple[float, ...]:
    """When each file was written; a file that is not there, or goes while it is looked at, has none."""
    times = []
    for name in _FILES:
        try:
            times.append((folder / name).stat().st_mtime)
        except OSError:
            times.append(0.0)
    return tuple(times)
