"""What online commands share: their flags, and a connection made of flags and environment."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TextIO, TypeVar

from console.connection import connect, settings_of
from runner.narration import printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Awaitable, Callable, Mapping

    from console.connection import Connection

Result = TypeVar("Result")


def add_connection_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare `--root-url`, `--read-only` and `--json`."""
    parser.add_argument(
        "--root-url", metavar="URL", help="the Taskcluster to ask (default: TASKCLUSTER_ROOT_URL)"
    )
    parser.add_argument("--read-only", action="store_true", help="refuse to change anything")
    parser.add_argument("--json", action="store_true", help="print JSON")


def connected(
    arguments: argparse.Namespace,
    environment: Mapping[str, str],
    stderr: TextIO,
    work: Callable[[Connection], Awaitable[Result]],
) -> Result:
    """Do asynchronous work with a connection, to its end.

    Args:
        arguments: parsed, with the flags of `add_connection_arguments`.
        environment: the variables.
        stderr: told of attempts that are made again.
        work: what to do; the connection is closed afterwards.

    Raises:
        UsageError: flags or variables do not name a deployment.
        RunnerError: as the work raises.
    """
    settings = settings_of(environment, root_url=arguments.root_url, read_only=arguments.read_only)

    def notice(text: str) -> None:
        print(f"lading: {printable(text)}", file=stderr)

    async def run() -> Result:
        async with connect(settings, notice=notice) as connection:
            return await work(connection)

    return asyncio.run(run())
