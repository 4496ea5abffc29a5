"""A value that somebody gave by a pipe or at a prompt: which bytes are the value."""

from __future__ import annotations

from typing import Final

from runner.errors import UsageError
from runner.masking import Masked

# The service took 600 KiB and failed at 11 MB, as measured.
LONGEST: Final = 512 * 1024


def value_of(content: bytes, *, raw: bool = False) -> Masked:
    r"""The value in what was read: one `\n` or `\r\n` at its end is the line's, all else is the value's.

    Args:
        content: all bytes that were given.
        raw: keep also a line end at the end.

    Raises:
        UsageError: there is nothing, or it is no text that JSON can hold.
    """
    if not raw:
        content = content.removesuffix(b"\n").removesuffix(b"\r") if content.endswith(b"\n") else content
    if not content:
        raise UsageError(
            "The value is empty: nothing was changed.", action="Give it by a pipe or at the prompt."
        )
    if len(content) > LONGEST:
        raise UsageError(f"The value is longer than {LONGEST} bytes: nothing was changed.")
    if b"\0" in content:
        raise UsageError(
            "The value has a NUL byte: it is no text.", action="Encode it first, e.g. as base64."
        )
    try:
        return Masked(content.decode())
    except UnicodeDecodeError:
        # Without the cause: its text shows bytes of the value.
        raise UsageError(
            "The value is not UTF-8: it is no text.", action="Encode it first, e.g. as base64."
        ) from None
