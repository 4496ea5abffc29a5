"""One line that says what takes long, and that it can be cancelled."""

from __future__ import annotations

from typing import Final

from textual.widgets import Static

from console.widgets.content import line

# What is faster needs no word.
PATIENCE_SECONDS: Final = 0.15


class ProgressLine(Static):
    """Hidden, unless something runs longer than 150 ms."""

    DEFAULT_CSS = "ProgressLine { display: none; height: 1; padding: 0 1; color: $text-accent; }"

    def __init__(self) -> None:
        super().__init__(markup=False)
        self._what: dict[str, str] = {}

    @property
    def running(self) -> tuple[str, ...]:
        """What runs now, by group."""
        return tuple(self._what)

    def begin(self, group: str, what: str) -> None:
        """Something begins."""
        self._what[group] = what
        self.set_timer(PATIENCE_SECONDS, self._draw)

    def end(self, group: str) -> None:
        """It has ended."""
        self._what.pop(group, None)
        if not self._what:
            self.display = False

    def _draw(self) -> None:
        if self._what:
            self.update(line(f"… {', '.join(self._what.values())} (esc cancels)"))
            self.display = True
