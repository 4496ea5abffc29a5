"""`lading build trigger`: shows what would be created, asks, and creates it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from console.actions.build_plan import Happening, plan_hook, plan_push, plan_retrigger
from console.actions.build_trigger import trigger
from console.commands.build_text import plan_json, plan_lines
from console.commands.confirming import agreed
from console.commands.connecting import add_connection_arguments, connected
from console.commands.paint import Paint
from console.domain.task_ids import task_id_of
from console.domain.taskcluster_yml import FILE_NAME
from console.failures import ReadOnly
from runner.errors import ExitCode, UsageError
from runner.task.checkout import Checkout
from runner.task.event import parse_repository

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
    way.add_argument("--hook", metavar="GROUP/HOOK", help="by a hook")
    way.add_argument("--retrigger", metavar="TASK", help="as an earlier task, with a new id")
    parser.add_argument(
        "--file", metavar="FILE", type=Path, help=f"the task file (default: {FILE_NAME} of the commit)"
    )
    parser.add_argument("--commit", metavar="SHA", help="the commit (default: the branch's or the tag's)")
    parser.add_argument("--repository", metavar="SLUG", help="OWNER/NAME (default: of the remote `origin`)")
    parser.add_argument("--payload", metavar="JSON", default="{}", help="what the hook is given")
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
    planning = _planning(arguments, environment, stderr)
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


def _planning(arguments: argparse.Namespace, environment: Mapping[str, str], stderr: TextIO) -> Planning:
    if arguments.hook:
        payload = _payload(arguments.payload)
        return lambda connection: plan_hook(connection, arguments.hook, payload)
    if arguments.retrigger:
        task_id = task_id_of(arguments.retrigger)
        return lambda connection: plan_retrigger(connection, task_id, same_group=arguments.same_group)
    checkout = Checkout(Path(), environment.get("PATH", os.defpath))
    slug = _slug(arguments.repository, checkout)
    commit = arguments.commit or _head(arguments, checkout, stderr)
    name, text = _task_file(arguments.file, checkout, commit)
    happening = Happening(branch=arguments.branch, tag=arguments.tag)
    return lambda connection: plan_push(connection, name, text, happening, slug=slug, revision=commit)


def _payload(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise UsageError(f"--payload is no JSON: {error}.") from error
    if not isinstance(found, dict):
        raise UsageError("--payload is no JSON object.")
    return found


def _slug(given: str | None, checkout: Checkout) -> str:
    repository = parse_repository(given or checkout.remote or "")
    if repository is None:
        raise UsageError(
            "The repository is not known.",
            action="Give --repository OWNER/NAME, or begin in a checkout with a remote `origin`.",
        )
    return repository[1]


def _head(arguments: argparse.Namespace, checkout: Checkout, stderr: TextIO) -> str:
    """The commit of the branch as GitHub has it, as far as this checkout knows."""
    if arguments.tag is not None:
        kind, name, refs = "tag", arguments.tag, [f"refs/tags/{arguments.tag}"]
    else:
        kind, name = "branch", arguments.branch
        refs = [f"refs/remotes/origin/{name}", f"refs/heads/{name}"]
    found = [commit for ref in refs if (commit := checkout.commit_of(ref))]
    if not found:
        raise UsageError(
            f"This folder is no checkout with a {kind} {name}.",
            action="Run `git fetch`, begin in the checkout, or give --commit and --file.",
        )
    if len(set(found)) > 1:
        print(
            f"lading: {name} here is not what was last fetched of `origin`: its {found[0][:12]} is built.",
            file=stderr,
        )
    return found[0]


def _task_file(given: Path | None, checkout: Checkout, commit: str) -> tuple[str, str]:
    if given is None:
        text = checkout.text_of(commit, FILE_NAME)
        if text is None:
            raise UsageError(
                f"The commit {commit[:12]} has no {FILE_NAME} here.",
                action="Run `git fetch`, or give --file.",
            )
        return FILE_NAME, text
    try:
        return str(given), sys.stdin.read() if str(given) == "-" else given.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise UsageError(f"{given} cannot be read: {reason}.") from error
