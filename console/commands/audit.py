"""`lading audit`: what was done to a repository's secrets and roles, and what it built."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from console.actions.audit import KINDS, read_audit
from console.actions.repository import repository_of
from console.commands.build_text import build_json
from console.commands.connecting import add_connection_arguments, connected
from console.commands.paint import Paint
from runner.errors import ExitCode

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from console.actions.audit import Entity, Trail
    from console.domain.builds import Build


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument(
        "--repo", metavar="PATH", type=Path, default=Path(), help="the checkout (default: this folder)"
    )
    parser.add_argument(
        "--kind", choices=KINDS, action="append", help="only of these (repeatable; default: all three)"
    )
    parser.epilog = "Exits 0, or 7 where not all could be read."
    add_connection_arguments(parser)


def run(arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO) -> int:
    """List the events, the latest first."""
    repository = repository_of(arguments.repo)
    trail = connected(arguments, environment, stderr, lambda connection: read_audit(connection, repository))
    trail = trail.of(arguments.kind or KINDS)
    if arguments.json:
        print(json.dumps(_as_json(trail), indent=2), file=stdout)
    else:
        stdout.writelines(f"{line}\n" for line in _lines(trail, Paint.on(stdout, environment)))
    return ExitCode.OK if trail.is_complete else ExitCode.CANNOT_TELL


def _lines(trail: Trail, paint: Paint) -> Iterator[str]:
    for event in trail.events:
        if event.build is None:
            told = f"by {paint(event.client_id, 'name')}"
        else:
            told = "  ".join(map(paint, _told(event.build)))
        what = f"{event.entity.kind:6} {paint(event.entity.name, 'name')}"
        yield f"{paint(event.time)}  {paint(f'{event.action:8}')} {what}  {told}"
    for silence in trail.silences:
        what = f"{silence.entity.kind:6} {paint(silence.entity.name, 'name')}"
        yield f"{what}  {paint(silence.reason, 'unsure' if silence.is_unread else 'aside')}"
    if trail.unread:
        yield paint(f"There may be more: {trail.unread}", "unsure")
    yield paint(f"What was done before {trail.kept_since:%Y-%m-%d} is not kept, by default.", "aside")


def _told(build: Build) -> Iterator[str]:
    """Who pushed what, and what came of it."""
    yield f"by {build.who}" if build.who else "by nobody named"
    yield " ".join(filter(None, (build.event, build.branch, build.commit[:12])))
    yield from (f"{tag} ({state})" for tag, state in build.tags)
    yield from filter(None, (build.digest, build.problem))


def _as_json(trail: Trail) -> dict[str, Any]:
    return {
        "events": [
            {
                **_entity(event.entity),
                "action": event.action,
                "clientId": event.client_id,
                "time": event.time,
                **({"build": build_json(event.build)} if event.build else {}),
            }
            for event in trail.events
        ],
        "silent": [
            {**_entity(silence.entity), "reason": silence.reason, "unread": silence.is_unread}
            for silence in trail.silences
        ],
        "keptSince": trail.kept_since.isoformat(),
        "complete": trail.is_complete,
        "unread": trail.unread or None,
    }


def _entity(entity: Entity) -> dict[str, str]:
    return {"kind": entity.kind, "name": entity.name}
