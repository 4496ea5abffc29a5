"""`lading-runner`, and `python -I -m runner`: -I keeps a checkout's own `runner/` from being run instead."""

from __future__ import annotations

import gc
import sys

# Objects that are made before they are looked through for cycles: at Python's 700 that was a tenth of an empty
# publish, for next to nothing that was found.
_OBJECTS = 50_000


def run() -> int:
    """Run the program; returns the exit code."""
    gc.set_threshold(_OBJECTS)
    from runner.cli import main

    code = main()
    # The interpreter looks through all modules twice on its way out, another tenth; these it passes over.
    gc.freeze()
    return code


if __name__ == "__main__":
    sys.exit(run())
