"""Ask before something that cannot be taken back; for what is worst, its name has to be typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from console.widgets.content import lines

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType


class Confirm(ModalScreen[bool]):
    """Answers whether to go on: `if await self.app.push_screen_wait(Confirm(...))`, within a worker.

    Args:
        question: names the object: "Delete secret `x`?".
        effect: what will be so afterwards.
        verb: what the button says: "Delete".
        typed: what has to be typed, or "" where a press is enough.
    """

    DEFAULT_CSS = """
    Confirm { align: center middle; }
    Confirm > Vertical {
        width: 72; max-width: 96%; height: auto; max-height: 96%; padding: 1 2;
        border: thick $warning; background: $surface; overflow-y: auto;
    }
    Confirm Static { height: auto; margin-bottom: 1; }
    Confirm Horizontal { height: auto; align-horizontal: right; }
    Confirm Button { margin-left: 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "refuse", "Cancel", id="confirm.cancel", tooltip="Change nothing."),
        Binding("n", "refuse", "No", show=False, id="confirm.no"),
        Binding("y", "agree", "Yes", show=False, id="confirm.yes"),
        Binding("left,right", "app.focus_next", "Other button", show=False, id="confirm.other"),
    ]

    def __init__(self, question: str, effect: str, *, verb: str, typed: str = "") -> None:
        super().__init__()
        self._question = question
        self._effect = effect
        self._verb = verb
        self._typed = typed

    def compose(self) -> ComposeResult:
        """The question, its effect, and Cancel, which is where the focus is."""
        with Vertical():
            yield Static(lines(self._question, "strong"), markup=False)
            yield Static(lines(self._effect), markup=False)
            if self._typed:
                yield Static(lines(f"Type {self._typed} to go on."), markup=False)
                yield Input(id="typed")
            with Horizontal():
                yield Button("Cancel" if self._typed else "Cancel (n)", id="cancel")
                go = self._verb if self._typed else f"{self._verb} (y)"
                yield Button(go, id="go", variant="error", disabled=bool(self._typed))

    def on_mount(self) -> None:
        """A press of enter changes nothing."""
        self.query_one("#typed" if self._typed else "#cancel").focus()

    @on(Input.Changed, "#typed")
    def _compare(self, event: Input.Changed) -> None:
        self.query_one("#go", Button).disabled = event.value != self._typed

    @on(Input.Submitted, "#typed")
    def _submit(self, event: Input.Submitted) -> None:
        if event.value == self._typed:
            self.dismiss(True)

    @on(Button.Pressed)
    def _press(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "go")

    def action_agree(self) -> None:
        """Go on, where a press is enough."""
        if not self._typed:
            self.dismiss(True)

    def action_refuse(self) -> None:
        """Change nothing."""
        self.dismiss(False)
