"""What a task left behind: its artifacts, and downloads of them that are whole and hashed, or not there."""

from __future__ import annotations

import shlex
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding
from textual.content import Content
from textual.widgets import Static

from console.actions.artifact_get import download
from console.actions.artifact_list import list_artifacts
from console.domain.artifact import Downloaded, file_name
from console.screens.build_words import amount
from console.screens.task_desk import TaskScreen
from console.widgets.content import line
from console.widgets.filter_table import Cell, Column, FilterTable, Row
from console.widgets.note_line import NoteLine
from runner.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from console.domain.artifact import Artifact, Progress


class Artifacts(TaskScreen):
    """The artifacts of a task's last run."""

    TITLE = "Artifacts"
    DEFAULT_CSS = """
    Artifacts .about { height: auto; padding: 0 1; background: $boost; display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "d", "download", "Download", id="artifacts.download", tooltip="Into this folder; escape ends it."
        ),
        Binding(
            "v", "verify", "Verify", id="artifacts.verify", tooltip="Whether the image is what was published."
        ),
    ]

    def body(self) -> ComposeResult:
        """One table, what of the row under the cursor has no place in it, and how far a download is."""
        yield from super().body()
        self.table = FilterTable(
            Column("artifact"),
            Column("size", 10),
            Column("kept as", 9),
            Column("expires", 10),
            empty="It has no artifacts.",
            id="artifacts",
        )
        self.about = Static(markup=False, classes="about")
        self.note = NoteLine()
        yield self.table
        yield self.about
        yield self.note

    def on_mount(self) -> None:
        """Nothing was downloaded yet."""
        self._found: dict[str, Artifact] = {}
        self._hashed: dict[str, Downloaded] = {}

    def load_task(self) -> None:
        """List them."""
        task_id = self.task_id
        self.table.focus()
        self.work(
            "Listing artifacts", lambda session: list_artifacts(session.connection, task_id), self._show
        )

    def _show(self, found: Sequence[Artifact]) -> None:
        self._found = {artifact.name: artifact for artifact in found}
        self._hashed = {}
        self.table.show(map(self._row, found))
        self._tell_row()

    def _row(self, artifact: Artifact) -> Row:
        hashed = self._hashed.get(artifact.name)
        size = hashed.size if hashed else artifact.size
        return Row(
            artifact.name,
            (
                artifact.name,
                Cell("· unknown", "quiet") if size is None else amount(size),
                Cell("✗ error", "bad") if artifact.storage == "error" else artifact.storage,
                f"{artifact.expires:%Y-%m-%d}" if artifact.expires else "",
            ),
        )

    @on(FilterTable.Moved)
    def _tell_row(self) -> None:
        artifact = self._found.get(self.table.selected or "")
        self.about.display = artifact is not None
        if artifact is not None:
            expires = f" · expires {artifact.expires:%Y-%m-%d %H:%M} UTC" if artifact.expires else ""
            told = [line(artifact.name, "strong"), line(f"{artifact.content_type}{expires}", "quiet")]
            self.about.update(Content("\n").join([*told, *self._told_hash(artifact)]))

    def _told_hash(self, artifact: Artifact) -> Iterator[Content]:
        hashed = self._hashed.get(artifact.name)
        if hashed is not None:
            yield line(f"sha256 {hashed.sha256}", "good" if hashed.compared else "plain")
            yield line(f"{hashed.hashed}; {hashed.comparison}", "quiet")
        elif artifact.storage == "error":
            yield line("It is not there: d asks its worker's reason.", "bad")
        else:
            yield line("d downloads, hashes and compares it.", "quiet")

    def action_download(self) -> None:
        """Into the folder that the console was begun in."""
        artifact = self._found.get(self.table.selected or "")
        if artifact is None:
            return
        try:
            to = Path.cwd() / file_name(artifact.name)
        except UsageError as error:
            self.show_error(error)
            return
        self.note.tell(f"{artifact.name}: …")
        self.follow(
            f"Downloading {artifact.name}",
            lambda session: download(session.connection, artifact, to),
            partial(self._came, artifact),
        )

    def _came(self, artifact: Artifact, step: Progress | Downloaded) -> None:
        if isinstance(step, Downloaded):
            self._hashed[artifact.name] = step
            self.table.update_row(self._row(artifact))
            self._tell_row()
            self.note.tell(f"✓ {step.path}, {amount(step.size)}")
        else:
            of = f" of {amount(step.total)}" if step.total else ""
            self.note.tell(f"{artifact.name}: {amount(step.received)}{of}, escape ends it")

    def action_verify(self) -> None:
        """The image that the task published."""
        if self.task_id:
            from console.screens.verify import Verify

            self.app.push_screen(Verify(self.shell, self.task_id))

    def selected_id(self) -> str | None:
        """The artifact's name."""
        return self.table.selected

    def command(self) -> str | None:
        """The same, by the command."""
        if not self.task_id:
            return None
        name = self.table.selected
        words = ["artifact", "get", self.task_id, name] if name else ["artifact", "list", self.task_id]
        return shlex.join(["lading", *words])
