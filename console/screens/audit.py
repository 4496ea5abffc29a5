"""Who changed this repository's secrets and roles, and when."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from textual.content import Content
from textual.widgets import Static

from console.actions.audit import Entity, read_audit
from console.actions.repository import repository_of
from console.domain.web_urls import audit_page
from console.screens.screen import ConsoleScreen
from console.widgets.content import line
from console.widgets.filter_table import Cell, Column, FilterTable, Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.app import ComposeResult

    from console.actions.audit import Trail
    from console.shell import Session
    from console.widgets.content import Tone

_TONES: Final[dict[str, Tone]] = {"deleted": "bad", "expired": "warning", "created": "good"}
_SIGNS: Final = {"deleted": "✗", "expired": "!", "created": "+"}


class Audit(ConsoleScreen):
    """The events, the latest first, then what has none."""

    TITLE = "Audit"
    CSS_PATH = "audit.tcss"

    def body(self) -> ComposeResult:
        """The events, and what is not kept."""
        self.events = FilterTable(
            Column("when", 20),
            Column("what", 11),
            Column("kind", 6),
            Column("of"),
            Column("by"),
            empty="No event is visible.",
        )
        self.note = Static(markup=False, id="note")
        yield self.events
        yield self.note

    def on_mount(self) -> None:
        """Nothing is known yet."""
        self._entities: dict[str, Entity] = {}

    def load(self) -> None:
        """Read the audit of each secret and role."""
        self.work("Reading the audit", self._read, self._show)

    @staticmethod
    async def _read(session: Session) -> Trail:
        return await read_audit(session.connection, await asyncio.to_thread(repository_of, session.folder))

    def _show(self, trail: Trail) -> None:
        rows = list(_rows(trail))
        self._entities = {row.key: entity for row, entity in rows}
        self.events.show(row for row, _ in rows)
        drawn = [line(f"Names begin with {trail.prefix}", "quiet")] if trail.prefix else []
        drawn += [line(f"! There may be more: {trail.unread}", "warning")] if trail.unread else []
        since = f"What was done before {trail.kept_since:%Y-%m-%d} is not kept, by default."
        self.note.update(Content("\n").join([*drawn, line(since, "quiet")]))

    @property
    def _entity(self) -> Entity | None:
        return self._entities.get(self.events.selected or "")

    def selected_id(self) -> str | None:
        """The secret's or the role's name."""
        return self._entity.name if self._entity else None

    def command(self) -> str | None:
        """The command that lists the same."""
        return "lading audit"

    def page(self) -> str | None:
        """The audit's page of the secret or role."""
        return audit_page(self.shell.root_url, *self._entity) if self._entity else None


def _rows(trail: Trail) -> Iterator[tuple[Row, Entity]]:
    for number, event in enumerate(trail.events):
        what = Cell(f"{_SIGNS.get(event.action, '~')} {event.action}", _TONES.get(event.action, "plain"))
        when = event.time[:19].replace("T", " ")
        cells: tuple[str | Cell, ...] = (
            when,
            what,
            Cell(event.entity.kind, "quiet"),
            _short(event.entity, trail),
            event.client_id,
        )
        yield Row(f"event {number}", cells), event.entity
    for number, silence in enumerate(trail.silences):
        what = Cell("? unread", "warning") if silence.is_unread else Cell("· nothing", "quiet")
        tone: Tone = "warning" if silence.is_unread else "quiet"
        entity = silence.entity
        cells = ("", what, Cell(entity.kind, "quiet"), _short(entity, trail), Cell(silence.reason, tone))
        yield Row(f"silence {number}", cells), entity


def _short(entity: Entity, trail: Trail) -> str:
    """The name within the repository; one of elsewhere is shown whole."""
    return entity.name.removeprefix(trail.prefix) or entity.name
