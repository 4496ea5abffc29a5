"""What a hook is given, as text to edit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Static, TextArea

from console.domain.hook_payload import read_payload
from console.widgets.content import line, lines
from runner.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from textual.app import ComposeResult
    from textual.binding import BindingType


class HookPayload(ModalScreen[dict[str, Any] | None]):
    """Answers the payload, or None where nothing is to change.

    Args:
        hook: `GROUP/HOOK`.
        payload: what it is given so far.
        schema: the hook's `triggerSchema`, as far as it is known.
    """

    DEFAULT_CSS = """
    HookPayload { align: center middle; }
    HookPayload > Vertical {
        width: 90; max-width: 96%; height: auto; max-height: 96%; padding: 0 2;
        border: thick $primary; background: $surface;
    }
    HookPayload TextArea { height: 10; border: none; padding: 0 1; }
    HookPayload Static { height: auto; max-height: 8; }
    HookPayload Horizontal { height: auto; align-horizontal: right; margin-top: 1; }
    HookPayload Button { margin-left: 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Cancel", id="payload.cancel", tooltip="Leave the payload as it was."),
        Binding(
            "ctrl+enter",
            "accept",
            "Plan",
            id="payload.plan",
            tooltip="Plan with this payload.",
            priority=True,
        ),
    ]

    def __init__(self, hook: str, payload: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
        super().__init__()
        self._hook = hook
        self._schema = schema
        self._text = TextArea(json.dumps(payload, indent=2, ensure_ascii=False), id="payload")
        self._wrong = Static(markup=False, id="wrong")

    def compose(self) -> ComposeResult:
        """The text, what its members are, and two buttons."""
        with Vertical():
            yield Static(line(f"Payload of the hook {self._hook}, as JSON or YAML", "strong"), markup=False)
            yield self._text
            yield Static(lines("\n".join(_members(self._schema)), "quiet"), markup=False)
            yield self._wrong
            with Horizontal():
                yield Button("Cancel", id="cancel", compact=True)
                yield Button("Plan", id="plan", variant="primary", compact=True)

    def on_mount(self) -> None:
        """Begin in the text."""
        self._wrong.display = False
        self._text.cursor_blink = False
        self._text.focus()

    @on(Button.Pressed, "#plan")
    def action_accept(self) -> None:
        """Answer it, if it can be read."""
        try:
            self.dismiss(read_payload("the editor", self._text.text))
        except UsageError as error:
            self._wrong.update(lines(str(error), "bad"))
            self._wrong.display = True

    @on(Button.Pressed, "#cancel")
    def action_close(self) -> None:
        """Change nothing."""
        self.dismiss(None)


def _members(schema: Mapping[str, Any]) -> Iterator[str]:
    """A line for each member that the schema names."""
    properties, required = schema.get("properties"), schema.get("required")
    for name, own in properties.items() if isinstance(properties, dict) else ():
        about = own if isinstance(own, dict) else {}
        parts = (
            str(about.get("type", "")),
            "required" if isinstance(required, list) and name in required else "",
            f"one of {', '.join(map(str, about['enum']))}" if isinstance(about.get("enum"), list) else "",
            str(about.get("description", "")),
        )
        yield f"{name}: {' · '.join(filter(None, parts))}"
