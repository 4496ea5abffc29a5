"""The second line of every screen: which screens there are, by the keys that show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from textual.content import Content
from textual.style import Style
from textual.widgets import Static

if TYPE_CHECKING:
    from collections.abc import Iterable


class Tab(NamedTuple):
    """One screen.

    Args:
        number: the key that shows it.
        name: how the application's `show_screen` calls it.
        title: how it is called on the screen.
    """

    number: int
    name: str
    title: str


def tabs_text(tabs: Iterable[Tab], current: str) -> Content:
    """The line; each title can be clicked, and the current one is told by more than its colour."""
    return Content("  ").join(_text(tab, is_current=tab.name == current) for tab in tabs)


def _text(tab: Tab, *, is_current: bool) -> Content:
    title = Content.styled(f"{tab.number} {tab.title}", "bold reverse" if is_current else "")
    return title.stylize(Style.from_meta({"@click": f"app.show_screen('{tab.name}')"}))


class ScreenTabs(Static):
    """Draws the screens' numbers and titles."""

    DEFAULT_CSS = """
    ScreenTabs {
        dock: top; height: 1; margin: 1 0 0 0; padding: 0 1;
        link-style: none; link-color: $text-muted; link-background: initial;
    }
    """
