"""Hide everything from whoever walks by; any key takes the cover off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.screen import ModalScreen
from textual.widgets import Static

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult


class Cover(ModalScreen[None]):
    """Nothing but how to go on."""

    DEFAULT_CSS = (
        "Cover { align: center middle; background: $background 100%; } Cover Static { width: auto; }"
    )

    def compose(self) -> ComposeResult:
        """One line."""
        yield Static("Covered. Any key uncovers.", markup=False)

    def on_key(self, event: events.Key) -> None:
        """The key does nothing else."""
        event.stop()
        event.prevent_default()
        self.dismiss()

    def on_click(self) -> None:
        """A click is a key."""
        self.dismiss()
