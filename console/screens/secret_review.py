"""What would be saved, seen before it is: keys by fingerprints, never values."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual import on
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from console.domain.secret_expiry import shown
from console.widgets.content import line, lines
from console.widgets.diff_view import DiffLine, DiffView

if TYPE_CHECKING:
    from datetime import datetime

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from console.actions.secret_draft import SecretDraft
    from console.domain.secret_change import Kind
    from console.widgets.diff_view import Sign

_SIGNS: Final[dict[Kind, Sign]] = {"+": "+", "-": "-", "~": "~", "=": " "}
_WORDS: Final[dict[Kind, str]] = {"+": "added", "-": "removed", "~": "changed", "=": "kept"}


class SecretReview(ModalScreen[bool]):
    """Answers whether to save.

    Args:
        draft: what would be saved.
        checked: what the registry said, or why it was not asked.
        now: the time.
    """

    DEFAULT_CSS = """
    SecretReview { align: center middle; }
    SecretReview > Vertical {
        width: 90; max-width: 96%; height: auto; max-height: 96%; padding: 0 2;
        border: thick $primary; background: $surface;
    }
    SecretReview VerticalScroll { height: auto; max-height: 12; }
    SecretReview Static { height: auto; }
    SecretReview Horizontal { height: auto; align-horizontal: right; margin-top: 1; }
    SecretReview Button { margin-left: 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "refuse", "Cancel", id="secret.review.cancel", tooltip="Save nothing."),
        Binding("left,right", "app.focus_next", "Other button", show=False, id="secret.review.other"),
    ]

    def __init__(self, draft: SecretDraft, checked: str, now: datetime) -> None:
        super().__init__()
        self._draft = draft
        self._checked = checked
        self._now = now

    def compose(self) -> ComposeResult:
        """The diff, what is not known, and the two buttons."""
        draft = self._draft
        with Vertical():
            yield Static(line(f"Save secret {draft.name}?", "strong"), markup=False)
            with VerticalScroll(can_focus=False):
                yield DiffView(self._lines())
                yield Static(lines(self._checked), markup=False)
                for warning in draft.warnings:
                    yield Static(lines(f"! {warning}.", "warning"), markup=False)
            with Horizontal():
                yield Button("Cancel", id="cancel", compact=True)
                yield Button("Save", id="go", variant="primary", compact=True)

    def _lines(self) -> list[DiffLine]:
        found = []
        for change in self._draft.changes:
            prints = " → ".join(part for part in dict.fromkeys((change.before, change.after)) if part)
            found.append(DiffLine(_SIGNS[change.kind], f"{change.name}  {_WORDS[change.kind]} ({prints})"))
        return [*found, DiffLine(" ", f"expires {shown(self._draft.after.expires, self._now)}")]

    def on_mount(self) -> None:
        """Where something would be lost unseen, a press of enter changes nothing."""
        self.query_one("#cancel" if self._draft.warnings else "#go").focus()

    @on(Button.Pressed)
    def _press(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "go")

    def action_refuse(self) -> None:
        """Save nothing."""
        self.dismiss(False)
