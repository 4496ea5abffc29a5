"""`lading artifact list|get`: what a task left behind."""

from __future__ import annotations

import json
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from console.actions.artifact_get import download
from console.actions.artifact_list import list_artifacts
from console.commands.connecting import add_connection_arguments, connected
from console.commands.paint import Paint
from console.domain.artifact import Downloaded, file_name
from console.domain.task_ids import task_id_of
from console.failures import Absent
from runner.errors import ExitCode
from runner.narration import megabytes

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from console.connection import Connection
    from console.domain.artifact import Artifact, Progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verbs and their flags."""
    verbs = parser.add_subparsers(metavar="VERB", title="verbs", required=True)
    for name, about, verb in (
        ("list", "the artifacts of a task's run", _list),
        ("get", "download one, whole and hashed, over no other file", _get),
    ):
        subparser = verbs.add_parser(name, help=about, description=about)
        subparser.set_defaults(verb=verb)
        subparser.add_argument("task", metavar="TASK", help="the task's id, or a link to it")
        if verb is _get:
            subparser.add_argument("name", metavar="NAME", help="such as public/docker-image.json")
            subparser.add_argument(
                "--output", metavar="FILE", type=Path, help="default: here, by the last part of its name"
            )
        subparser.add_argument("--run", metavar="N", type=int, help="the run (default: the last)")
        add_connection_arguments(subparser)


def run(arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO) -> int:
    """Do what the verb says."""
    code: int = arguments.verb(arguments, environment, stdout, stderr)
    return code


def _list(
    arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO
) -> int:
    task_id = task_id_of(arguments.task)
    found = connected(arguments, environment, stderr, lambda c: list_artifacts(c, task_id, arguments.run))
    if arguments.json:
        print(json.dumps([_as_json(artifact) for artifact in found], indent=2), file=stdout)
        return ExitCode.OK
    paint = Paint.on(stdout, environment)
    for artifact in found:
        size = megabytes(artifact.size) if artifact.size is not None else "-"
        expires = f"expires {artifact.expires:%Y-%m-%d}" if artifact.expires is not None else "-"
        parts = (artifact.storage, size, expires, artifact.content_type)
        print(f"{paint(artifact.name, 'name')}  {'  '.join(paint(part) for part in parts)}", file=stdout)
    return ExitCode.OK


def _as_json(artifact: Artifact) -> dict[str, Any]:
    return {
        "name": artifact.name,
        "run": artifact.run_id,
        "storageType": artifact.storage,
        "contentType": artifact.content_type,
        "size": artifact.size,
        "expires": artifact.expires.isoformat() if artifact.expires else None,
    }


def _get(
    arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO
) -> int:
    task_id = task_id_of(arguments.task)
    to = arguments.output if arguments.output is not None else Path(file_name(arguments.name))

    async def get(connection: Connection) -> Downloaded:
        found = await list_artifacts(connection, task_id, arguments.run)
        artifact = next((each for each in found if each.name == arguments.name), None)
        if artifact is None:
            raise Absent(
                f"Task {task_id} has no artifact {arguments.name}.",
                action=f"`lading artifact list {task_id}` lists what it has.",
            )
        async with aclosing(download(connection, artifact, to)) as steps:
            async for step in steps:
                if isinstance(step, Downloaded):
                    return step
                _tell(step, stderr)
        raise AssertionError("a download ends with what is there")

    done = connected(arguments, environment, stderr, get)
    if arguments.json:
        answer = {
            "path": done.path,
            "size": done.size,
            "sha256": done.sha256,
            "encoding": done.encoding or None,
            "comparedWith": list(done.compared),
        }
        print(json.dumps(answer, indent=2), file=stdout)
        return ExitCode.OK
    paint = Paint.on(stdout, environment)
    print(f"{paint(done.path, 'name')}  {megabytes(done.size)}", file=stdout)
    print(f"sha256:{done.sha256}  {paint(f'({done.hashed})', 'aside')}", file=stdout)
    print(paint(done.comparison, "good" if done.compared else "aside"), file=stdout)
    return ExitCode.OK


def _tell(progress: Progress, stderr: TextIO) -> None:
    if stderr.isatty():
        of = f" of {megabytes(progress.total)}" if progress.total is not None else ""
        print(f"\r\x1b[K{megabytes(progress.received)}{of}\r", end="", file=stderr, flush=True)
