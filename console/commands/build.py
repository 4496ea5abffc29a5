"""`lading build list|show|trigger|watch|log|cancel|rerun|priority`."""

from __future__ import annotations

import json
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from console.actions.build_control import (
    Cancelled,
    cancel_group,
    cancel_task,
    change_priority,
    rerun_task,
)
from console.actions.build_list import Where, list_whole, where_of
from console.actions.build_watch import watch, what_to_watch
from console.actions.repository import repository_of
from console.commands.build_log import add_log_arguments, run_log
from console.commands.build_show import add_show_arguments, run_show
from console.commands.build_text import (
    build_line,
    builds_json,
    change_line,
    standing_json,
    standing_words,
)
from console.commands.build_trigger import add_trigger_arguments, run_trigger
from console.commands.confirming import agreed
from console.commands.connecting import add_connection_arguments, connected
from console.commands.paint import Paint
from console.domain.group_progress import Standing
from console.domain.notification import notification
from console.domain.task_ids import task_id_of
from console.domain.task_request import PRIORITIES
from console.failures import ReadOnly
from runner.errors import ExitCode, UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from console.actions.build_watch import Watched
    from console.connection import Connection
    from console.domain.tasks import Task


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verbs and their flags."""
    verbs = parser.add_subparsers(metavar="VERB", title="verbs", required=True)

    def verb(name: str, about: str, run_verb: object) -> argparse.ArgumentParser:
        subparser = verbs.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.")
        subparser.set_defaults(verb=run_verb)
        return subparser

    listing = verb("list", "the last builds of a repository's images", _list)
    listing.add_argument("--repository", metavar="SLUG", help="OWNER/NAME (default: of the remote `origin`)")
    listing.add_argument("--index", metavar="NAMESPACE", action="append", help="also what is indexed there")
    listing.add_argument("--hook", metavar="GROUP/HOOK", action="append", help="also what the hook fired")
    listing.add_argument("--group", metavar="ID", action="append", help="also this task group")
    listing.add_argument("--limit", metavar="N", type=int, default=20, help="how many (default: 20)")
    add_connection_arguments(listing)
    add_show_arguments(verb("show", "a task from its push to its tags: steps, runs, why it failed", run_show))
    add_trigger_arguments(verb("trigger", "show what a build would create, ask, and create it", run_trigger))
    watching = verb("watch", "tell of each change of a task or a group, until it has ended", _watch)
    watching.add_argument("id", metavar="TASK_OR_GROUP", help="an id, or a link")
    watching.add_argument("--exit-status", action="store_true", help="exit 1 unless all tasks completed")
    add_connection_arguments(watching)
    add_log_arguments(verb("log", "a task's log, followed to its end and over retries", run_log))
    cancelling = verb("cancel", "end a task, or with --group all of a group", _cancel)
    cancelling.add_argument("id", metavar="TASK_OR_GROUP", help="an id, or a link")
    cancelling.add_argument("--group", action="store_true", help="seal the group for good, and end its tasks")
    cancelling.add_argument("--yes", action="store_true", help="do not ask")
    add_connection_arguments(cancelling)
    rerunning = verb("rerun", "run a task that has ended once more", _rerun)
    rerunning.add_argument("task", metavar="TASK", help="the task's id, or a link to it")
    rerunning.add_argument("--yes", action="store_true", help="do not ask")
    add_connection_arguments(rerunning)
    reordering = verb("priority", "change a task's place among those that wait", _priority)
    reordering.add_argument("task", metavar="TASK", help="the task's id, or a link to it")
    reordering.add_argument("priority", choices=PRIORITIES, metavar="PRIORITY", help=", ".join(PRIORITIES))
    add_connection_arguments(reordering)


def run(arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO) -> int:
    """Do what the verb says."""
    code: int = arguments.verb(arguments, environment, stdout, stderr)
    return code


def _list(
    arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO
) -> int:
    if arguments.limit < 1:
        raise UsageError("--limit: a list has at least one line.")
    where = _where(arguments)

    limit = arguments.limit
    found = connected(arguments, environment, stderr, lambda c: list_whole(c, where, limit))
    for problem in found.unread:
        print(f"lading: {Paint.on(stderr, {})(problem)}", file=stderr)
    if arguments.json:
        print(json.dumps(builds_json(found), indent=2), file=stdout)
    else:
        paint, now = Paint.on(stdout, environment), datetime.now(UTC)
        stdout.writelines(f"{build_line(build, now, paint)}\n" for build in found.builds)
    return ExitCode.CANNOT_TELL if found.unread and not found.builds else ExitCode.OK


def _where(arguments: argparse.Namespace) -> Where:
    own = where_of(repository_of(Path.cwd()))
    chosen = arguments.repository or own.slug
    where = Where(
        slug=chosen,
        namespaces=tuple(
            dict.fromkeys([*(arguments.index or []), *(own.namespaces if chosen == own.slug else ())])
        ),
        hooks=tuple(arguments.hook or ()),
        groups=tuple(task_id_of(group) for group in arguments.group or ()),
    )
    if where == Where():
        raise UsageError(
            "Whose builds to list is not known.",
            action="Give --repository OWNER/NAME, --index, --hook or --group, or begin in a checkout.",
        )
    return where


def _watch(
    arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO
) -> int:
    named = task_id_of(arguments.id)
    lines = stderr if arguments.json else stdout
    paint = Paint.on(lines, environment)

    async def look(connection: Connection) -> tuple[Watched, Standing]:
        watched = await what_to_watch(connection, named)
        async with aclosing(watch(connection, watched)) as steps:
            async for step in steps:
                if isinstance(step, Standing):
                    return watched, step
                print(change_line(step, paint), file=lines, flush=True)
        raise AssertionError("watching ends with how it ended")

    watched, end = connected(arguments, environment, stderr, look)
    print(f"lading: {named} {standing_words(end)}", file=stderr)
    if arguments.json:
        print(json.dumps(standing_json(watched, end), indent=2), file=stdout)
    if stderr.isatty():
        stderr.write(notification("lading", f"{named} {standing_words(end)}", environment))
        stderr.flush()
    return ExitCode.NO if arguments.exit_status and not end.is_success else ExitCode.OK


def _refuse_read_only(arguments: argparse.Namespace) -> None:
    if arguments.read_only:
        raise ReadOnly("--read-only: nothing is changed.", action="Leave it out to make the change.")


def _cancel(
    arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO
) -> int:
    _refuse_read_only(arguments)
    named = task_id_of(arguments.id)
    what = (
        f"seal the group {named} for good and end its tasks" if arguments.group else f"end the task {named}"
    )
    if not agreed(what, "yes", "" if arguments.yes else None, stderr, environment):
        return ExitCode.NO

    async def cancel(connection: Connection) -> Task | Cancelled:
        return await (cancel_group if arguments.group else cancel_task)(connection, named)

    done = connected(arguments, environment, stderr, cancel)
    answer: dict[str, Any]
    if isinstance(done, Cancelled):
        text, answer = f"{done.ended} of {done.of} tasks were ended", {"ended": done.ended, "of": done.of}
        good = True
    else:
        good = done.last_run is not None and done.last_run.why_resolved == "canceled"
        text, answer = (
            f"{named} is {done.result}",
            {"taskId": named, "state": done.state, "result": done.result},
        )
        if not good:
            text += ": it had ended before"
    _answer(arguments, text, answer, stdout)
    return ExitCode.OK if good else ExitCode.NO


def _rerun(
    arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO
) -> int:
    _refuse_read_only(arguments)
    named = task_id_of(arguments.task)
    what = f"run {named} again: it may push once more"
    if not agreed(what, "yes", "" if arguments.yes else None, stderr, environment):
        return ExitCode.NO
    task = connected(arguments, environment, stderr, lambda c: rerun_task(c, named))
    run_id = len(task.runs) - 1
    _answer(
        arguments,
        f"{named} is {task.result}: run {run_id}",
        {"taskId": named, "state": task.state, "run": run_id},
        stdout,
    )
    return ExitCode.OK


def _priority(
    arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO
) -> int:
    _refuse_read_only(arguments)
    named = task_id_of(arguments.task)
    connected(arguments, environment, stderr, lambda c: change_priority(c, named, arguments.priority))
    answer = {"taskId": named, "priority": arguments.priority}
    _answer(arguments, f"{named} has the priority {arguments.priority}", answer, stdout)
    return ExitCode.OK


def _answer(arguments: argparse.Namespace, text: str, answer: Mapping[str, Any], stdout: TextIO) -> None:
    print(json.dumps(answer, indent=2) if arguments.json else text, file=stdout)
