"""`lading verify`: the runner's own, from the maintainer's terminal, with how far it is."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, TextIO

from console.actions.verify_image import verify_image
from console.domain.verified_links import told_so_far
from runner.arguments import add_verify_arguments as add_arguments
from runner.evidence_reading import ReadSoFar
from runner.narration import printable
from runner.verify_request import run_verify

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from runner.verification_sources import VerifyRequest
    from runner.verification_values import Evidence

__all__ = ["add_arguments", "run"]


def run(arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO) -> int:
    """Verify an image; the exit code is the verdict."""

    async def gather(request: VerifyRequest) -> Evidence:
        async with aclosing(verify_image(request, environment, time.time)) as steps:
            async for step in steps:
                if isinstance(step, ReadSoFar):
                    _tell(told_so_far(step), stderr)
                elif isinstance(step, str):
                    _tell("", stderr)
                    print(f"lading: {printable(step)}", file=stderr)
                else:
                    return step
        raise AssertionError("a reading ends with the evidence")

    def gathered(request: VerifyRequest) -> Evidence:
        try:
            return asyncio.run(gather(request))
        finally:
            _tell("", stderr)

    return run_verify(arguments, environment, stdout, gathered)


def _tell(text: str, stderr: TextIO) -> None:
    if stderr.isatty():
        print(f"\r\x1b[K{text}\r", end="", file=stderr, flush=True)
