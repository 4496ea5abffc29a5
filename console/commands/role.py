"""`lading role list|show|set|diff`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from console.actions.list_roles import list_roles
from console.actions.set_role import RoleEdit, apply, prepare
from console.actions.show_role import show_role
from console.commands.connecting import add_connection_arguments, connected
from console.commands.paint import Paint
from console.commands.role_text import edit_json, edit_lines, role_json, shown_json, shown_lines
from console.domain.role_preview import scopes_from_text
from console.domain.typed_scope import typed_scope
from runner.errors import ExitCode, UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    Run = Callable[["argparse.Namespace", Mapping[str, str], TextIO, TextIO], int]

_STDIN: Final = "-"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verbs and their flags."""
    verbs = parser.add_subparsers(metavar="VERB", title="verbs", required=True)
    for name, about, verb in (
        ("list", "the ids of all roles", _list),
        ("show", "one role: its scopes, what they expand to, and its last changes", _show),
        ("diff", "what an edit would do: exits 0 where nothing, 1 where something", _diff),
        ("set", "replace a role's scopes, after a preview", _set),
    ):
        subparser = verbs.add_parser(name, help=about, description=about)
        subparser.set_defaults(verb=verb)
        if verb is not _list:
            subparser.add_argument("role", metavar="ROLE", help="the role's id, without `assume:`")
        if verb in {_diff, _set}:
            subparser.add_argument(
                "file",
                nargs="?",
                default=_STDIN,
                metavar="FILE",
                help="all its scopes, one a line; `-`, the default, is standard input",
            )
        if verb is _set:
            subparser.add_argument("--dry-run", action="store_true", help="show the preview and stop")
            subparser.add_argument("--yes", action="store_true", help="do not ask")
        add_connection_arguments(subparser)


def run(arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO) -> int:
    """Do what the verb says."""
    verb: Run = arguments.verb
    return verb(arguments, environment, stdout, stderr)


def _list(
    arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO
) -> int:
    roles = connected(arguments, environment, stderr, list_roles)
    if arguments.json:
        _print_json([role_json(role) for role in roles], stdout)
    else:
        paint = Paint.on(stdout, environment)
        stdout.writelines(f"{paint(role.role_id)}\n" for role in roles)
    return ExitCode.OK


def _show(
    arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO
) -> int:
    role_id = typed_scope(arguments.role)
    shown = connected(arguments, environment, stderr, lambda connection: show_role(connection, role_id))
    if arguments.json:
        _print_json(shown_json(shown), stdout)
    else:
        stdout.writelines(f"{line}\n" for line in shown_lines(shown, Paint.on(stdout, environment)))
    return ExitCode.OK


def _diff(
    arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO
) -> int:
    role_id, scopes = typed_scope(arguments.role), _scopes(arguments.file)
    edit = connected(arguments, environment, stderr, lambda connection: prepare(connection, role_id, scopes))
    _print_edit(edit, arguments, environment, stdout)
    return ExitCode.OK if edit.preview.changes_nothing else ExitCode.NO


def _set(
    arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO
) -> int:
    role_id, scopes = typed_scope(arguments.role), _scopes(arguments.file)
    edit = connected(arguments, environment, stderr, lambda connection: prepare(connection, role_id, scopes))
    # With --json, standard output is for the result alone.
    preview = stderr if arguments.json else stdout
    preview.writelines(f"{line}\n" for line in edit_lines(edit, Paint.on(preview, environment)))
    written = None
    if not (arguments.dry_run or edit.preview.changes_nothing):
        edit.check()
        # Asked between two connections: none waits for a person.
        if not arguments.yes and not _confirmed(role_id, arguments.file, stderr):
            return ExitCode.NO
        written = connected(arguments, environment, stderr, lambda connection: apply(connection, edit))
    if arguments.json:
        _print_json({**edit_json(edit), "written": written is not None}, stdout)
    elif written is not None:
        print(f"Written, last modified {written.last_modified}.", file=stdout)
    return ExitCode.OK


def _confirmed(role_id: str, file: str, stderr: TextIO) -> bool:
    if file == _STDIN or not sys.stdin.isatty():
        raise UsageError(
            "Nothing was changed: nobody can be asked whether to.",
            action="Give --yes to make the change, or --dry-run to look at it only.",
        )
    print(f"Change role {role_id}? [y/N] ", end="", file=stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _scopes(file: str) -> tuple[str, ...]:
    try:
        text = sys.stdin.read() if file == _STDIN else Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"The scopes cannot be read: {error}.") from error
    scopes = scopes_from_text(text)
    if not scopes:
        raise UsageError(
            "There is not one scope in what was read: the role would lose all that it has.",
            action="Give all the scopes that it is to have, one a line.",
        )
    return scopes


def _print_edit(
    edit: RoleEdit, arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO
) -> None:
    if arguments.json:
        _print_json(edit_json(edit), stdout)
    else:
        stdout.writelines(f"{line}\n" for line in edit_lines(edit, Paint.on(stdout, environment)))


def _print_json(value: object, stdout: TextIO) -> None:
    print(json.dumps(value, indent=2), file=stdout)
