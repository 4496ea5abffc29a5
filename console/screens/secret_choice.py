"""Buttons that are on or off, told apart by a glyph and not by their colour alone."""

from __future__ import annotations

from textual.widgets import Checkbox, RadioButton


class Choice(RadioButton):
    """One of several: `(●)` or `( )`."""

    BUTTON_LEFT, BUTTON_INNER, BUTTON_RIGHT = "(", " ", ")"

    def watch_value(self) -> None:
        """Draw whether it is on."""
        self.BUTTON_INNER = "●" if self.value else " "  # read by Textual's ToggleButton when it draws
        super().watch_value()


class Tick(Checkbox):
    """On or off: `[x]` or `[ ]`."""

    BUTTON_LEFT, BUTTON_INNER, BUTTON_RIGHT = "[", " ", "]"

    def watch_value(self) -> None:
        """Draw whether it is on."""
        self.BUTTON_INNER = "x" if self.value else " "
        super().watch_value()
