"""Asking before something is done, and what stands for the answer where nobody can be asked."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TextIO

from console.commands.paint import Paint
from runner.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping


def agreed(what: str, typed: str, given: str | None, stderr: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether somebody wants it.

    Args:
        what: to be done, for the question: `cancel it`.
        typed: what must be typed for yes.
        given: what `--yes` was given with, "" where it was given alone, or None.
        stderr: where it is asked.
        environment: for colour.

    Raises:
        UsageError: nobody can be asked, or `--yes` says something else.
    """
    if given is not None:
        if given == typed or (typed == "yes" and not given):
            return True
        raise UsageError(
            f"Nothing was done: to {what}, its name must be given.", action=f"Give --yes {typed}."
        )
    if not sys.stdin.isatty():
        flag = "--yes" if typed == "yes" else f"--yes {typed}"
        raise UsageError("Nothing was done: nobody can be asked whether to.", action=f"Give {flag}.")
    paint = Paint.on(stderr, environment)
    print(f"Type {paint(typed, 'name')} to {paint(what)}: ", end="", file=stderr, flush=True)
    if sys.stdin.readline().rstrip("\n") == typed:
        return True
    print("lading: that is something else: nothing was done.", file=stderr)
    return False
