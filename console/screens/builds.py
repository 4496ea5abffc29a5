"""The recent builds of this repository's images; those that run are looked at again and again."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on
from textual.binding import Binding
from textual.widgets import Static

from console.actions.build_list import Where, list_builds, where_of, with_details
from console.actions.repository import repository_of
from console.domain.web_urls import group_page, task_page
from console.screens.build_rows import COLUMNS, about, key_of, row_of
from console.screens.looking import LookingScreen
from console.widgets.filter_table import FilterTable
from runner.errors import RunnerError, UsageError
from runner.retry import Backoff

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator
    from pathlib import Path

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from console.actions.build_list import BuildList
    from console.connection import Connection
    from console.domain.builds import Build
    from console.shell import Session

# Looks at what runs, and looks for what others begin.
_WAITS: Final = Backoff(attempts=0, first=3.0, longest=60.0)
_IDLE_WAITS: Final = Backoff(attempts=0, first=20.0, longest=300.0)


def where_in(folder: Path) -> Where:
    """What a checkout's builds are asked of.

    Raises:
        UsageError: nothing is known of it.
    """
    where = where_of(repository_of(folder))
    if where == Where():
        raise UsageError(
            "Whose builds to list is not known.",
            cause="This checkout has no remote `origin`, and lading.toml names no index.",
            action="Begin in a checkout, or press 5 and give a task's id.",
        )
    return where


class Builds(LookingScreen):
    """The last builds."""

    TITLE = "Builds"
    DEFAULT_CSS = """
    Builds #about {
        height: 5; padding: 0 1; border-top: solid $panel; text-wrap: nowrap; text-overflow: ellipsis;
    }
    Builds.-low #about { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "trigger", "Trigger", id="builds.trigger", tooltip="Plan a build, see it, create it."),
        Binding("l", "log", "Log", id="builds.log", tooltip="What the build says."),
        Binding(
            "v", "verify", "Verify", id="builds.verify", tooltip="Whether its image is what it published."
        ),
    ]

    def body(self) -> ComposeResult:
        """The table, and what is known of the build under the cursor."""
        self.table = FilterTable(*COLUMNS, empty="No build is known here. t plans one.", id="builds")
        self.about = Static(markup=False, id="about")
        yield self.table
        yield self.about

    def on_mount(self) -> None:
        """Nothing is known yet."""
        self._builds: dict[str, Build] = {}
        self._told_as: dict[str, str] = {}
        self._changed = False
        self._unread: tuple[str, ...] = ()
        self.table.focus()

    def load(self) -> None:
        """List them, then what their tasks tell."""
        self.look()

    def look(self) -> None:
        """For what is new, and for what has changed."""

        async def listed(session: Session) -> BuildList:
            where = await asyncio.to_thread(where_in, session.folder)
            return await list_builds(session.connection, where)

        self.work("Listing builds", listed, self._show)

    def _show(self, found: BuildList) -> None:
        before, now = self._builds, self.shell.opening.now()
        # What is known of a build stays until its tasks were asked again.
        self._builds = {key: before.get(key, build) for build in found.builds for key in [key_of(build)]}
        asked = [
            build
            for build in found.builds
            if not build.is_over or self._told_as.get(key_of(build)) != build.state
        ]
        self.table.show(row_of(build, now) for build in self._builds.values())
        self._tell()
        if found.unread and found.unread != self._unread:
            self.notify("\n".join(found.unread), title="Not all could be asked", severity="warning")
        self._unread = found.unread
        self._changed = before.keys() != self._builds.keys()

        def details(session: Session) -> AsyncIterator[Build]:
            return _details(session.connection, asked)

        self.follow("Reading what the tasks tell", details, self._told, self._end_look)

    def _told(self, build: Build) -> None:
        key = key_of(build)
        known, self._builds[key], self._told_as[key] = self._builds.get(key), build, build.state
        if known != build:
            self._changed = True
            self.table.update_row(row_of(build, self.shell.opening.now()))
            self._tell()

    @on(FilterTable.Moved)
    def _tell(self) -> None:
        build = self._builds.get(self.table.selected or "")
        self.about.update(about(build) if build else "")

    def _end_look(self) -> None:
        runs = any(not build.is_over for build in self._builds.values())
        self.look_again(_WAITS if runs else _IDLE_WAITS, changed=self._changed)

    @on(FilterTable.Opened)
    def _show_build(self, event: FilterTable.Opened) -> None:
        build = self._builds.get(event.key)
        if build is None:
            return
        from console.screens.task import TaskDetails
        from console.screens.task_group import TaskGroup

        if build.task_id:
            self.app.push_screen(TaskDetails(self.shell, build.task_id))
        else:
            self.app.push_screen(TaskGroup(self.shell, build.group_id))

    def action_log(self) -> None:
        """The log of the task, or of the group's first."""
        build = self._builds.get(self.table.selected or "")
        if build is not None:
            from console.screens.log import TaskLog

            self.app.push_screen(TaskLog(self.shell, build.task_id or build.group_id))

    def action_verify(self) -> None:
        """The image that it published."""
        build = self._builds.get(self.table.selected or "")
        if build is not None:
            from console.screens.verify import Verify

            self.app.push_screen(Verify(self.shell, build.task_id or build.group_id))

    def action_trigger(self) -> None:
        """Plan a build."""
        from console.screens.task_group import TaskGroup
        from console.screens.trigger import Trigger

        self.app.push_screen(Trigger(self.shell, lambda done: TaskGroup(self.shell, done.group_id)))

    def selected_id(self) -> str | None:
        """The id of the task or the group."""
        return self.table.selected

    def command(self) -> str | None:
        """The same, by the command."""
        selected = self.table.selected
        return f"lading build watch {shlex.quote(selected)}" if selected else "lading build list"

    def page(self) -> str | None:
        """Its page."""
        build = self._builds.get(self.table.selected or "")
        if build is None:
            return None
        if build.task_id:
            return task_page(self.shell.root_url, build.task_id)
        return group_page(self.shell.root_url, build.group_id)


async def _details(connection: Connection, builds: list[Build]) -> AsyncGenerator[Build, None]:
    """One after the other, for a list is looked at from its beginning; one that cannot be read hinders none."""
    for build in builds:
        with contextlib.suppress(RunnerError):
            yield await with_details(connection, build)
