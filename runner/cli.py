"""The runner's composition root: the only place with os.environ, stdout and sys.exit.

Imports are late: `--help` and `--version` load no docker, and a refused job does not wait for it.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from runner.arguments import flags_of, runner_parser
from runner.errors import ExitCode, Interrupted, RunnerError, SettingsError, UsageError, place_of
from runner.masking import Masker
from runner.narration import Narrator

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence
    from types import FrameType

    from runner.job import Job

# What engines are told of the environment: where a plugin may be, and how registries are reached.
_ENGINES_OWN: Final = frozenset(
    {"HOME", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_DIR", "SSL_CERT_FILE"}
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `lading-runner`; returns the exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)
    masker = Masker()
    narrator = Narrator(sys.stderr, masker, time.time, live=sys.stderr.isatty())
    try:
        parsed = runner_parser(sys.argv[1:] if arguments is None else arguments).parse_args(arguments)
        return int(_run(parsed, narrator))
    except RunnerError as error:
        narrator.say(f"lading-runner: {error}")
        return int(error.exit_code)
    except BrokenPipeError:
        return int(ExitCode.SIGTERM)
    except Exception as error:  # noqa: BLE001 - no traceback reaches a user: it could show a secret
        narrator.say(
            f"lading-runner: internal error: {place_of(error)}. Please report it, with the lines above."
        )
        return int(ExitCode.INTERNAL)


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    # A second signal must not cut the report short.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise Interrupted(number)


def _run(arguments: argparse.Namespace, narrator: Narrator) -> ExitCode:
    environment = dict(os.environ)
    if arguments.command == "verify":
        from runner.commands.verify import verify
        from runner.verification_sources import Listener

        return verify(arguments, environment, time.time, sys.stdout, Listener(notice=narrator.say))
    if arguments.command == "promote":
        from runner.commands.promote import promote

        return promote(arguments, environment, narrator, sys.stdout)
    if arguments.command == "push":
        _settle_layout(arguments)
    job = _job(arguments, environment, narrator)
    if arguments.command == "plan":
        from runner.commands.plan import plan

        return plan(job, sys.stdout, as_json=arguments.json, leave=arguments.leave)
    if arguments.command == "build":
        from runner.commands.build import build

        return build(job, arguments.output, sys.stdout, as_json=arguments.json)
    if arguments.command in {"push", "index"}:
        return _push(job, arguments)
    from runner.commands.publish import publish

    return publish(job, sys.stdout, as_json=arguments.json)


def _push(job: Job, arguments: argparse.Namespace) -> ExitCode:
    from runner.commands.index import create_index
    from runner.commands.push import push

    if arguments.command == "index":
        return create_index(job, arguments.layouts, sys.stdout, as_json=arguments.json)
    source = arguments.from_task or Path(arguments.layout)
    return push(job, source, sys.stdout, as_json=arguments.json)


def _settle_layout(arguments: argparse.Namespace) -> None:
    """With `--from-task` the only other word is the image's name."""
    if arguments.from_task == "":
        raise UsageError("--from-task is empty.")
    if arguments.from_task and arguments.image:
        raise UsageError("--from-task takes the layout from the task: leave LAYOUT away.")
    if arguments.from_task:
        arguments.image = arguments.layout
    elif not arguments.layout:
        raise UsageError("Which layout is to be pushed?", action="Name its folder, or give --from-task ID.")


def _job(arguments: argparse.Namespace, environment: Mapping[str, str], narrator: Narrator) -> Job:
    from runner.job import Job
    from runner.settings import FILE_NAME, load_settings
    from runner.task.checkout import Checkout
    from runner.task.event import event_from_environment
    from runner.task.identity import TaskIdentity

    folder: Path = arguments.checkout.resolve()
    checkout = Checkout(folder, environment.get("PATH", os.defpath))
    event, problems = event_from_environment(environment, lambda: checkout.remote, lambda: checkout.head)
    slug, host = (event.slug, event.host) if event else (None, "github.com")
    try:
        settings = load_settings(
            _read(folder / FILE_NAME),
            environment,
            flags_of(arguments),
            image=arguments.image,
            slug=slug,
            host=host,
        )
    except SettingsError as error:
        raise SettingsError([*error.problems, *problems]) from None
    if problems or event is None or event.revision is None:
        raise SettingsError(problems)
    artifacts = arguments.artifacts or environment.get("LADING_ARTIFACTS")
    return Job(
        settings=settings,
        event=event,
        revision=event.revision,
        task=TaskIdentity.from_environment(environment),
        checkout=checkout,
        artifacts=Path(artifacts) if artifacts else None,
        environment={
            name: value
            for name, value in environment.items()
            if name.startswith("DOCKER_") or name.upper() in _ENGINES_OWN
        },
        narrator=narrator,
        clock=time.time,
        sleep=time.sleep,
    )


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path.name} cannot be read: {error}.") from error
