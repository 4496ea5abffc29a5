"""The runner's program, which stops itself at the beginning of a step: then something can be done to it.

Arguments: the step's first words (or ""), seconds by which the clock is wrong, and the runner's own arguments.
"""

import os
import signal
import sys
import time
from contextlib import contextmanager
from unittest.mock import patch

from runner.cli import main
from runner.narration import Narrator


def stop_at(words):
    """Stop the process, once, when a step begins that is called so."""
    step = Narrator.step
    stopped: list[str] = []

    @contextmanager
    def stopping(narrator, name):
        with step(narrator, name) as found:
            if name.startswith(words) and not stopped:
                stopped.append(name)
                os.kill(os.getpid(), signal.SIGSTOP)
            yield found

    patch.object(Narrator, "step", stopping).start()


def set_clock(seconds):
    """Let the clock be wrong."""
    clock = time.time
    patch.object(time, "time", lambda: clock() + seconds).start()


if __name__ == "__main__":
    _, words, wrong, *arguments = sys.argv
    if words:
        stop_at(words)
    if float(wrong):
        set_clock(float(wrong))
    sys.exit(main(arguments))
