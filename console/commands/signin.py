"""`lading signin`: a client of few scopes from the web interface's page, or one that the user has."""

from __future__ import annotations

import asyncio
import json
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from console.actions.profiles import name_for, record
from console.actions.sign_in import Page, SignedIn, secrets_of, sign_in, take
from console.browser import open_page
from console.commands.connecting import add_deployment_arguments
from console.commands.paint import Paint
from console.commands.secret_value import read_value
from console.config import config_path, load_config
from console.connection import choose
from console.credentials.environment import CLIENT_ID, credentials_of
from console.credentials.keyring_store import CredentialStore, KeyringUnusable
from console.credentials.profile_text import check_name
from console.credentials.request import DEFAULT_EXPIRES, SignInRequest, least_scopes, lifetime, new_name
from console.credentials.value import Credentials
from runner.errors import ExitCode, UsageError
from runner.narration import printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from console.config import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add_deployment_arguments(parser)
    parser.add_argument(
        "--scope", metavar="SCOPE", action="append", default=[], help="ask for this too (repeatable)"
    )
    parser.add_argument(
        "--expires",
        metavar="TIME",
        default=DEFAULT_EXPIRES,
        help=f"how long the new client lives: 8h, 1d, 30d (default: {DEFAULT_EXPIRES})",
    )
    parser.add_argument(
        "--port",
        metavar="PORT",
        type=int,
        default=0,
        help="where the page's answer is waited for, for `ssh -L` (default: any)",
    )
    parser.add_argument(
        "--client-id",
        metavar="ID",
        help="no page: the client that you have; its token is asked for, or read from standard input",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO) -> int:
    """Sign in; nothing is kept that the deployment does not accept."""
    config = load_config(config_path())
    root_url, profile = deployment_of(arguments, environment, config)
    length = arguments.expires
    lifetime(length)
    if not 0 <= arguments.port < 65536:
        raise UsageError(f"{arguments.port} is no port.")
    store = CredentialStore()
    trouble = store.trouble()
    if trouble:
        raise KeyringUnusable(
            f"{trouble} Nothing that this command gets could be kept, and it is never kept in plain text.",
            action=f"Start a keyring, or set {CLIENT_ID} and TASKCLUSTER_ACCESS_TOKEN, or sign in within"
            " `lading` (ctrl+r), which keeps it in memory.",
        )
    scopes = (*least_scopes(secrets_of(Path.cwd())), *arguments.scope)
    if arguments.client_id:
        token = read_value(
            f"Access token of {printable(arguments.client_id)}", stderr, raw=False, may_ask=True
        )
        signed_in = asyncio.run(take(root_url, Credentials(arguments.client_id, token), scopes, store))
    else:
        request = SignInRequest(scopes, new_name(), length)
        _announce(root_url, request, stderr)

        def show(page: Page) -> None:
            _show(page, environment, stderr)

        signed_in = asyncio.run(sign_in(root_url, request, store, show=show, port=arguments.port))
    if signed_in.not_kept:
        raise KeyringUnusable(
            f"{signed_in.not_kept} You were signed in, and the token is lost with this command.",
            action="The new client ends by itself; correct the keyring and sign in again.",
        )
    client_id = signed_in.credentials.client_id
    became_default = record(config_path(), profile, root_url, client_id, store)
    if credentials_of(environment) is not None:
        print(
            f"lading: {CLIENT_ID} is set, and comes before the keyring: unset it, or use --profile {profile}.",
            file=stderr,
        )
    if arguments.json:
        print(json.dumps(_as_json(signed_in, profile), indent=2), file=stdout)
    else:
        kept = (
            f"The token is in the keyring, the rest in profile {profile}{', the default' * became_default}."
        )
        stdout.writelines(f"{line}\n" for line in _lines(signed_in, kept, Paint.on(stdout, environment)))
    return ExitCode.OK


def deployment_of(
    arguments: argparse.Namespace, environment: Mapping[str, str], config: Config
) -> tuple[str, str]:
    """Root URL and profile; `--profile` with `--root-url` makes a new one.

    Raises:
        UsageError: none is named, or the two contradict each other.
    """
    name = arguments.profile
    if name is not None and name not in config.root_urls:
        check_name(name)
        if not (arguments.root_url or environment.get("TASKCLUSTER_ROOT_URL")):
            raise UsageError(
                f"There is no profile `{name}` yet.", action="Give --root-url too: this makes the profile."
            )
        name = None
    # Whose credentials the environment has does not matter here, where the deployment is.
    variables = {key: value for key, value in environment.items() if key == "TASKCLUSTER_ROOT_URL"}
    settings = choose(variables, lambda: config, root_url=arguments.root_url, profile=name).settings
    return settings.root_url, arguments.profile or name_for(config, settings.root_url)


def _announce(root_url: str, request: SignInRequest, stderr: TextIO) -> None:
    print(
        f"Asking {root_url} for a client that lives {request.expires} and may, as far as you may:",
        file=stderr,
    )
    for scope in request.scopes:
        print(f"  {printable(scope)}", file=stderr)


def _show(page: Page, environment: Mapping[str, str], stderr: TextIO) -> None:
    is_open = open_page(page.url, environment)
    print("Press Save on the page that opens." if is_open else "Open this page and press Save:", file=stderr)
    print(f"  {page.url}", file=stderr)
    if not is_open:
        print("Is your browser on another machine? Run there, and leave it open:", file=stderr)
        print(f"  {forwarding(page.port)}", file=stderr)
    print("Waiting five minutes for it; Ctrl-C cancels.", file=stderr, flush=True)


def forwarding(port: int) -> str:
    """What brings a browser's answer from another machine to this one."""
    return f"ssh -L {port}:localhost:{port} {platform.node() or 'this-machine'}"


def _lines(signed_in: SignedIn, kept: str, paint: Paint) -> Iterator[str]:
    credentials = signed_in.credentials
    yield f"{paint('Signed in', 'good')} to {signed_in.root_url} as {paint(credentials.client_id, 'name')}"
    if credentials.expires is not None:
        yield f"until {credentials.expires:%Y-%m-%d %H:%M} UTC."
    yield kept
    if signed_in.held is None:
        yield paint("What it may do is not known: it may not ask (auth:current-scopes).", "unsure")
    if signed_in.lacking:
        yield paint("You do not have all that was asked for. Lacking:", "unsure")
        yield from (f"  {paint(scope)}" for scope in signed_in.lacking)


def _as_json(signed_in: SignedIn, profile: str) -> dict[str, Any]:
    expires = signed_in.credentials.expires
    return {
        "rootUrl": signed_in.root_url,
        "profile": profile,
        "clientId": signed_in.credentials.client_id,
        "expires": expires.isoformat() if expires else None,
        "scopes": None if signed_in.held is None else list(signed_in.held),
        "lacking": list(signed_in.lacking),
    }
