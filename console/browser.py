"""Open a page in the user's browser without letting it write on this terminal."""

from __future__ import annotations

import shlex
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def browser_command(environment: Mapping[str, str], platform: str = sys.platform) -> Sequence[str] | None:
    """What opens a page, or None where a browser would run in this terminal or nowhere.

    Args:
        environment: BROWSER wins; over SSH there is no display.
        platform: `sys.platform`.
    """
    if environment.get("BROWSER"):
        return shlex.split(environment["BROWSER"].split(":")[0])
    if platform == "darwin":
        return ["open"]
    if environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"):
        return ["xdg-open"]
    return None


def open_page(url: str, environment: Mapping[str, str]) -> bool:
    """Open a page; returns whether a browser was started. It may take a moment: not for a UI loop."""
    command = browser_command(environment)
    if command is None:
        return False
    try:
        process = subprocess.Popen(  # noqa: S603 - the user's own browser, and a URL that is one argument
            [*command, url],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return False
    # Whoever starts a process waits for it, here for as long as the browser is open.
    threading.Thread(target=process.wait, daemon=True).start()
    return True
