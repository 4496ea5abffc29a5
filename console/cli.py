"""The console's composition root."""

from __future__ import annotations


def main() -> int:
    """Run `lading`; returns the exit code."""
    return 0
