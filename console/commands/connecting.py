"""What online commands share: their flags, and a connection made of flags and environment."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TextIO, TypeVar

from console.config import config_path, load_config
from console.connection import choose, connect, stored
from console.credentials.keyring_store import CredentialStore
from runner.narration import printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Awaitable, Callable, Mapping

    from console.connection import Choice, Connection

Result = TypeVar("Result")


def add_connection_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare `--root-url`, `--profile`, `--read-only` and `--json`."""
    add_deployment_arguments(parser)
    parser.add_argument("--read-only", action="store_true", help="refuse to change anything")
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_deployment_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare `--root-url` and `--profile`."""
    parser.add_argument(
        "--root-url",
        metavar="URL",
        help="the Taskcluster to ask (default: TASKCLUSTER_ROOT_URL, then the default profile)",
    )
    parser.add_argument(
        "--profile", metavar="NAME", help="a profile of config.toml, before the environment's credentials"
    )


def chosen_for(
    arguments: argparse.Namespace, environment: Mapping[str, str], *, read_only: bool = False
) -> Choice:
    """Whom to connect to, and as whom, by the precedence flag > environment > keyring > anonymous.

    Args:
        arguments: parsed, with the flags of `add_deployment_arguments`.
        environment: the variables.
        read_only: whether nothing may be changed.

    Raises:
        UsageError: flags, variables or the configuration do not name a deployment.
    """
    return choose(
        environment,
        lambda: load_config(config_path()),
        root_url=arguments.root_url,
        profile=arguments.profile,
        read_only=read_only,
    )


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

    def notice(text: str) -> None:
        print(f"lading: {printable(text)}", file=stderr)

    choice = chosen_for(arguments, environment, read_only=arguments.read_only)
    settings = stored(choice, CredentialStore(), notice)

    async def run() -> Result:
        async with connect(settings, notice=notice) as connection:
            return await work(connection)

    return asyncio.run(run())
