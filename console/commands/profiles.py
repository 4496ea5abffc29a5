"""`lading profile list|use|remove`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

from console.actions.profiles import Profile, profiles, remove, use
from console.commands.paint import Paint
from console.config import config_path, load_config
from console.credentials.keyring_store import CredentialStore
from runner.errors import ExitCode

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    Run = Callable[["argparse.Namespace", Mapping[str, str], TextIO], int]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verbs and their flags."""
    verbs = parser.add_subparsers(metavar="VERB", title="verbs", required=True)
    for name, about, verb in (
        ("list", "all profiles, and who is signed in", _list),
        ("use", "make a profile the default", _use),
        ("remove", "remove a profile, and its token from the keyring", _remove),
    ):
        subparser = verbs.add_parser(name, help=about, description=about)
        subparser.set_defaults(verb=verb)
        if verb is not _list:
            subparser.add_argument("name", metavar="NAME", help="the profile")
        subparser.add_argument("--json", action="store_true", help="print JSON")


def run(
    arguments: argparse.Namespace,
    environment: Mapping[str, str],
    stdout: TextIO,
    stderr: TextIO,  # noqa: ARG001 - every command is called alike
) -> int:
    """Do what the verb says."""
    verb: Run = arguments.verb
    return verb(arguments, environment, stdout)


def _list(arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO) -> int:
    found = profiles(load_config(config_path()), CredentialStore())
    now = datetime.now(UTC)
    if arguments.json:
        print(json.dumps([_as_json(profile) for profile in found], indent=2), file=stdout)
        return ExitCode.OK
    paint = Paint.on(stdout, environment)
    width = max((len(profile.name) for profile in found), default=0)
    for profile in found:
        mark = "*" if profile.is_default else " "
        print(f"{mark} {paint(profile.name.ljust(width), 'name')}  {profile.root_url}", file=stdout)
        print(f"  {' ' * width}  {_who(profile, now, paint)}", file=stdout)
    if not found:
        print("There is no profile: `lading signin --root-url URL` makes one.", file=stdout)
    return ExitCode.OK


def _who(profile: Profile, now: datetime, paint: Paint) -> str:
    who = paint(profile.client_id)
    if not profile.client_id:
        return "not signed in"
    if profile.trouble:
        return f"{who}   {paint(profile.trouble, 'unsure')}"
    if profile.credentials is None:
        return f"{who}   {paint('no token in the keyring', 'bad')}"
    expires = profile.credentials.expires
    if expires is None:
        return who
    text = f"until {expires:%Y-%m-%d %H:%M} UTC"
    return f"{who}   {text if expires > now else paint(f'over: {text}', 'bad')}"


def _as_json(profile: Profile) -> dict[str, Any]:
    expires = profile.credentials.expires if profile.credentials else None
    return {
        "name": profile.name,
        "rootUrl": profile.root_url,
        "clientId": profile.client_id or None,
        "default": profile.is_default,
        "signedIn": None if profile.trouble else profile.credentials is not None,
        "expires": expires.isoformat() if expires else None,
    }


def _use(arguments: argparse.Namespace, _environment: Mapping[str, str], stdout: TextIO) -> int:
    use(config_path(), arguments.name)
    if arguments.json:
        print(json.dumps({"default": arguments.name}), file=stdout)
    else:
        print(f"{arguments.name} is the default profile.", file=stdout)
    return ExitCode.OK


def _remove(arguments: argparse.Namespace, _environment: Mapping[str, str], stdout: TextIO) -> int:
    had_token = remove(config_path(), arguments.name, CredentialStore())
    if arguments.json:
        print(json.dumps({"removed": arguments.name, "token": had_token}), file=stdout)
    else:
        print(f"{arguments.name} is removed{', and its token' * had_token}.", file=stdout)
    return ExitCode.OK
