"""How a scope of the command line is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.narration import printable

if TYPE_CHECKING:
    from typing import TextIO


def note_wildcard(what: str, text: str, stderr: TextIO) -> None:
    """Say how a final `*` is taken: in a shell it may have been typed for the character."""
    if text.endswith("*"):
        every = printable(text[:-1]) or "anything"
        print(f"lading: {what} is taken for every name that begins with {every!r}.", file=stderr)
