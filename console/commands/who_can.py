"""`lading who-can SCOPE`: all who hold it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TextIO

from console.actions.find_holders import find_holders
from console.commands.chain_text import chain_json
from console.commands.connecting import add_connection_arguments, connected
from console.commands.paint import Paint
from console.commands.scope_arguments import note_wildcard
from console.domain.strangers import open_to_strangers
from console.domain.typed_scope import typed_scope
from runner.errors import ExitCode

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from console.domain.who_can import Holder, Holders


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("scope", metavar="SCOPE", help="the scope in question")
    parser.epilog = "Exits 0 where somebody holds it, 1 where nobody does, 7 where not all could be read."
    add_connection_arguments(parser)


def run(arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO) -> int:
    """List the roles and clients."""
    scope = typed_scope(arguments.scope)
    note_wildcard("SCOPE", scope, stderr)
    holders = connected(arguments, environment, stderr, lambda connection: find_holders(connection, scope))
    if arguments.json:
        print(json.dumps(_as_json(holders), indent=2), file=stdout)
    else:
        for line in _lines(holders, Paint.on(stdout, environment)):
            print(line, file=stdout)
    if holders.unread:
        return ExitCode.CANNOT_TELL
    return ExitCode.OK if holders.roles or holders.clients else ExitCode.NO


def _lines(holders: Holders, paint: Paint) -> Iterator[str]:
    found = (*holders.roles, *holders.clients)
    if holders.is_everyone:
        yield paint("Everyone, without signing in: the role `anonymous` holds it.", "bad")
    elif strange := open_to_strangers(holders.roles):
        yield paint(f"Open to strangers, by {', '.join(strange)}", "bad")
    if not found and not holders.unread:
        yield "Nobody."
    for holder in found:
        yield _line(holder, paint)
    for reason in holders.unread:
        yield paint(f"There may be more: {reason}", "unsure")


def _line(holder: Holder, paint: Paint) -> str:
    kind = holder.principal.kind.value
    through = f"   through {', '.join(holder.through)}" if holder.through else ""
    member = "" if holder.member is None else f"   {_member(holder.member)}"
    dead = f"   {holder.cannot_sign_in}" if holder.cannot_sign_in else ""
    return f"{kind:6} {paint(holder.principal.name, 'name')}{paint(through + member + dead, 'aside')}"


def _member(name: str) -> str:
    return f"not every such name: {name} does" if name else "only by another role that its * takes in"


def _as_json(holders: Holders) -> dict[str, Any]:
    return {
        "scope": holders.scope,
        "everyone": holders.is_everyone,
        "openTo": list(open_to_strangers(holders.roles)),
        "roles": [_holder(holder) for holder in holders.roles],
        "clients": [_holder(holder) for holder in holders.clients],
        "complete": not holders.unread,
        "unread": list(holders.unread),
    }


def _holder(holder: Holder) -> dict[str, Any]:
    return {
        "name": holder.principal.name,
        "through": list(holder.through),
        "member": holder.member,
        "cannotSignIn": holder.cannot_sign_in or None,
        "chain": chain_json(holder.chain, ()),
    }
