"""A program on a pseudo-terminal: keys go in, and what a terminal would get comes out."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIMIT_SECONDS = 120
# What Textual itself writes: CSI sequences, the private modes that it sets, and the end of a synchronised frame.
_CSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


class Terminal:
    """`lading` on a pseudo-terminal of its own.

    Args:
        arguments: the command line after the program's name.
        environment: all its variables, beside PATH and TERM.
        size: columns and lines.
        program: Python code to run in place of `lading`.
    """

    def __init__(self, *arguments, environment=None, size=(80, 24), program=None, folder=ROOT):
        self._own, theirs = pty.openpty()
        self.resize(*size)
        self.before = termios.tcgetattr(theirs)
        code = program or "import sys; from console.cli import main; sys.exit(main())"
        variables = {
            "PATH": os.environ["PATH"],
            "TERM": "xterm-256color",
            "PYTHONPATH": str(ROOT),
            "LANG": "C.UTF-8",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=folder,
            env={**variables, **(environment or {})},
            start_new_session=True,
        )
        self._theirs = theirs
        self.raw = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for descriptor in {self._own, self._theirs} - {-1}:
            os.close(descriptor)

    @property
    def text(self):
        """All output so far, decoded."""
        return self.raw.decode(errors="replace")

    @property
    def words(self):
        """The output without the sequences that draw it."""
        return _CSI.sub("", self.text)

    def resize(self, columns, lines):
        """The window has another size."""
        fcntl.ioctl(self._own, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def send(self, keys):
        """Type."""
        os.write(self._own, keys.encode())

    def hang_up(self):
        """The window is closed: its programs get SIGHUP."""
        os.close(self._own)
        self._own = -1
        os.killpg(self.process.pid, signal.SIGHUP)

    def read(self, condition):
        """Read until the condition on this terminal holds."""
        end = time.monotonic() + LIMIT_SECONDS
        while not condition(self):
            if time.monotonic() > end:
                raise AssertionError(f"not within {LIMIT_SECONDS} s; shown: {self.words[-3000:]!r}")
            self._take(0.05)
        return self

    def until(self, words):
        """Read until these words have been drawn since the last mark."""
        return self.read(lambda terminal: words in terminal.words[self._mark :])

    _mark = 0

    def mark(self):
        """Only what is drawn from now on counts."""
        self._mark = len(self.words)

    def wait(self):
        """Read until the program ends; its exit code."""
        self.read(lambda terminal: terminal.process.poll() is not None)
        while self._take(0.05):
            pass
        return self.process.returncode

    def modes(self):
        """The terminal's settings now."""
        return termios.tcgetattr(self._theirs)

    def _take(self, seconds):
        if self._own == -1:
            time.sleep(seconds)
            return False
        ready, _, _ = select.select([self._own], [], [], seconds)
        if not ready:
            return False
        with contextlib.suppress(OSError):
            taken = os.read(self._own, 65536)
            self.raw += taken
            return bool(taken)
        return False
