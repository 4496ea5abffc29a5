"""`lading verify`: the runner's own, from the maintainer's terminal."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TextIO

from runner.arguments import add_verify_arguments as add_arguments
from runner.verify_request import run_verify

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

__all__ = ["add_arguments", "run"]


def run(
    arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, _stderr: TextIO
) -> int:
    """Verify an image; the exit code is the verdict."""
    return run_verify(arguments, environment, time.time, stdout)
