"""What the console costs: its help, its first frame on a pseudo-terminal, and screens of many rows."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.bench import crowd
from tests.bench.tables import show, table
from tests.support.terminal import Terminal

SIZE = (120, 40)


def run(repeats):
    """The table."""
    rows = [
        ("lading --help", "150", _ms(median(_help() for _ in range(repeats)))),
        ("first frame on a pseudo-terminal", "500", _ms(median(_first_frame() for _ in range(repeats)))),
    ]
    show(f"Console: medians of {repeats}.\n\n{table(('what', 'budget ms', 'ms'), rows)}")
    crowd.run(repeats)


def _ms(seconds):
    return f"{seconds * 1000:.0f}"


def _help():
    started = time.monotonic()
    code = "import sys; from console.cli import main; sys.exit(main())"
    subprocess.run([sys.executable, "-c", code, "--help"], check=True, capture_output=True)
    return time.monotonic() - started


def _first_frame():
    with tempfile.TemporaryDirectory() as home:
        variables = {"HOME": home, "TASKCLUSTER_ROOT_URL": "http://127.0.0.1:9"}
        started = time.monotonic()
        with Terminal(environment=variables, size=SIZE, folder=Path(home)) as terminal:
            terminal.until("1 Overview")
            return time.monotonic() - started
