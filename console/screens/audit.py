"""Who changed this repository's secrets and roles, what was built meanwhile, and when."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on
from textual.binding import Binding
from textual.content import Content
from textual.widgets import Static

from console.actions.audit import KINDS, Event, Silence, read_audit
from console.actions.repository import repository_of
from console.domain.web_urls import audit_page, group_page, task_page
from console.screens.build_rows import about
from console.screens.build_words import state_cell
from console.screens.screen import ConsoleScreen
from console.widgets.content import line
from console.widgets.filter_table import Cell, Column, FilterTable, Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from console.actions.audit import Entity, Trail
    from console.shell import Session
    from console.widgets.content import Tone

_TONES: Final[dict[str, Tone]] = {"deleted": "bad", "expired": "warning", "created": "good"}
_SIGNS: Final = {"deleted": "✗", "expired": "!", "created": "+"}


class Audit(ConsoleScreen):
    """The events, the latest first, then what has none."""

    TITLE = "Audit"
    CSS_PATH = "audit.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "f", "next_kind", "Kind", id="audit.kind", tooltip="Only secrets, roles or builds; then all."
        ),
    ]

    def body(self) -> ComposeResult:
        """The events, what is known of the one under the cursor, and what is not kept."""
        self.events = FilterTable(
            Column("when", 16),
            Column("what", 11),
            Column("kind", 6),
            Column("of", 20),
            Column("by"),
            empty="No event is visible.",
            id="events",
        )
        self.about = Static(markup=False, id="about")
        self.note = Static(markup=False, id="note")
        yield self.events
        yield self.about
        yield self.note

    def on_mount(self) -> None:
        """Nothing is known yet."""
        self._trail: Trail | None = None
        self._kinds: tuple[str, ...] = KINDS
        self._told: dict[str, Event | Silence] = {}

    def load(self) -> None:
        """Read the audit of each secret and role, and the builds."""
        self.work("Reading the audit", self._read, self._show)

    @staticmethod
    async def _read(session: Session) -> Trail:
        return await read_audit(session.connection, await asyncio.to_thread(repository_of, session.folder))

    def _show(self, trail: Trail) -> None:
        self._trail = trail
        trail = trail.of(self._kinds)
        rows = list(_rows(trail))
        self._told = {row.key: told for row, told in rows}
        self.events.show(row for row, _ in rows)
        only = f"Only {self._kinds[0]}s; f shows the next kind." if self._kinds != KINDS else ""
        first = " ".join(filter(None, (only, trail.prefix and f"Names begin with {trail.prefix}")))
        drawn = [line(first, "quiet")] if first else []
        drawn += [line(f"! There may be more: {trail.unread}", "warning")] if trail.unread else []
        since = f"What was done before {trail.kept_since:%Y-%m-%d} is not kept, by default."
        self.note.update(Content("\n").join([*drawn, line(since, "quiet")]))
        self._tell()

    @on(FilterTable.Moved)
    def _tell(self) -> None:
        told = self._told.get(self.events.selected or "")
        if isinstance(told, Event) and told.build is not None:
            self.about.update(about(told.build))
            return
        lines = []
        if isinstance(told, Event):
            lines = [
                f"{told.entity.kind} {told.entity.name}",
                f"{told.action} {told.time} by {told.client_id}",
            ]
        elif told is not None:
            lines = [f"{told.entity.kind} {told.entity.name}", told.reason]
        self.about.update(Content("\n").join(map(line, lines)))

    def action_next_kind(self) -> None:
        """Show one kind alone, then the next, then all."""
        each = [KINDS, *((kind,) for kind in KINDS)]
        self._kinds = each[(each.index(self._kinds) + 1) % len(each)]
        if self._trail is not None:
            self._show(self._trail)
            self.events.action_move("to", 0)

    @on(FilterTable.Opened)
    def _show_build(self, event: FilterTable.Opened) -> None:
        """A build is shown whole."""
        told = self._told.get(event.key)
        if isinstance(told, Event) and told.build is not None:
            from console.screens.task import TaskDetails
            from console.screens.task_group import TaskGroup

            if told.build.task_id:
                self.app.push_screen(TaskDetails(self.shell, told.build.task_id))
            else:
                self.app.push_screen(TaskGroup(self.shell, told.build.group_id))

    def selected_id(self) -> str | None:
        """The secret's or the role's name, or the build's id."""
        told = self._told.get(self.events.selected or "")
        return told.entity.name if told else None

    def command(self) -> str | None:
        """The command that lists the same."""
        return "lading audit" if self._kinds == KINDS else f"lading audit --kind {self._kinds[0]}"

    def page(self) -> str | None:
        """The audit's page of the secret or role, or the build's."""
        told = self._told.get(self.events.selected or "")
        if told is None:
            return None
        if isinstance(told, Event) and told.build is not None:
            of_task = bool(told.build.task_id)
            return (task_page if of_task else group_page)(self.shell.root_url, told.entity.name)
        return audit_page(self.shell.root_url, *told.entity) if told.entity.kind != "build" else None


def _rows(trail: Trail) -> Iterator[tuple[Row, Event | Silence]]:
    for number, event in enumerate(trail.events):
        what = Cell(f"{_SIGNS.get(event.action, '~')} {event.action}", _TONES.get(event.action, "plain"))
        of = _short(event.entity, trail)
        if event.build is not None:
            what = state_cell(event.action)
            of = " ".join((event.build.branch or event.build.event, event.build.commit[:8]))
        when = event.time[:16].replace("T", " ")
        cells = (when, what, Cell(event.entity.kind, "quiet"), of, event.client_id)
        yield Row(f"event {number}", cells), event
    for number, silence in enumerate(trail.silences):
        what = Cell("? unread", "warning") if silence.is_unread else Cell("· nothing", "quiet")
        tone: Tone = "warning" if silence.is_unread else "quiet"
        entity = silence.entity
        why = Cell(silence.reason, tone)
        yield (
            Row(f"silence {number}", ("", what, Cell(entity.kind, "quiet"), _short(entity, trail), why)),
            silence,
        )


def _short(entity: Entity, trail: Trail) -> str:
    """The name within the repository; one of elsewhere is shown whole."""
    return entity.name.removeprefix(trail.prefix) or entity.name
