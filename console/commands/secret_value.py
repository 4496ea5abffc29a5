"""Reads a secret's value: from a pipe, or from a prompt that shows nothing; from nowhere else."""

from __future__ import annotations

import os
import select
import sys
import termios
from typing import TYPE_CHECKING, Final, TextIO

from console.domain.secret_value import value_of
from runner.errors import UsageError

if TYPE_CHECKING:
    from runner.masking import Masked

# A terminal hands over a line of 4,095 bytes at most and drops the rest without a word.
_LONGEST_LINE: Final = 4095


def read_value(prompt: str, stderr: TextIO, *, raw: bool, may_ask: bool) -> Masked:
    """The value.

    Args:
        prompt: what is asked on a terminal.
        stderr: where it is asked.
        raw: keep a line end at the end of what a pipe gives.
        may_ask: whether somebody may be asked.

    Raises:
        UsageError: nobody can be asked, or it is no value.
    """
    if not sys.stdin.isatty():
        return value_of(sys.stdin.buffer.read(), raw=raw)
    if not may_ask:
        raise UsageError(
            "Nothing was changed: the value is not on standard input, and --no-input forbids to ask.",
            action="Give it by a pipe: `… | lading secret set NAME KEY`.",
        )
    return value_of(_asked(prompt, stderr))


def _asked(prompt: str, stderr: TextIO) -> bytes:
    """A line typed without an echo."""
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    silent = [*before]
    silent[3] &= ~termios.ECHO
    try:
        # What was typed before the question is no answer to it.
        termios.tcsetattr(descriptor, termios.TCSAFLUSH, silent)
        print(f"{prompt}: ", end="", file=stderr, flush=True)
        line = os.read(descriptor, _LONGEST_LINE + 1)
        more = bool(select.select([descriptor], [], [], 0)[0])
    finally:
        termios.tcsetattr(descriptor, termios.TCSAFLUSH, before)
        print(file=stderr)
    if more:
        raise UsageError(
            "Several lines were pasted, and half a value is none: nothing was changed.",
            action="Give the value by a pipe: `lading secret set NAME KEY < FILE`.",
        )
    if len(line) >= _LONGEST_LINE:
        raise UsageError(
            "The value is too long for a terminal's line: nothing was changed.", action="Give it by a pipe."
        )
    return line
