"""`lading task render` and `lading task init`: the task file, before anything is pushed."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from console.actions.task_init import new_files, write_files
from console.actions.task_render import Happening, RoleCheck, check_role, needs_of, render_task
from console.actions.task_source import repository_named
from console.commands.connecting import add_connection_arguments, chosen_for, connected
from console.commands.paint import Paint
from console.commands.task_text import rendered_json, rendered_lines
from console.domain.taskcluster_yml import FILE_NAME
from console.domain.taskcluster_yml_event import NO_COMMIT
from console.domain.taskcluster_yml_new import NewTask
from runner.errors import ExitCode, UsageError
from runner.task.checkout import Checkout

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping


_CODES: Final = {True: ExitCode.OK, False: ExitCode.NO, None: ExitCode.CANNOT_TELL}
_NOT_ASKED: Final = "no Taskcluster is named: set TASKCLUSTER_ROOT_URL or give --root-url"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands and their flags."""
    commands = parser.add_subparsers(dest="task_command", required=True, metavar="COMMAND")
    about = "what Taskcluster-Github makes of an event, with which role, and whether that role suffices"
    render = commands.add_parser("render", help=about, description=about[0].upper() + about[1:] + ".")
    render.add_argument(
        "--file", metavar="FILE", default=FILE_NAME, help=f"the task file, or - (default: {FILE_NAME})"
    )
    happening = render.add_mutually_exclusive_group(required=True)
    happening.add_argument("--branch", metavar="B", help="a push to the branch")
    happening.add_argument("--tag", metavar="T", help="a push of the tag")
    happening.add_argument("--pull-request", metavar="N", type=int, help="a pull request is opened")
    happening.add_argument("--release", metavar="TAG", help="a release of the tag is published")
    render.add_argument(
        "--by-stranger", action="store_true", help="the pull request is of somebody who is no collaborator"
    )
    render.add_argument("--repository", metavar="SLUG", help="OWNER/NAME (default: of the remote `origin`)")
    render.add_argument("--commit", metavar="SHA", help="the commit (default: the one checked out)")
    add_connection_arguments(render)
    render.epilog = (
        "Exits 0, or 1 where the role or the task does not suffice, or 7 where that cannot be told."
    )
    about = f"write a {FILE_NAME} and a lading.toml, and say what an administrator must grant"
    init = commands.add_parser("init", help=about, description=about[0].upper() + about[1:] + ".")
    init.add_argument(
        "--pool", metavar="POOL", required=True, help="a pool with Docker, such as proj-balrog/ci"
    )
    init.add_argument("--branch", metavar="B", default="main", help="whose pushes publish (default: main)")
    init.add_argument("--image", metavar="NAME", help="where the image goes (default: the repository's name)")
    init.add_argument("--secret", metavar="NAME", help="with the registry's credentials")
    init.add_argument("--index", metavar="NAMESPACE", help="under which tasks are found by digest")
    init.add_argument(
        "--install", metavar="REQUIREMENT", help="what pip installs lading from, if the worker lacks it"
    )
    init.add_argument("--repository", metavar="SLUG", help="OWNER/NAME (default: of the remote `origin`)")
    init.add_argument("--folder", metavar="DIR", type=Path, default=Path(), help="the checkout")
    init.add_argument("--print", action="store_true", help="print the files, and write none")
    init.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO) -> int:
    """Render, or write the files."""
    command = _render if arguments.task_command == "render" else _init
    return command(arguments, environment, stdout, stderr)


def _render(
    arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO
) -> int:
    text, checkout = _read(arguments.file, environment)
    is_named = bool(arguments.root_url or arguments.profile or environment.get("TASKCLUSTER_ROOT_URL"))
    root_url = chosen_for(arguments, environment).settings.root_url if is_named else None
    if arguments.by_stranger and arguments.pull_request is None:
        raise UsageError("--by-stranger is about a pull request.", action="Give --pull-request N.")
    happening = Happening(
        branch=arguments.branch,
        tag=arguments.tag,
        pull_request=arguments.pull_request,
        release=arguments.release,
        by_stranger=arguments.by_stranger,
    )
    rendered = render_task(
        "<stdin>" if arguments.file == "-" else arguments.file,
        text,
        happening,
        slug=repository_named(arguments.repository or "", checkout)[1],
        revision=arguments.commit or checkout.head or NO_COMMIT,
        root_url=root_url,
        now=datetime.now(UTC),
    )
    check = RoleCheck(needs_of(rendered.rendering), _NOT_ASKED)
    if root_url and needs_of(rendered.rendering):
        check = connected(
            arguments, environment, stderr, lambda connection: check_role(connection, rendered.rendering)
        )
    if arguments.json:
        print(json.dumps(rendered_json(rendered, check), indent=2), file=stdout)
    else:
        print("\n".join(rendered_lines(rendered, check, Paint.on(stdout, environment))), file=stdout)
    if rendered.refusals:
        return ExitCode.NO
    return _CODES[check.suffices] if root_url else ExitCode.OK


def _read(name: str, environment: Mapping[str, str]) -> tuple[str, Checkout]:
    folder = Path() if name == "-" else Path(name).parent
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UsageError(
            f"There is no {name}.", action="`lading task init --pool POOL` writes one; --file names another."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise UsageError(f"{name} cannot be read: {reason}.") from error
    return text, Checkout(folder, environment.get("PATH", os.defpath))


def _init(
    arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO
) -> int:
    folder = arguments.folder
    checkout = Checkout(folder, environment.get("PATH", os.defpath))
    _, slug = repository_named(arguments.repository or "", checkout)
    task = NewTask(
        slug=slug,
        branch=arguments.branch,
        pool=arguments.pool,
        image=arguments.image or slug.lower(),
        secret=arguments.secret or f"repo:github.com/{slug}:dockerhub",
        index=arguments.index,
        requirement=arguments.install,
    )
    files = new_files(task)
    if not arguments.print:
        write_files(folder, files)
        print(f"lading: wrote {' and '.join(files)}", file=stderr)
    if arguments.json:
        grants = {role: list(scopes) for role, scopes in task.grants().items()}
        answer = {"files": files, "grants": grants, "never": list(task.ungranted), "secret": task.secret}
        print(json.dumps(answer, indent=2), file=stdout)
        return ExitCode.OK
    if arguments.print:
        print("\n".join(f"# {name}\n{text}" for name, text in files.items()), file=stdout)
    before = "# " if arguments.print else ""
    for line in _grant_lines(task, Paint.on(stdout, environment)):
        print(before + line, file=stdout)
    return ExitCode.OK


def _grant_lines(task: NewTask, paint: Paint) -> Iterator[str]:
    yield "An administrator must grant:"
    for role, scopes in task.grants().items():
        yield f"  to {paint(role, 'name')}"
        yield from (f"    {paint(scope)}" for scope in scopes)
    yield "and never to these, nor to a role that matches them, such as " + paint(
        f"repo:github.com/{task.slug}:*", "name"
    )
    yield from (f"  {paint(role, 'name')}" for role in task.ungranted)
    yield f"and the secret {paint(task.secret, 'name')} must hold the registry's credentials."
