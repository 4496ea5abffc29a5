"""Text for standard output: data made fit for a terminal, colour only on one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, TextIO

from console.domain.terminal_text import line_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_STYLES: Final = {"good": "1;32", "bad": "1;31", "unsure": "1;33", "name": "36", "aside": "2"}


@dataclass(frozen=True, slots=True)
class Paint:
    """How words are drawn.

    Args:
        in_colour: with SGR sequences.

    Attributes:
        branch: what stands before a line that hangs from the one above.
    """

    in_colour: bool
    branch: ClassVar = "└"

    @classmethod
    def on(cls, stream: TextIO, environment: Mapping[str, str]) -> Paint:
        """For a stream: colour on a terminal that has it, without NO_COLOR (https://no-color.org)."""
        in_colour = (
            stream.isatty() and not environment.get("NO_COLOR") and environment.get("TERM", "dumb") != "dumb"
        )
        return cls(in_colour)

    def __call__(self, text: str, style: str = "") -> str:
        """Text from anywhere, as one line, in `good`, `bad`, `unsure`, `name` or `aside`."""
        shown = line_of(text)
        return f"\x1b[{_STYLES[style]}m{shown}\x1b[0m" if self.in_colour and style else shown
