"""`lading secret list|get|set|rotate|rm`; a value comes from a pipe or a prompt, never from the command line."""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

from console.actions.secret_check import check
from console.actions.secret_delete import delete_secret
from console.actions.secret_draft import draft_account, draft_key, start
from console.actions.secret_list import DETAILED, SecretLine, list_secrets, secret_lines
from console.actions.secret_read import show_secret
from console.actions.secret_save import save
from console.actions.secret_use import use_of
from console.commands.connecting import add_connection_arguments, connected
from console.commands.paint import Paint
from console.commands.secret_proof import prove_saved
from console.commands.secret_text import (
    draft_json,
    draft_lines,
    line_json,
    line_text,
    shown_json,
    shown_lines,
)
from console.commands.secret_value import read_value
from console.domain.secret_change import Fingerprints, leaf
from console.domain.secret_shape import Account, registry_in, registry_of
from console.domain.terminal_text import text_of
from console.failures import ReadOnly
from runner.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from console.actions.secret_draft import SecretDraft, Start
    from console.connection import Connection

    Run = Callable[["argparse.Namespace", Mapping[str, str], TextIO, TextIO], int]

_FORM: Final = 'printf %s "$TOKEN" | {command}'


class _SecretParser(argparse.ArgumentParser):
    """Refuses what it does not know without repeating it: it may be a value."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse; there is no other parser that could know what is left.

        Raises:
            UsageError: something is left.
        """
        found, left = super().parse_known_args(args, namespace)
        if left and self.get_default("verb") in {_set, _rotate}:
            raise _value_on_the_command_line(self.prog)
        if left:
            raise UsageError(
                f"{len(left)} of these arguments are not known.",
                action=f"`{self.prog} --help` tells the form.",
            )
        return found, left


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verbs and their flags."""
    verbs = parser.add_subparsers(metavar="VERB", title="verbs", required=True, parser_class=_SecretParser)
    for name, about, verb in (
        ("list", "the secrets, when they expire and who changed them last", _list),
        ("get", "one secret with its values masked", _get),
        ("set", "set one key of a secret; all its other keys are kept", _set),
        ("rotate", "set a registry token, in its shape, and have a task prove that it may push", _rotate),
        ("rm", "delete a secret", _rm),
    ):
        subparser = verbs.add_parser(name, help=about, description=about)
        subparser.set_defaults(verb=verb)
        if verb is _list:
            subparser.add_argument(
                "text", nargs="?", default="", metavar="TEXT", help="what names have in them"
            )
        else:
            subparser.add_argument("name", metavar="NAME", help="the secret's name")
        if verb is _get:
            subparser.add_argument(
                "--reveal", metavar="KEY", help="print this value, such as docker.password, and nothing else"
            )
        elif verb is _set:
            subparser.add_argument("key", metavar="KEY", help="at its top, or deeper: docker.password")
            _add_writing(subparser)
        elif verb is _rotate:
            subparser.add_argument("--registry", default="", metavar="HOST", help="default: the one in use")
            subparser.add_argument("--user", default="", metavar="NAME", help="default: the one in use")
            _add_writing(subparser)
            subparser.add_argument(
                "--no-prove",
                action="store_true",
                help="save it only: have no task of this checkout's repository try it",
            )
            subparser.epilog = (
                "Exits 0 where the token is saved and a task proved that it may push, 1 where it is saved and may "
                "not, 7 where it is saved and nothing proved it; with --no-prove, 0 where it is saved."
            )
        elif verb is _rm:
            subparser.add_argument("--yes", action="store_true", help="do not ask for the name again")
        add_connection_arguments(subparser)


def _add_writing(subparser: argparse.ArgumentParser) -> None:
    subparser.add_argument("--no-check", action="store_true", help="do not test it on the registry first")
    subparser.add_argument(
        "--expires",
        metavar="WHEN",
        help="90d, 1y, never or a date (default: as it is; required for a new one)",
    )
    subparser.add_argument("--raw", action="store_true", help="keep a line end at the end of a piped value")
    subparser.add_argument("--no-input", action="store_true", help="never ask: fail instead")


def run(arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO) -> int:
    """Do what the verb says."""
    verb: Run = arguments.verb
    return verb(arguments, environment, stdout, stderr)


def _list(
    arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO
) -> int:
    async def read(connection: Connection) -> list[SecretLine]:
        names = [name for name in await list_secrets(connection) if arguments.text in name]
        if len(names) > DETAILED:
            return [SecretLine(name, None, None) for name in names]
        async with aclosing(secret_lines(connection, names)) as lines:
            return sorted([line async for line in lines], key=lambda line: line.name)

    found = connected(arguments, environment, stderr, read)
    if len(found) > DETAILED:
        print(
            f"lading: these are {len(found)} names: `lading secret list TEXT` tells the dates of up to "
            f"{DETAILED} that have TEXT in them.",
            file=stderr,
        )
    if arguments.json:
        _print_json([line_json(line) for line in found], stdout)
    else:
        paint, now = Paint.on(stdout, environment), datetime.now(UTC)
        stdout.writelines(f"{line_text(line, now, paint)}\n" for line in found)
    return ExitCode.OK


def _get(
    arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO
) -> int:
    found = connected(arguments, environment, stderr, lambda c: show_secret(c, arguments.name))
    if arguments.reveal is not None:
        value = leaf(found.record.body, arguments.reveal).value.reveal()
        if arguments.json:
            _print_json({"name": found.name, "key": arguments.reveal, "value": value}, stdout)
        else:
            # A pipe gets the value as it is; a terminal would obey what is in it.
            print(text_of(value) if stdout.isatty() else value, file=stdout)
    elif arguments.json:
        _print_json(shown_json(found), stdout)
    else:
        paint = Paint.on(stdout, environment)
        stdout.writelines(f"{line}\n" for line in shown_lines(found, datetime.now(UTC), paint))
    return ExitCode.OK


def _set(
    arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO
) -> int:
    if "=" in arguments.key:
        raise _value_on_the_command_line("lading secret set NAME KEY")
    _refuse_read_only(arguments)
    value = read_value("Value", stderr, raw=arguments.raw, may_ask=not arguments.no_input)

    def draft(begun: Start, fingerprints: Fingerprints) -> SecretDraft:
        return draft_key(begun, arguments.key, value, arguments.expires, fingerprints)

    _, told = _change(arguments, environment, stdout, stderr, draft)
    if arguments.json:
        _print_json(told, stdout)
    return ExitCode.OK


def _rotate(
    arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO
) -> int:
    _refuse_read_only(arguments)
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
        _print_json(told, stdout)
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


def _rm(arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO) -> int:
    _refuse_read_only(arguments)
    if not arguments.yes and not _typed_again(arguments.name, stderr):
        print("lading: that is another name: nothing was deleted.", file=stderr)
        return ExitCode.NO
    deleted = connected(arguments, environment, stderr, lambda c: delete_secret(c, arguments.name))
    if arguments.json:
        _print_json({"name": deleted.name, "wasThere": deleted.was_there}, stdout)
    else:
        paint = Paint.on(stdout, environment)
        unknown = "" if deleted.was_there else " Whether it was there could not be read."
        print(f"Secret {paint(deleted.name, 'name')} is deleted.{unknown}", file=stdout)
    return ExitCode.OK


def _typed_again(name: str, stderr: TextIO) -> bool:
    if not sys.stdin.isatty():
        raise UsageError(
            "Nothing was deleted: nobody can be asked whether to.", action="Give --yes to delete it unasked."
        )
    paint = Paint.on(stderr, {})
    print(f"Type {paint(name)} to delete it: ", end="", file=stderr, flush=True)
    return sys.stdin.readline().rstrip("\n") == name


def _value_on_the_command_line(command: str) -> UsageError:
    return UsageError(
        "A value is not given on the command line, where every process and the shell's history can read it: "
        "nothing was changed. If it was a real one, it is known by now.",
        action=f"Give it by a pipe, `{_FORM.format(command=command)}`, or leave it out to be asked.",
    )


def _refuse_read_only(arguments: argparse.Namespace) -> None:
    if arguments.read_only:
        raise ReadOnly("--read-only: nothing is changed.", action="Leave it out to make the change.")


def _print_json(value: object, stdout: TextIO) -> None:
    print(json.dumps(value, indent=2), file=stdout)
