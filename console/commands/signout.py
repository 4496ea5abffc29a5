"""`lading signout`: remove a token from the keyring."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TextIO

from console.actions.profiles import sign_out
from console.commands.connecting import add_deployment_arguments
from console.commands.paint import Paint
from console.commands.signin import deployment_of
from console.config import config_path, load_config
from console.credentials.environment import CLIENT_ID, credentials_of
from console.credentials.keyring_store import CredentialStore
from console.domain.web_urls import client_page
from runner.errors import ExitCode

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add_deployment_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.epilog = "Exits 0, or 1 where nobody was signed in."


def run(arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO) -> int:
    """Remove the token; the profile stays."""
    config = load_config(config_path())
    root_url, profile = deployment_of(arguments, environment, config)
    client_id = config.client_ids.get(profile, "")
    was_in = profile in config.root_urls and sign_out(config, profile, CredentialStore())
    if credentials_of(environment) is not None:
        print(f"lading: {CLIENT_ID} is set: you are still that client.", file=stderr)
    if arguments.json:
        told = {"rootUrl": root_url, "profile": profile, "clientId": client_id or None, "removed": was_in}
        print(json.dumps(told, indent=2), file=stdout)
    elif was_in:
        paint = Paint.on(stdout, environment)
        print(f"The token of {paint(client_id, 'name')} is no longer in the keyring.", file=stdout)
        print(f"The client itself ends by its time, or now: {client_page(root_url, client_id)}", file=stdout)
    else:
        print(f"Nobody was signed in to {root_url} by profile {profile}.", file=stdout)
    return ExitCode.OK if was_in else ExitCode.NO
