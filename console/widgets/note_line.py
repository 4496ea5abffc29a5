"""What is told of work while it runs: how far it is, and what came of it."""

from __future__ import annotations

from textual.widgets import Static

from console.widgets.content import lines


class NoteLine(Static):
    """Hidden, unless something is told."""

    DEFAULT_CSS = "NoteLine { height: auto; padding: 0 1; background: $boost; display: none; }"

    def __init__(self) -> None:
        super().__init__(markup=False)

    def tell(self, text: str) -> None:
        """Show it in place of what was told before; "" hides the line."""
        self.update(lines(text))
        self.display = bool(text)
