"""`lading secret set|rotate`: a change is shown, tested on the registry, saved, read back; a rotation is proved too."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

from console.actions.secret_check import check
from console.actions.secret_draft import draft_account, draft_key, start
from console.actions.secret_save import save
from console.actions.secret_use import use_of
from console.commands.connecting import connected
from console.commands.paint import Paint
from console.commands.secret_proof import prove_saved
from console.commands.secret_text import draft_json, draft_lines
from console.commands.secret_value import read_value
from console.domain.secret_change import Fingerprints
from console.domain.secret_shape import Account, registry_in, registry_of
from console.failures import ReadOnly
from runner.errors import ExitCode, UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from console.actions.secret_draft import SecretDraft, Start
    from console.connection import Connection

_FORM: Final = 'printf %s "$TOKEN" | {command}'


def add_writing(subparser: argparse.ArgumentParser) -> None:
    """Declare the flags of both."""
    subparser.add_argument("--no-check", action="store_true", help="do not test it on the registry first")
    subparser.add_argument(
        "--expires",
        metavar="WHEN",
        help="90d, 1y, never or a date (default: as it is; required for a new one)",
    )
    subparser.add_argument("--raw", action="store_true", help="keep a line end at the end of a piped value")
    subparser.add_argument("--no-input", action="store_true", help="never ask: fail instead")


def add_rotating(subparser: argparse.ArgumentParser) -> None:
    """Declare the flags of a rotation."""
    subparser.add_argument("--registry", default="", metavar="HOST", help="default: the one in use")
    subparser.add_argument("--user", default="", metavar="NAME", help="default: the one in use")
    add_writing(subparser)
    subparser.add_argument(
        "--no-prove",
        action="store_true",
        help="save it only: have no task of this checkout's repository try it",
    )
    subparser.epilog = (
        "Exits 0 where the token is saved and a task proved that it may push, 1 where it is saved and may "
        "not, 7 where it is saved and nothing proved it; with --no-prove, 0 where it is saved."
    )


def run_set(
    arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO
) -> int:
    """Set one key; all others are kept."""
    if "=" in arguments.key:
        raise value_on_the_command_line("lading secret set NAME KEY")
    refuse_read_only(arguments)
    value = read_value("Value", stderr, raw=arguments.raw, may_ask=not arguments.no_input)

    def draft(begun: Start, fingerprints: Fingerprints) -> SecretDraft:
        return draft_key(begun, arguments.key, value, arguments.expires, fingerprints)

    _, told = _change(arguments, environment, stdout, stderr, draft)
    if arguments.json:
        print(json.dumps(told, indent=2), file=stdout)
    return ExitCode.OK


def run_rotate(
    arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO
) -> int:
    """Set a registry token, and have a task prove it; exits as its help says."""
    refuse_read_only(arguments)
    registry = registry_of(arguments.registry)
    token = read_value("Token", stderr, raw=arguments.raw, may_ask=not arguments.no_input)

    def draft(begun: Start, fingerprints: Fingerprints) -> SecretDraft:
        account = Account(token, registry, arguments.user)
        return draft_account(begun, account, arguments.expires, fingerprints)

    drafted, told = _change(arguments, environment, stdout, stderr, draft)
    code = int(ExitCode.OK)
    if arguments.no_prove:
        print(
            "lading: the old token still works: once `lading doctor --prove` is content, revoke it at the registry.",
            file=stderr,
        )
    else:
        output = stderr if arguments.json else stdout
        whose = registry_in(drafted.after.body)
        code, told["proof"] = prove_saved(arguments, environment, whose, output, stderr)
    if arguments.json:
        print(json.dumps(told, indent=2), file=stdout)
    return code


def _change(
    arguments: argparse.Namespace,
    environment: Mapping[str, str],
    stdout: TextIO,
    stderr: TextIO,
    draft: Callable[[Start, Fingerprints], SecretDraft],
) -> tuple[SecretDraft, dict[str, Any]]:
    """Make a change; returns it, and the same for JSON."""
    # With --json, standard output is for the result alone.
    preview = stderr if arguments.json else stdout
    paint = Paint.on(preview, environment)
    use = use_of(Path.cwd(), arguments.name)

    async def change(connection: Connection) -> tuple[SecretDraft, dict[str, Any]]:
        drafted = draft(await start(connection, arguments.name), Fingerprints(secrets.token_bytes(32)))
        now = datetime.fromtimestamp(connection.taskcluster.time(), UTC)
        preview.writelines(f"{line}\n" for line in draft_lines(drafted, now, paint))
        if drafted.changes_nothing:
            return drafted, {**draft_json(drafted), "written": False}
        checked = "not tested: --no-check"
        if not arguments.no_check:
            checked = str(await check(drafted.after.body, use))
        print(paint(checked), file=preview)
        saved = await save(connection, drafted)
        read_back = "and read back" if saved.is_verified else "and cannot be read back"
        print(f"Saved {read_back}.", file=preview)
        told = {"written": True, "verified": saved.is_verified, "checked": checked}
        return drafted, {**draft_json(drafted), **told}

    return connected(arguments, environment, stderr, change)


def value_on_the_command_line(command: str) -> UsageError:
    """The refusal of a value that was given where everybody reads it."""
    return UsageError(
        "A value is not given on the command line, where every process and the shell's history can read it: "
        "nothing was changed. If it was a real one, it is known by now.",
        action=f"Give it by a pipe, `{_FORM.format(command=command)}`, or leave it out to be asked.",
    )


def refuse_read_only(arguments: argparse.Namespace) -> None:
    """Refuse to change anything.

    Raises:
        ReadOnly: `--read-only` was given.
    """
    if arguments.read_only:
        raise ReadOnly("--read-only: nothing is changed.", action="Leave it out to make the change.")
