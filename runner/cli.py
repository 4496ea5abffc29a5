"""The runner's composition root: the only place with os.environ, stdout and sys.exit.

Imports are late: `--help` and `--version` load no docker, and a refused job does not wait for it.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from runner import __version__
from runner.errors import ExitCode, Interrupted, RunnerError, SettingsError, UsageError, place_of
from runner.masking import Masker
from runner.narration import Narrator, printable

if TYPE_CHECKING:
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
        parsed = _parser().parse_args(arguments)
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


def _parser() -> argparse.ArgumentParser:
    from runner.settings import OPTIONS

    parser = argparse.ArgumentParser(
        prog="lading-runner",
        description="Builds a Docker image inside a Taskcluster task, pushes it, and states its digests.",
        epilog="Exit codes: 0 ok; 1 build failed; 2 usage; 3 refused; 4 not available now; 5 internal error; "
        "6 integrity; 7 cannot tell; 8 conflict; 130, 143 signals.",
    )
    parser.add_argument("--version", action="version", version=f"lading-runner {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, about in (
        ("publish", "build, push, read back, and leave the statement"),
        ("plan", "what publish would do, and every check that can be made now"),
        ("build", "build and pack into an OCI layout, without the secret and without a registry"),
        ("push", "push an OCI layout that another task built, once every blob of it is hashed"),
    ):
        command = commands.add_parser(name, help=about, description=about[0].upper() + about[1:] + ".")
        if name == "build":
            command.add_argument("--output", type=Path, required=True, metavar="DIR", help="the layout")
        if name == "push":
            command.add_argument("layout", type=Path, metavar="LAYOUT", help="the layout's folder")
        command.add_argument("image", nargs="?", metavar="IMAGE", help="which [image.IMAGE] of lading.toml")
        command.add_argument("--checkout", type=Path, default=Path(), metavar="DIR", help="the checkout")
        command.add_argument(
            "--artifacts", metavar="DIR", help="the declared directory; else LADING_ARTIFACTS"
        )
        command.add_argument("--json", action="store_true", help="print the result as JSON")
        for option in OPTIONS:
            _add_option(command, option.key, option.kind, option.about, option.choices)
        command.add_argument(
            "--insecure-registry", action="append", metavar="HOST", help="allow plain HTTP to HOST"
        )
    verify = commands.add_parser("verify", help="whether an image is what a task published")
    _add_verify(verify)
    return parser


def _add_option(
    parser: argparse.ArgumentParser, key: str, kind: str, about: str, choices: tuple[str, ...]
) -> None:
    flag = {"tags": "tag", "platforms": "platform", "build-args": "build-arg", "labels": "label"}.get(
        key, key
    )
    match kind:
        case "true or false":
            parser.add_argument(f"--{flag}", dest=key, action="store_true", default=None, help=about)
        case "a list of texts":
            parser.add_argument(
                f"--{flag}", dest=key, action="append", metavar="TEXT", help=f"{about} (repeatable)"
            )
        case "a table of texts":
            parser.add_argument(
                f"--{flag}", dest=key, action="append", metavar="NAME=VALUE", help=f"{about} (repeatable)"
            )
        case _:
            parser.add_argument(f"--{flag}", dest=key, choices=choices or None, metavar="TEXT", help=about)


def _add_verify(parser: argparse.ArgumentParser) -> None:
    from runner.verify_arguments import add_verify_arguments

    add_verify_arguments(parser)


def _run(arguments: argparse.Namespace, narrator: Narrator) -> ExitCode:
    environment = dict(os.environ)
    if arguments.command == "verify":
        from runner.verify_request import run_verify

        return run_verify(arguments, environment, time.time, sys.stdout)
    job = _job(arguments, environment, narrator)
    if arguments.command == "plan":
        from runner.commands.plan import plan

        return plan(job, sys.stdout, as_json=arguments.json)
    if arguments.command == "build":
        from runner.commands.build import build

        return build(job, arguments.output, sys.stdout, as_json=arguments.json)
    if arguments.command == "push":
        from runner.commands.push import push

        return push(job, arguments.layout, sys.stdout, as_json=arguments.json)
    from runner.commands.publish import publish

    return publish(job, sys.stdout, as_json=arguments.json)


def _job(arguments: argparse.Namespace, environment: Mapping[str, str], narrator: Narrator) -> Job:
    from runner.job import Job
    from runner.settings import FILE_NAME, load_settings
    from runner.task.checkout import Checkout
    from runner.task.event import event_from_environment
    from runner.task.identity import TaskIdentity

    folder: Path = arguments.checkout.resolve()
    checkout = Checkout(folder, environment.get("PATH", os.defpath))
    event, problems = event_from_environment(environment, checkout.remote, checkout.head)
    slug, host = (event.slug, event.host) if event else (None, "github.com")
    try:
        settings = load_settings(
            _read(folder / FILE_NAME),
            environment,
            _flags(arguments),
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


def _flags(arguments: argparse.Namespace) -> dict[str, Any]:
    from runner.settings import OPTIONS

    flags: dict[str, Any] = {"insecure-registry": arguments.insecure_registry}
    for option in OPTIONS:
        value = getattr(arguments, option.key)
        if value is not None and option.kind == "a table of texts":
            value = dict(_pair(text, option.key) for text in value)
        flags[option.key] = value
    return flags


def _pair(text: str, key: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise UsageError(f"--{key.removesuffix('s')} {printable(text)[:60]!r} is not NAME=VALUE.")
    return name, value


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path.name} cannot be read: {error}.") from error
