"""What would change, a line each: the sign says it, colour only repeats it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from textual.content import Content
from textual.widgets import Static

from console.widgets.content import line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from console.widgets.content import Tone

Sign = Literal["+", "-", "~", " "]
_TONES: Final[dict[Sign, Tone]] = {"+": "good", "-": "bad", "~": "warning", " ": "quiet"}


class DiffLine(NamedTuple):
    """One line: `+` comes, `-` goes, `~` changes, ` ` stays."""

    sign: Sign
    text: str


class DiffView(Static):
    """Lines that come, go, change or stay."""

    DEFAULT_CSS = "DiffView { height: auto; padding: 0 1; }"

    def __init__(self, changes: Iterable[DiffLine] = (), *, id: str | None = None) -> None:
        super().__init__(markup=False, id=id)
        self.show(changes)

    def show(self, changes: Iterable[DiffLine]) -> None:
        """Show other lines."""
        drawn = [line(f"{change.sign} {change.text}", _TONES[change.sign]) for change in changes]
        self.update(Content("\n").join(drawn) if drawn else line("Nothing changes.", "quiet"))
