"""`lading secret list|get|set|rotate|rm`; a value comes from a pipe or a prompt, never from the command line."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

from console.actions.secret_delete import delete_secret
from console.actions.secret_list import DETAILED, SecretLine, list_secrets, secret_lines
from console.actions.secret_read import show_secret
from console.commands.connecting import add_connection_arguments, connected
from console.commands.paint import Paint
from console.commands.secret_text import (
    line_json,
    line_text,
    shown_json,
    shown_lines,
)
from console.commands.secret_write import (
    add_rotating,
    add_writing,
    refuse_read_only,
    run_rotate,
    run_set,
    value_on_the_command_line,
)
from console.domain.secret_change import leaf
from console.domain.terminal_text import text_of
from runner.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from console.connection import Connection

    Run = Callable[["argparse.Namespace", Mapping[str, str], TextIO, TextIO], int]


class _SecretParser(argparse.ArgumentParser):
    """Refuses what it does not know without repeating it: it may be a value."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse; there is no other parser that could know what is left.

        Raises:
            UsageError: something is left.
        """
        found, left = super().parse_known_args(args, namespace)
        if left and self.get_default("verb") in {run_set, run_rotate}:
            raise value_on_the_command_line(self.prog)
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
        ("set", "set one key of a secret; all its other keys are kept", run_set),
        ("rotate", "set a registry token, in its shape, and have a task prove that it may push", run_rotate),
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
        elif verb is run_set:
            subparser.add_argument("key", metavar="KEY", help="at its top, or deeper: docker.password")
            add_writing(subparser)
        elif verb is run_rotate:
            add_rotating(subparser)
        elif verb is _rm:
            subparser.add_argument("--yes", action="store_true", help="do not ask for the name again")
        add_connection_arguments(subparser)


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


def _rm(arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO) -> int:
    refuse_read_only(arguments)
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


def _print_json(value: object, stdout: TextIO) -> None:
    print(json.dumps(value, indent=2), file=stdout)
