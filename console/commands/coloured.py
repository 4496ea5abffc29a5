"""A line of a log for a terminal: its colours as sequences that are written here, and no other sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from console.domain.terminal_text import PLAIN, styled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.domain.terminal_text import Look

_NAMES: Final = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_RESET: Final = "\x1b[0m"


def coloured(line: str, *, in_colour: bool) -> str:
    """The line, with its own colours if the terminal is to have any; they end with it."""
    return "".join(
        f"\x1b[{';'.join(_parameters(run.look))}m{run.text}{_RESET}"
        if in_colour and run.look != PLAIN
        else run.text
        for run in styled(line)
    )


def _parameters(look: Look) -> Iterator[str]:
    flags = (
        (look.bold, "1"),
        (look.dim, "2"),
        (look.italic, "3"),
        (look.underline, "4"),
        (look.reverse, "7"),
        (look.strike, "9"),
    )
    yield from (number for is_set, number in flags if is_set)
    yield from _colour(look.foreground, 30)
    yield from _colour(look.background, 40)


def _colour(name: str, base: int) -> Iterator[str]:
    if name.startswith("#"):
        parts = (str(int(name[at : at + 2], 16)) for at in (1, 3, 5))
        yield f"{base + 8};2;{';'.join(parts)}"
    elif name.startswith("ansi_bright_"):
        yield str(base + 60 + _NAMES.index(name.removeprefix("ansi_bright_")))
    elif name:
        yield str(base + _NAMES.index(name.removeprefix("ansi_")))
