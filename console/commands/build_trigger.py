"""`lading build trigger`: shows what would be created, asks, and creates it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from console.actions.build_plan import plan_hook, plan_push, plan_retrigger
from console.actions.build_trigger import trigger
from console.actions.task_render import Happening
from console.actions.task_source import Sought, find_source
from console.commands.build_text import plan_json, plan_lines
from console.commands.confirming import agreed
from console.commands.connecting import add_connection_arguments, connected
from console.commands.paint import Paint
from console.domain.hook_payload import read_payload
from console.domain.task_ids import task_id_of
from console.domain.taskcluster_yml import FILE_NAME
from console.failures import ReadOnly
from runner.errors import ExitCode, UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Awaitable, Callable, Mapping

    from console.connection import Connection
    from console.domain.build_plan import TriggerPlan

    Planning = Callable[[Connection], Awaitable[TriggerPlan]]


def add_trigger_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    way = parser.add_mutually_exclusive_group(required=True)
    way.add_argument("--branch", metavar="B", help="as a push to the branch would be built, at its head")
    way.add_argument("--tag", metavar="T", help="as a push of the tag would be built")
    way.add_argument("--release", metavar="TAG", help="as a release of the tag would be built")
    way.add_argument("--pull-request", metavar="N", type=int, help="as the pull request would be built")
    way.add_argument("--hook", metavar="GROUP/HOOK", help="by a hook")
    way.add_argument("--retrigger", metavar="TASK", help="as an earlier task, with a new id")
    parser.add_argument(
        "--file", metavar="FILE", type=Path, help=f"the task file (default: {FILE_NAME} of the commit)"
    )
    parser.add_argument("--commit", metavar="SHA", help="the commit (default: the branch's or the tag's)")
    parser.add_argument(
        "--repository",
        metavar="SLUG",
        help="OWNER/NAME (default: of the remote `origin`); GitHub is asked for what no checkout here has",
    )
    parser.add_argument(
        "--payload",
        metavar="FILE",
        type=Path,
        help="what the hook is given, as JSON or YAML, or - for standard input; its defaults are filled in",
    )
    parser.add_argument("--same-group", action="store_true", help="retrigger into the earlier task's group")
    parser.add_argument("--plan", action="store_true", help="show what would be created, and create nothing")
    parser.add_argument(
        "--yes", metavar="TAG", nargs="?", const="", help="do not ask; of a release, its tag must be given"
    )
    parser.epilog = (
        "With --plan, exits 0 where nothing stands against it, else 1, or 7 where that cannot be told."
    )
    add_connection_arguments(parser)


def run_trigger(
    arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO
) -> int:
    """Plan, ask, create; prints the id of the group, which `lading build watch` takes."""
    if arguments.read_only and not arguments.plan:
        raise ReadOnly(
            "--read-only: nothing is created.", action="Leave it out, or give --plan to see what would be."
        )
    planning = _planning(arguments, environment)
    answer: dict[str, Any] = {}

    async def work(connection: Connection) -> int:
        plan = await planning(connection)
        # Standard output is for the id alone, which other commands take.
        preview = stdout if arguments.plan and not arguments.json else stderr
        preview.writelines(f"{line}\n" for line in plan_lines(plan, Paint.on(preview, environment)))
        answer.update(plan_json(plan))
        if arguments.plan:
            unsure = plan.can_be_done and plan.lacking is None
            return ExitCode.CANNOT_TELL if unsure else ExitCode.OK if plan.can_be_done else ExitCode.NO
        if plan.can_be_done and not agreed(
            "create it", plan.typed or "yes", arguments.yes, stderr, environment
        ):
            return ExitCode.NO
        done = await trigger(connection, plan)
        answer.update({"taskGroupId": done.group_id or None, "created": list(done.task_ids)})
        if not done.group_id:
            print("lading: the hook ran, and made no task of this payload.", file=stderr)
        elif not arguments.json:
            print(done.group_id, file=stdout)
        return ExitCode.OK

    code = connected(arguments, environment, stderr, work)
    if arguments.json:
        print(json.dumps(answer, indent=2), file=stdout)
    return code


def _planning(arguments: argparse.Namespace, environment: Mapping[str, str]) -> Planning:
    if arguments.payload is not None and not arguments.hook:
        raise UsageError("--payload is what a hook is given.", action="Give --hook GROUP/HOOK.")
    if arguments.hook:
        payload = read_payload(*_read(arguments.payload)) if arguments.payload is not None else None
        return lambda connection: plan_hook(connection, arguments.hook, payload)
    if arguments.retrigger:
        task_id = task_id_of(arguments.retrigger)
        return lambda connection: plan_retrigger(connection, task_id, same_group=arguments.same_group)
    name, file = _read(arguments.file) if arguments.file is not None else (FILE_NAME, None)
    sought = Sought(
        folder=Path(),
        path=environment.get("PATH", os.defpath),
        repository=arguments.repository or "",
        commit=arguments.commit or "",
        file=file,
        file_name=name,
    )
    happening = Happening(
        branch=arguments.branch,
        tag=arguments.tag,
        release=arguments.release,
        pull_request=arguments.pull_request,
    )

    async def plan(connection: Connection) -> TriggerPlan:
        return await plan_push(connection, await find_source(connection, sought, happening), happening)

    return plan


def _read(given: Path) -> tuple[str, str]:
    """A file's name and text; `-` is standard input."""
    try:
        if str(given) == "-":
            return "<stdin>", sys.stdin.read()
        return str(given), given.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise UsageError(f"{given} cannot be read: {reason}.") from error
