"""Install what the tests need, where the user is root on Debian; elsewhere say what will be skipped."""

from __future__ import annotations

import sys

from console.sandbox.debian import PACKAGES, Machine, install
from runner.errors import Unavailable


def main() -> int:
    """Run as `python -m tests.support.machine` before pytest; a failure here ends the test run only in CI.

    pytest's own fixtures decide what a missing program means: a skip with its reason, or in CI a failure.
    """
    try:
        install(PACKAGES, Machine.this(), lambda text: print(f"make test: {text}", file=sys.stderr))  # noqa: T201 - a program
    except Unavailable as error:
        print(f"make test: {error} The tests that need them are skipped.", file=sys.stderr)  # noqa: T201 - a program
    return 0


if __name__ == "__main__":
    sys.exit(main())
