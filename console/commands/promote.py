"""`lading promote`: copy an image by digest, with accounts out of Taskcluster secrets or of `docker login`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TextIO

from console.actions.registry_accounts import registry_accounts
from console.commands.confirming import agreed
from console.commands.connecting import add_deployment_arguments, connected
from console.commands.paint import Paint
from runner.arguments import add_promote_arguments
from runner.errors import ExitCode
from runner.masking import Masker
from runner.narration import Narrator
from runner.promotion_request import Accounts, PromoteRequest, run_promote, tell_promotion

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from console.connection import Connection


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add_promote_arguments(parser)
    add_deployment_arguments(parser)
    parser.add_argument(
        "--yes",
        metavar="TAG",
        nargs="?",
        const="",
        help="do not ask; the tag that is put must be given, or nothing where there are several",
    )


def run(arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO) -> int:
    """Say which tags will name it, ask, copy, compare, and say what became of each tag."""
    request = PromoteRequest.of(arguments)
    paint = Paint.on(stderr, environment)
    for tag in request.tags:
        print(f"{paint(str(tag), 'name')} will name {request.repository.at(request.digest)}", file=stderr)
    typed = str(request.tags[0].tag) if len(request.tags) == 1 else "yes"
    if not agreed("copy it there", typed, arguments.yes, stderr, environment):
        return ExitCode.NO
    accounts = _accounts(arguments, request, environment, stderr)
    masker = Masker(
        secret
        for _, account in (*accounts.pushing, *accounts.reading)
        for secret in (account.password, account.basic)
    )
    narrator = Narrator(stderr, masker, time.time, live=stderr.isatty())
    promotion = run_promote(request, accounts, environment, narrator)
    return tell_promotion(request, promotion, stdout, as_json=arguments.json)


def _accounts(
    arguments: argparse.Namespace, request: PromoteRequest, environment: Mapping[str, str], stderr: TextIO
) -> Accounts:
    """Taskcluster is asked for secrets, and changed by nothing; where none is named it is not asked."""
    if not arguments.secret and not arguments.from_secret:
        return Accounts()
    arguments.read_only = True

    async def read(connection: Connection) -> Accounts:
        return Accounts(
            await registry_accounts(connection, arguments.secret, request.username),
            await registry_accounts(connection, arguments.from_secret, request.username),
        )

    return connected(arguments, environment, stderr, read)
