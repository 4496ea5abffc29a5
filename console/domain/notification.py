"""What makes a terminal notify: the bell, and the sequence that the terminal at hand knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.domain.terminal_text import line_of

if TYPE_CHECKING:
    from collections.abc import Mapping

# A terminal that knows both would notify twice.
_TITLED = ("rxvt", "foot")
_BELL_ONLY = ("dumb", "linux", "")


def notification(title: str, text: str, environment: Mapping[str, str]) -> str:
    """What to write to a terminal so that somebody who looks elsewhere learns of something.

    OSC 9 is iTerm2's and Windows Terminal's form, OSC 777 that of rxvt, foot and VTE; others pass over both.

    Args:
        title: of the notification.
        text: what happened; from anywhere.
        environment: whose TERM and VTE_VERSION tell the terminal.
    """
    terminal = environment.get("TERM", "")
    if terminal in _BELL_ONLY:
        return "\a"
    title, text = (line_of(part).replace(";", ",")[:200] for part in (title, text))
    if "VTE_VERSION" in environment or terminal.startswith(_TITLED):
        return f"\a\x1b]777;notify;{title};{text}\x1b\\"
    return f"\a\x1b]9;{title}: {text}\x1b\\"
