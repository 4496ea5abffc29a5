"""`lading sandbox`: a sandbox in the foreground, and a push to one."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

from console.sandbox.push import as_text, push
from console.sandbox.pushed import Happening, read_push
from console.sandbox.serve import running, write_private
from runner.errors import Unavailable, UsageError
from runner.image.reference import BadReference, Registry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

_MOST_WORKERS: Final = 16


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("--ephemeral", action="store_true", help="keep nothing after the end")
    parser.add_argument(
        "--env-file",
        type=Path,
        metavar="FILE",
        help="write the variables of the ready sandbox here, not to stdout",
    )
    parser.add_argument(
        "--registry", metavar="HOST:PORT", help="a registry to use in place of the embedded one"
    )
    parser.add_argument(
        "--workers", type=_count, default=1, metavar="N", help="how many tasks run at once; 1 if not given"
    )
    verbs = parser.add_subparsers(metavar="VERB", dest="verb", title="with a running sandbox")
    about = "create the tasks that a push creates; the sandbox is read from TASKCLUSTER_*"
    pushing = verbs.add_parser("push", help=about, description=about)
    pushing.add_argument("--branch", help="push this branch of the repository")
    pushing.add_argument("--tag", help="push this tag instead")
    pushing.add_argument("--release", metavar="TAG", help="publish a release of this tag instead")
    pushing.add_argument(
        "--pull-request", type=int, metavar="NUMBER", help="open a pull request of the branch instead"
    )
    pushing.add_argument(
        "--repo", type=Path, metavar="PATH", help="the repository; LADING_SAMPLE_REPO, or this folder"
    )
    pushing.add_argument("--json", action="store_true", help="print an object with taskGroupId and tasks")


def _count(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= _MOST_WORKERS:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text} is no number from 1 to {_MOST_WORKERS}")


def run(arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO) -> int:
    """Run until SIGINT or SIGTERM, or push.

    Raises:
        UsageError: `--registry` is none.
        Unavailable: a port is taken, git is not there, a folder cannot be written.
        RunnerError: whatever `push` raises.
    """
    if arguments.verb == "push":
        return _push(arguments, environment, stdout, stderr)
    registry = _registry(arguments.registry)
    try:
        asyncio.run(_serve(arguments, registry, environment, stdout, stderr))
    except (OSError, subprocess.CalledProcessError) as error:
        raise Unavailable(
            f"The sandbox could not run: {error}.",
            cause="A port is taken, git is not installed, or a folder cannot be written.",
        ) from error
    return 0


def _push(
    arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO
) -> int:
    folder = arguments.repo or Path(environment.get("LADING_SAMPLE_REPO", "."))
    happening = Happening(
        branch=arguments.branch,
        tag=arguments.tag,
        release=arguments.release,
        pull_request=arguments.pull_request,
    )
    answer = asyncio.run(push(read_push(folder, happening, environment), environment))
    if not (answer["tasks"] or answer["hooks"]):
        print("The task file has no task for this event.", file=stderr)
    stdout.write(as_text(answer, as_json=arguments.json))
    return 0


def _registry(text: str | None) -> Registry | None:
    if text is None:
        return None
    try:
        return Registry.parse(text)
    except BadReference as error:
        raise UsageError(f"--registry: {error}") from error


async def _serve(
    arguments: argparse.Namespace,
    registry: Registry | None,
    environment: Mapping[str, str],
    stdout: TextIO,
    stderr: TextIO,
) -> None:
    def say(line: str) -> None:
        print(line, file=stderr, flush=True)

    if arguments.env_file is not None:
        # Whoever waits for the file must not find that of an earlier sandbox.
        arguments.env_file.unlink(missing_ok=True)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running(
        ephemeral=arguments.ephemeral,
        registry=registry,
        environment=environment,
        say=say,
        workers=arguments.workers,
    ) as sandbox:
        with contextlib.ExitStack() as stack:
            if arguments.env_file is None:
                stdout.write(sandbox.variables())
                stdout.flush()
            else:
                write_private(arguments.env_file, sandbox.variables())
                # The credentials in it are worth nothing afterwards.
                stack.callback(arguments.env_file.unlink, missing_ok=True)
            say(f"Sample repository {sandbox.sample}, registry {sandbox.registry}. Ctrl+C ends the sandbox.")
            # A worker ends by itself only by a defect, which then ends the sandbox too.
            ends = {
                asyncio.create_task(stop.wait()),
                *(asyncio.create_task(worker.wait()) for worker in sandbox.workers),
            }
            done, waiting = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for task in waiting:
                task.cancel()
            for task in done:
                task.result()
    say("The sandbox has ended")
