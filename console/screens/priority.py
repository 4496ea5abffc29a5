"""Choose a priority."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from console.widgets.content import line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType


class Priority(ModalScreen[str | None]):
    """Answers the priority that was chosen, or None.

    Args:
        priorities: in their order.
        current: the one that is so now, where the cursor is.
    """

    DEFAULT_CSS = """
    Priority { align: center middle; }
    Priority > Vertical { width: 40; height: auto; padding: 1 2; border: thick $accent; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "refuse", "Cancel", id="priority.cancel", tooltip="Change nothing."),
    ]

    def __init__(self, priorities: Sequence[str], current: str) -> None:
        super().__init__()
        self._priorities = priorities
        self._current = current

    def compose(self) -> ComposeResult:
        """All of them."""
        with Vertical():
            yield Static(line("Priority", "strong"), markup=False)
            yield OptionList(
                *(
                    Option(line(f"{name}, as it is" if name == self._current else name), id=name)
                    for name in self._priorities
                ),
                markup=False,
            )

    def on_mount(self) -> None:
        """A press of enter changes nothing."""
        choices = self.query_one(OptionList)
        if self._current in self._priorities:
            choices.highlighted = self._priorities.index(self._current)
        choices.focus()

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option.id)

    def action_refuse(self) -> None:
        """Change nothing."""
        self.dismiss(None)
