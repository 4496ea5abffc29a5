"""What puts a finding right, where that is done elsewhere: words to copy."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from console.domain.findings_fix import AtRegistry, ConfigureRole, EditFile
from console.widgets.content import lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from console.domain.findings import Diagnosis
    from console.domain.findings_fix import Fix


def remedy_text(found: Diagnosis) -> str:
    """The action, then each of its steps."""
    return "\n".join([found.action, *(step for fix in found.fixes for step in _steps(fix))])


def _steps(fix: Fix) -> Iterator[str]:
    match fix:
        case EditFile():
            place = f"{fix.file} line {fix.line}" if fix.line else fix.file
            yield f"{place}:"
            yield from (f"  {edit}" for edit in fix.edits)
        case ConfigureRole(text=text):
            yield text
        case AtRegistry():
            yield f"{fix.repository}: {fix.what} {fix.whom}"
        case _:
            yield fix.command


class Remedy(ModalScreen[None]):
    """The words, and a key that copies them.

    Args:
        text: what is to be done.
    """

    DEFAULT_CSS = """
    Remedy { align: center middle; }
    Remedy > VerticalScroll {
        width: 76; max-width: 100%; height: auto; max-height: 90%; padding: 0 1;
        border: round $primary; background: $surface;
    }
    Remedy Static { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "copy", "Copy", id="remedy.copy", tooltip="Copy what is to be done."),
        Binding("escape,q", "close", "Close", id="remedy.close", tooltip="Go back."),
    ]

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        """The words."""
        with VerticalScroll() as scroll:
            scroll.border_title = "What to do"
            scroll.border_subtitle = "y copies, esc closes"
            yield Static(lines(self._text), markup=False)

    def action_copy(self) -> None:
        """Copy, and close."""
        self.app.copy_to_clipboard(self._text)
        self.notify("Sent to the terminal's clipboard. Where it takes none, hold Shift and select.")
        self.dismiss()

    def action_close(self) -> None:
        """Close."""
        self.dismiss()
