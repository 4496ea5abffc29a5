"""The runner's composition root: the only place with os.environ, stdout and sys.exit."""

from __future__ import annotations


def main() -> int:
    """Run `lading-runner`; returns the exit code."""
    return 0
