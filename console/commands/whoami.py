"""`lading whoami`: which deployment, which client, by what, until when, and what it may do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TextIO

from console.actions.who_am_i import who_am_i
from console.commands.connecting import add_connection_arguments, connected
from console.commands.paint import Paint
from runner.errors import ExitCode

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add_connection_arguments(parser)
    parser.epilog = (
        "The first of these counts: --profile, the environment, the keyring's profile, anonymous."
        " Exits 0, 1 where that is anonymous, 3 where the deployment does not accept the credentials."
    )


def run(arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO) -> int:
    """Ask the deployment; a client that it does not know any more is an error."""
    me = connected(arguments, environment, stderr, who_am_i)
    settings = me.settings
    credentials = settings.credentials
    if arguments.json:
        expires = credentials.expires if credentials else None
        told = {
            "rootUrl": settings.root_url,
            "clientId": credentials.client_id if credentials else None,
            "origin": settings.origin,
            "profile": settings.profile or None,
            "expires": expires.isoformat() if expires else None,
            "scopes": None if me.held is None else list(me.held),
        }
        print(json.dumps(told, indent=2), file=stdout)
        return ExitCode.OK if credentials else ExitCode.NO
    paint = Paint.on(stdout, environment)
    by = f"   by the {settings.origin}" if credentials else "   not signed in"
    print(f"{paint(credentials.client_id if credentials else 'anonymous', 'name')}{by}", file=stdout)
    print(f"at {settings.root_url}", file=stdout)
    if credentials and credentials.expires:
        print(f"until {credentials.expires:%Y-%m-%d %H:%M} UTC", file=stdout)
    if me.held is None:
        print(paint("may not ask what it may do (auth:current-scopes)", "unsure"), file=stdout)
    else:
        print(f"may, by {len(me.held)} scopes:", file=stdout)
        stdout.writelines(f"  {paint(scope)}\n" for scope in me.held)
    return ExitCode.OK if credentials else ExitCode.NO
