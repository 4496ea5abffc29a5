"""One secret value: masked, and shown for half a minute to whoever asks."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import Binding
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from console.domain.terminal_text import line_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from textual.binding import BindingType

    from runner.masking import Masked

# As wide for every value: a width would tell the length.
MASK: Final = "••••••••"
REVEALED: Final = timedelta(seconds=30)


class MaskedValue(Widget, can_focus=True):
    """A labelled value that `v` shows; it is masked again after 30 s, and whenever nobody looks at it.

    Args:
        label: its key.
        value: what is masked.
        now: the clock.
    """

    ALLOW_SELECT = False  # what can be selected can be copied
    DEFAULT_CSS = """
    MaskedValue { height: auto; padding: 0 1; }
    MaskedValue:focus { background: $boost; text-style: bold; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "v", "reveal", "Reveal", id="value.reveal", tooltip="Show this value for 30 s; again: hide it."
        ),
    ]

    until: reactive[datetime | None] = reactive(None, layout=True)
    left: reactive[int] = reactive(0)

    def __init__(
        self, label: str, value: Masked, now: Callable[[], datetime], *, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self._label = label
        self._value = value
        self._now = now

    @property
    def revealed(self) -> bool:
        """Whether the value can be read on the screen."""
        return self.until is not None

    def on_mount(self) -> None:
        """Look at the clock; the screen conceals its values itself when another one is shown."""
        self.set_interval(1.0, self.tick)
        self.app.app_suspend_signal.subscribe(self, lambda _: self.conceal())

    def render(self) -> Content:
        """`key  ••••••••`, or the value and how long it stays."""
        label = line_of(self._label)
        if self.until is None:
            return Content(f"{label}  {MASK}" if self._value else f"{label}  (empty)")
        return Content(f"{label}  {line_of(self._value.reveal())}  ({self.left} s)")

    def action_reveal(self) -> None:
        """Show, or hide again."""
        if self.until is not None:
            self.conceal()
            return
        self.until = self._now() + REVEALED
        self.tick()

    def tick(self) -> None:
        """Hide when the time is over."""
        if self.until is None:
            return
        self.left = round((self.until - self._now()).total_seconds())
        if self.left <= 0:
            self.conceal()

    def conceal(self) -> None:
        """Mask it."""
        self.until = None

    def on_blur(self) -> None:
        """Nobody looks at it."""
        self.conceal()
