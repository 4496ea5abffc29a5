"""Where one is in lines that are folded: the row at the top of the screen, and how many pieces of it are above."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Top(NamedTuple):
    """What is at the top of the screen.

    Args:
        row: a line, or a hit.
        skipped: how many of its pieces are above the screen.
    """

    row: int
    skipped: int = 0


def end_of(rows: int, height: int, pieces: Callable[[int], int]) -> Top:
    """The top where the last piece of the last row is at the bottom.

    Args:
        rows: how many there are.
        height: of the screen.
        pieces: how many a row is folded into, at least one.
    """
    used = 0
    while rows and used < height:
        rows -= 1
        used += pieces(rows)
    return Top(rows, max(0, used - height))


def moved(top: Top, by: int, rows: int, pieces: Callable[[int], int]) -> Top:
    """The top after going down so many rows of the screen, or up, within the first row and the last."""
    row, skipped = top.row, top.skipped + by
    while skipped < 0 and row > 0:
        row -= 1
        skipped += pieces(row)
    while row < rows - 1 and skipped >= (number := pieces(row)):
        row, skipped = row + 1, skipped - number
    return Top(row, max(0, skipped))
