"""`lading doctor`: will the next push publish?"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from console.actions.doctor import Question, diagnose
from console.actions.task_render import Happening
from console.commands.connecting import add_connection_arguments, connected
from console.commands.paint import Paint
from console.domain.findings import verdict
from runner.errors import ExitCode
from runner.findings import Level

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from console.connection import Connection
    from console.domain.findings import Diagnosis

# Glyph, word, style.
_LEVELS: Final = {
    Level.OK: ("✓", "ok", "good"),
    Level.WARNING: ("!", "warning", "unsure"),
    Level.PROBLEM: ("✗", "problem", "bad"),
    Level.UNKNOWN: ("?", "unknown", "unsure"),
}
_ANSWERS: Final = {
    ExitCode.OK: ("The next push will publish.", "good"),
    ExitCode.NO: ("The next push will not publish.", "bad"),
    ExitCode.CANNOT_TELL: ("Whether the next push will publish cannot be told.", "unsure"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument(
        "--repo", metavar="PATH", type=Path, default=Path(), help="the checkout (default: this folder)"
    )
    parser.add_argument("--repository", metavar="SLUG", help="OWNER/NAME (default: of the remote `origin`)")
    happening = parser.add_mutually_exclusive_group()
    happening.add_argument(
        "--branch", metavar="B", help="a push to the branch (default: the one checked out)"
    )
    happening.add_argument("--tag", metavar="T", help="a push of the tag")
    happening.add_argument("--release", metavar="TAG", help="a release of the tag is published")
    parser.add_argument(
        "--prove",
        action="store_true",
        help="have a task try the secret's token as a publish would: it opens an upload and cancels it",
    )
    parser.add_argument("--yes", action="store_true", help="with --prove: do not ask")
    add_connection_arguments(parser)
    parser.epilog = (
        "Exits 0 where the next push will publish, 1 where it will not, 7 where that cannot be told."
    )


def run(arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO) -> int:
    """Ask, and tell each finding as it is known."""
    named = {name: getattr(arguments, name) for name in ("branch", "tag", "release")}
    question = Question(
        folder=arguments.repo,
        path=environment.get("PATH", os.defpath),
        happening=Happening(**named) if any(named.values()) else None,
        repository=arguments.repository,
    )
    if arguments.prove:
        from console.commands.doctor_prove import run_prove

        return run_prove(arguments, question, environment, stdout, stderr)
    paint = Paint.on(stdout, environment)

    async def tell(connection: Connection) -> list[Diagnosis]:
        found = []
        async for finding in diagnose(connection, question):
            found.append(finding)
            if not arguments.json:
                stdout.writelines(f"{line}\n" for line in _lines(finding, paint))
                stdout.flush()
        return found

    found = connected(arguments, environment, stderr, tell)
    code = verdict(found)
    if arguments.json:
        answer = {"exitCode": int(code), "findings": [finding.as_json() for finding in found]}
        print(json.dumps(answer, indent=2), file=stdout)
    else:
        print(paint(*_ANSWERS[code]), file=stdout)
    return code


def _lines(finding: Diagnosis, paint: Paint) -> Iterator[str]:
    glyph, word, style = _LEVELS[finding.level]
    sign = f"{glyph} {word:8}"
    subject = f"{finding.title}, {finding.image}" if finding.image else finding.title
    yield f"{paint(sign, style)} {paint(f'{subject}:', 'name')} {paint(finding.detail)}"
    if finding.level is Level.OK or not finding.action:
        return
    first, *rest = finding.action.splitlines()
    yield f"           {paint.branch} {paint(first)}"
    yield from (f"             {paint(line)}" for line in rest)
    yield from (f"             {paint(fix.command, 'name')}" for fix in finding.fixes if fix.command)
