"""Where a secret is typed or pasted: it cannot be copied out again, and it is gone once it is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message
from textual.widgets import Input

from runner.masking import Masked

if TYPE_CHECKING:
    from textual import events


class SecretInput(Input):
    """A one-line field whose value leaves it by `take` alone.

    A pasted text of several lines is refused whole, with a toast and `SeveralLines`: half a secret is none.
    """

    class SeveralLines(Message):
        """A text of several lines was pasted, and not taken.

        Args:
            count: how many lines it has.
        """

        def __init__(self, count: int) -> None:
            super().__init__()
            self.count = count

    def __init__(self, placeholder: str = "", *, id: str | None = None) -> None:
        super().__init__(placeholder=placeholder, password=True, id=id)

    def take(self) -> Masked:
        """The value; the field is empty afterwards."""
        value = Masked(self.value)
        self.forget()
        return value

    def forget(self) -> None:
        """Empty the field: on cancel."""
        with self.prevent(Input.Changed):
            self.value = ""

    def action_copy(self) -> None:
        """Copy nothing: a clipboard is read by every program."""
        self.app.notify("A secret is not copied.", severity="warning")

    def action_cut(self) -> None:
        """Cut nothing."""
        self.action_copy()

    def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        # A copied line often brings its end along.
        text = event.text.removesuffix("\n").removesuffix("\r")
        count = len(text.splitlines())
        if count > 1 or text.splitlines() != [text]:
            if text:
                self.app.notify(
                    f"{max(count, 2)} lines were pasted and not taken: this is one line.", severity="error"
                )
                self.post_message(self.SeveralLines(max(count, 2)))
            return
        self.replace(text, *self.selection)
