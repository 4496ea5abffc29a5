"""The console's composition root: the only place that knows every command."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import sys
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TextIO

from console.plain_terminal import fit
from runner import __version__
from runner.arguments import add_completion, asks_for_completion
from runner.errors import ExitCode, RunnerError, UsageError, place_of
from runner.narration import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Command(NamedTuple):
    """One subcommand.

    Args:
        name: how it is typed.
        about: one line of help.
        module: what is imported once it is chosen; see `CommandModule`.
    """

    name: str
    about: str
    module: str


class CommandModule(Protocol):
    """What a command's module holds."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the flags."""

    def run(
        self, arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO
    ) -> int:
        """Do the work; returns the exit code, or raises a RunnerError."""


COMMANDS: Final = (
    Command(
        "doctor", "whether the next push will publish, and what to do about it", "console.commands.doctor"
    ),
    Command(
        "verify",
        "whether an image is what a task, or a repository's task, published",
        "console.commands.verify",
    ),
    Command("promote", "copy an image by digest to other tags or registries", "console.commands.promote"),
    Command("can", "whether a role, client or scope holds a scope, and why", "console.commands.can"),
    Command("who-can", "the roles and clients that hold a scope", "console.commands.who_can"),
    Command("build", "list, trigger, watch, read, cancel and rerun builds", "console.commands.build"),
    Command("artifact", "list and download what a task left behind", "console.commands.artifact"),
    Command("task", "render the task file for an event, or write one", "console.commands.task"),
    Command("secret", "list, set, rotate and delete secrets", "console.commands.secret"),
    Command(
        "audit",
        "who changed this repository's secrets and roles and pushed what, and when",
        "console.commands.audit",
    ),
    Command("role", "list, show, compare and edit roles", "console.commands.role"),
    Command(
        "signin", "get a client's token from the web interface, into the keyring", "console.commands.signin"
    ),
    Command("signout", "remove a client's token from the keyring", "console.commands.signout"),
    Command("whoami", "which deployment, which client, and what it may do", "console.commands.whoami"),
    Command("profile", "list, choose and remove profiles", "console.commands.profiles"),
    Command(
        "sandbox", "run a small Taskcluster, a registry and a worker on loopback", "console.sandbox.command"
    ),
    Command(
        "demo", "see an image built, pushed, pulled and verified on this machine", "console.sandbox.demo"
    ),
)
# One module of each distribution of the extra.
_EXTRA: Final = (
    "aiohttp",
    "jsone",
    "jsonschema",
    "keyring",
    "mohawk",
    "platformdirs",
    "taskcluster",
    "textual",
)


def main() -> int:
    """Run `lading`; returns the exit code."""
    return run(sys.argv[1:], os.environ, sys.stdout, sys.stderr)


def run(words: Sequence[str], environment: Mapping[str, str], stdout: TextIO, stderr: TextIO) -> int:
    """Run one command line; whatever goes wrong becomes one message and an exit code.

    Args:
        words: the command line without the program's name.
        environment: the variables.
        stdout: takes data.
        stderr: takes narration and errors.
    """
    for stream in (stdout, stderr):
        fit(stream, environment)
    try:
        return _run(words, environment, stdout, stderr)
    except RunnerError as error:
        print(f"lading: {printable(str(error))}", file=stderr)
        return int(error.exit_code)
    except KeyboardInterrupt:
        return ExitCode.SIGINT
    except BrokenPipeError:
        # Whoever read our output has seen enough; nothing is left to be flushed into the closed pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return ExitCode.OK
    except Exception as error:  # noqa: BLE001 - no traceback reaches a user
        print(f"lading: internal error: {place_of(error)}. Please report it.", file=stderr)
        return ExitCode.INTERNAL


def _run(words: Sequence[str], environment: Mapping[str, str], stdout: TextIO, stderr: TextIO) -> int:
    command = _chosen(words)
    # A completion script names the flags of all commands; otherwise one command's module is imported.
    wanted = COMMANDS if asks_for_completion(words) else (command,) if command else ()
    modules = {chosen: _load(chosen) for chosen in wanted}
    parser = _parser(words, modules)
    module = modules.get(command) if command else None
    try:
        arguments = parser.parse_args(words)
    except SystemExit as end:
        return int(end.code or 0)
    if arguments.command and module is None:
        raise UsageError(
            f"`{words[0]}` is for the screens, which have no command.",
            action=f"Begin with the command: `lading {arguments.command} …`.",
        )
    if module is None:
        return _console(arguments, environment, stdout, stderr)
    return module.run(arguments, environment, stdout, stderr)


def _console(
    arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO
) -> int:
    """The screens, or why there are none; imported only where they can be shown."""
    can_move = environment.get("TERM", "dumb") != "dumb"
    if not (can_move and all(stream.isatty() for stream in (sys.stdin, stdout, stderr))):
        raise UsageError(
            "The console needs a terminal for its input, output and errors, and one that can move its cursor.",
            action="Use a command instead: `lading --help` lists them.",
        )
    _demand_extra("lading")
    from console.start import start

    return start(arguments, environment, stderr)


def _chosen(words: Sequence[str]) -> Command | None:
    """The command that the first word names: only its module is imported."""
    first = words[0] if words else ""
    return next((command for command in COMMANDS if command.name == first), None)


def _load(command: Command) -> CommandModule:
    _demand_extra(f"lading {command.name}")
    module: CommandModule = importlib.import_module(command.module)
    return module


def _demand_extra(program: str) -> None:
    missing = [name for name in _EXTRA if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(
            f"`{program}` needs {', '.join(missing)}, which {_is_or_are(missing)} not installed.",
            cause="lading was installed without its console.",
            action="Install it with `pip install 'lading[console]'`.",
        )


def _is_or_are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _parser(words: Sequence[str], modules: Mapping[Command, CommandModule]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lading", description="A console for the images that Taskcluster tasks build, push and state."
    )
    parser.add_argument("--version", action="version", version=f"lading {__version__}")
    screens = parser.add_argument_group("screens, without a command")
    screens.add_argument("--profile", metavar="NAME", help="a profile of config.toml, not the default one")
    screens.add_argument("--read-only", action="store_true", help="refuse everything that changes something")
    screens.add_argument(
        "--sandbox", action="store_true", help="start a sandbox, open on it, end it at the end"
    )
    subparsers = parser.add_subparsers(metavar="COMMAND", dest="command", title="commands")
    for command in COMMANDS:
        subparser = subparsers.add_parser(command.name, help=command.about, description=command.about)
        if command in modules:
            modules[command].add_arguments(subparser)
    add_completion(parser, words)
    return parser
