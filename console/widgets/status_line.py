"""The first line of every screen: where the console is connected, as whom, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from console.domain.terminal_text import line_of

if TYPE_CHECKING:
    from datetime import datetime

_SOON_SECONDS: Final = 3600


@dataclass(frozen=True, slots=True)
class Status:
    """What the status line says.

    Args:
        profile: the profile, or where the credentials come from.
        root_url: of the deployment, or "" before one is known.
        who: the client id, or "anonymous".
        expires: when the credentials do, or None where they do not or nobody knows.
        read_only: whether nothing can be changed.
        note: what is going on instead, such as "connecting".
    """

    profile: str = ""
    root_url: str = ""
    who: str = ""
    expires: datetime | None = None
    read_only: bool = False
    note: str = ""


def remaining(until: datetime, now: datetime) -> str:
    """How long it is until then, in the two largest units."""
    seconds = int((until - now).total_seconds())
    if seconds <= 0:
        return "expired"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if days >= 2:
        return f"{days}d"
    if hours:
        return f"{hours}h{minutes % 60:02d}m"
    return f"{minutes}m" if minutes else f"{seconds}s"


def status_text(status: Status, now: datetime, width: int) -> Content:
    """The line: the last parts matter most, so the root URL is what gives way in a narrow terminal."""
    ends: list[tuple[str, str]] = []
    if status.expires is not None:
        left = remaining(status.expires, now)
        soon = (status.expires - now).total_seconds() < _SOON_SECONDS
        text = "✗ expired" if left == "expired" else f"{'! ' if soon else ''}expires in {left}"
        ends.append((text, "bold $text-warning" if soon else ""))
    if status.read_only:
        ends.append(("READ-ONLY", "bold reverse"))
    if status.note:
        ends.append((line_of(status.note), "italic"))
    starts = [line_of(part) for part in (status.profile, status.who) if part]
    root = line_of(status.root_url.removeprefix("https://"))
    taken = sum(len(text) + 3 for text in (*starts, *(text for text, _ in ends)))
    if root:
        room = width - taken - 1
        if room > 8:
            starts.insert(1 if status.profile else 0, root if len(root) <= room else root[: room - 1] + "…")
    parts: list[tuple[str, str]] = [(text, "") for text in starts] + ends
    return Content(" · ").join(Content.styled(text, style) for text, style in parts)


class StatusLine(Widget):
    """Draws the application's status; it is told the time, it does not look it up."""

    DEFAULT_CSS = """
    StatusLine { dock: top; height: 1; padding: 0 1; background: $panel; color: $foreground; }
    """

    status: reactive[Status] = reactive(Status())
    now: reactive[datetime | None] = reactive(None)

    def render(self) -> Content:
        """The line for this width."""
        if self.now is None:
            return Content("")
        return status_text(self.status, self.now, self.size.width)
