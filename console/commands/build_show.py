"""`lading build show`: one task, from its push to its tags."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TextIO

from console.actions.build_task import read_task
from console.commands.build_text import duration
from console.commands.connecting import add_connection_arguments, connected
from console.commands.paint import Paint
from console.domain.build_timeline import fact_words
from console.domain.pusher import pusher_of
from console.domain.task_ids import task_id_of
from runner.errors import ExitCode
from runner.narration import megabytes

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from console.actions.build_task import TaskDetail
    from console.domain.build_result import BuildResult
    from console.domain.build_timeline import TimelineStep
    from console.domain.tasks import Run


def add_show_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("task", metavar="TASK", help="the task's id, or a link to it")
    add_connection_arguments(parser)


def run_show(
    arguments: argparse.Namespace, environment: Mapping[str, str], stdout: TextIO, stderr: TextIO
) -> int:
    """Read it and tell it, as JSON with its definition."""
    task_id = task_id_of(arguments.task)
    detail = connected(arguments, environment, stderr, lambda c: read_task(c, task_id))
    if arguments.json:
        print(json.dumps(_as_json(detail), indent=2), file=stdout)
    else:
        stdout.writelines(f"{line}\n" for line in _lines(detail, Paint.on(stdout, environment)))
    return ExitCode.OK


def _lines(detail: TaskDetail, paint: Paint) -> Iterator[str]:
    task, pushed = detail.task, pusher_of(detail.task)
    good = {"completed": "good", "failed": "bad", "exception": "bad"}.get(task.state, "unsure")
    yield f"{paint(task.task_id, 'name')}  {paint(task.result, good)}  {paint(task.name)}"
    about = (pushed.event, pushed.name, pushed.commit[:12], pushed.repository, task.owner)
    yield f"  {paint('  '.join(filter(None, about)))}"
    yield f"  group {paint(task.group_id)}  pool {paint(task.pool)}  priority {paint(task.priority)}"
    for result in detail.results:
        yield from (f"  {line}" for line in _result(result, paint))
    yield from (f"  {paint(problem, 'unsure')}" for problem in detail.problems)
    yield from (f"  {_step(step, paint)}" for step in detail.timeline)
    for run in task.runs:
        parts = (run.state, run.why_resolved, run.why_created, run.worker)
        yield f"  run {run.run_id}  {paint('  '.join(dict.fromkeys(filter(None, parts))))}"
    for needed in detail.dependencies:
        yield f"  waits for {paint(needed.task_id, 'name')}  {paint(needed.result)}  {paint(needed.name)}"
    yield from (f"  artifact {paint(artifact.name, 'name')}" for artifact in detail.artifacts)


def _result(result: BuildResult, paint: Paint) -> Iterator[str]:
    if result.digest:
        yield f"published {paint(f'{result.repository}@{result.digest}', 'good')}"
    elif result.repository:
        yield f"nothing published to {paint(result.repository, 'bad')}"
    yield from (f"tag {paint(tag)}: {paint(state)}" for tag, state in result.tags)
    if result.error:
        yield f"failed: {paint(result.error, 'bad')}"
    yield from (f"warning: {paint(warning, 'unsure')}" for warning in result.warnings)


def _step(step: TimelineStep, paint: Paint) -> str:
    began = f"{step.started:%H:%M:%S}" if step.started else "-"
    took = duration(step.seconds) if step.seconds is not None else "-"
    parts = (f"{step.kind:<8}", began, f"{took:>11}", step.name, ", ".join(fact_words(step.facts, megabytes)))
    return paint("  ".join(filter(None, parts)), "bad" if step.outcome == "failed" else "")


def _as_json(detail: TaskDetail) -> dict[str, Any]:
    task = detail.task
    return {
        "taskId": task.task_id,
        "taskGroupId": task.group_id,
        "state": task.state,
        "result": task.result,
        "priority": task.priority,
        "deadline": _moment(task.deadline),
        "expires": _moment(task.expires),
        "runs": [_run(run) for run in task.runs],
        "images": [
            {
                "repository": result.repository or None,
                "digest": result.digest or None,
                "tags": dict(result.tags),
                "error": result.error or None,
                "warnings": list(result.warnings),
            }
            for result in detail.results
        ],
        "timeline": [
            {
                "kind": step.kind,
                "name": step.name,
                "started": _moment(step.started),
                "seconds": step.seconds,
                "outcome": step.outcome or None,
                "facts": dict(step.facts),
            }
            for step in detail.timeline
        ],
        "dependencies": [
            {"taskId": needed.task_id, "result": needed.result} for needed in detail.dependencies
        ],
        "artifacts": [artifact.name for artifact in detail.artifacts],
        "problems": list(detail.problems),
        "definition": task.definition,
    }


def _run(run: Run) -> dict[str, Any]:
    return {
        "run": run.run_id,
        "state": run.state,
        "reasonCreated": run.why_created or None,
        "reasonResolved": run.why_resolved or None,
        "scheduled": _moment(run.scheduled),
        "started": _moment(run.started),
        "resolved": _moment(run.resolved),
        "worker": run.worker or None,
    }


def _moment(when: datetime | None) -> str | None:
    return when.isoformat() if when else None
