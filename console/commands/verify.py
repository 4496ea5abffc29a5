"""`lading verify`: the runner's own, from the maintainer's terminal, with how far it is."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, TextIO

from console.actions.verify_image import environment_of, verify_image
from console.commands.connecting import chosen_for
from console.connection import stored
from console.credentials.keyring_store import CredentialStore
from console.domain.verified_links import told_so_far
from runner.arguments import add_verify_arguments
from runner.evidence_reading import ReadSoFar
from runner.narration import printable
from runner.verify_request import run_verify

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from runner.verification_sources import VerifyRequest
    from runner.verification_values import Evidence


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add_verify_arguments(parser)
    parser.add_argument(
        "--profile", metavar="NAME", help="a profile of config.toml, before the environment's credentials"
    )


def run(arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO) -> int:
    """Verify an image; the exit code is the verdict."""
    if not arguments.offline:
        environment = _as_whom(arguments, environment, stderr)

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


def _as_whom(
    arguments: argparse.Namespace, environment: Mapping[str, str], stderr: TextIO
) -> Mapping[str, str]:
    """The variables of the deployment that is trusted, and of the client that asks it, as for other commands."""

    def notice(text: str) -> None:
        print(f"lading: {printable(text)}", file=stderr)

    settings = stored(chosen_for(arguments, environment), CredentialStore(), notice)
    # As it is compared with what the environment and a file of keys name.
    arguments.root_url = arguments.root_url and settings.root_url
    return environment_of(settings, environment)


def _tell(text: str, stderr: TextIO) -> None:
    if stderr.isatty():
        print(f"\r\x1b[K{text}\r", end="", file=stderr, flush=True)
