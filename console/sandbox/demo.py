"""`lading demo`: the whole story on one machine, from a push to a verified image, with nothing pretended."""

from __future__ import annotations

import asyncio
import secrets
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

from console.sandbox.base_image import NoDebian, cache_folder, debian_archive, import_image
from console.sandbox.debian import Machine, install
from console.sandbox.demo_checkout import checked
from console.sandbox.demo_scenes import Demo
from console.sandbox.demo_story import Story
from console.sandbox.docker_registry import PROGRAMS, docker_registry
from console.sandbox.private_engine import any_engine
from runner.credentials import RegistryCredentials
from runner.errors import ExitCode
from runner.image.reference import Registry
from runner.masking import Masked

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from typing import Never, TextIO

    from console.sandbox.engine import Engine

_BASE: Final = "lading-debian"
_USER: Final = "balrog"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument(
        "--repo", type=Path, metavar="PATH", help="a checkout with a Dockerfile, in place of the sample"
    )


def run(arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO) -> int:
    """Tell the story; it ends by itself, and leaves nothing but cached downloads.

    Raises:
        RunnerError: something is missing or went wrong.
    """
    del stderr  # the story is the data
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    terminal = stdout.isatty() and environment.get("TERM", "dumb") != "dumb"
    colour = terminal and not environment.get("NO_COLOR")
    story = Story(stdout, time.monotonic, terminal=terminal, colour=colour)
    checkout = checked(arguments.repo) if arguments.repo else None
    with ExitStack() as stack:
        demo = _set_up(stack, story, checkout, environment)
        asyncio.run(demo.tell())
        story.chapter("Everything is stopped and removed")
    story.end("Built in a task, pushed, pulled by its digest, and verified.")
    return ExitCode.OK


def _set_up(stack: ExitStack, story: Story, checkout: Path | None, environment: Mapping[str, str]) -> Demo:
    story.chapter("A Docker Engine and a registry on this machine")
    machine = Machine.this()
    engine = stack.enter_context(any_engine(environment, story.say))
    install(PROGRAMS, machine, story.say)
    password = Masked(secrets.token_urlsafe(24))
    address = stack.enter_context(docker_registry(_USER, password))
    story.say(f"docker-registry, the real one, listens at {address} and asks for a password")
    base = None if checkout else _base(engine, machine, environment, story)
    credentials = RegistryCredentials(Registry.parse(address), _USER, password)
    demo = Demo(story, engine, credentials, base, checkout, environment)
    if not engine.private:
        stack.callback(demo.forget_images)
    return demo


def _base(engine: Engine, machine: Machine, environment: Mapping[str, str], story: Story) -> str | None:
    try:
        archive = debian_archive(cache_folder(environment), machine, story.say)
    except NoDebian as error:
        story.say(f"{error} The sample's image has no base here, and can be pulled, but not run.")
        return None
    name = f"{_BASE}:{machine.codename}"
    import_image(engine, archive, name)
    story.say(f"the engine has the base image {name}")
    return name


def _leave(number: int, _frame: object) -> Never:
    signal.signal(number, signal.SIG_IGN)  # a second one must not cut the cleaning short
    sys.exit(128 + number)  # all that is open is closed on the way
