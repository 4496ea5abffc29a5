"""From decision to push: what a build did and how long each part took, as its build report has it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from console.domain.builds import Run, Task

_PUSHES: Final = re.compile(r"(?:Push|Tag|Pack the image and push|Read back by tag|Put the task|Leave)\b")


@dataclass(frozen=True, slots=True)
class TimelineStep:
    """A part of a build.

    Args:
        kind: `decision`, `queue`, `build`, `push` or `run`.
        name: what was done.
        started: when, or None where it is not known.
        seconds: how long it took, or None while it lasts.
        outcome: `ok`, `failed`, or "" where it is not known.
        facts: bytes, counts and names, such as `bytesPushed` and `layersReused`.
    """

    kind: str
    name: str
    started: datetime | None
    seconds: float | None
    outcome: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


def timeline(task: Task, *, decision: Task | None, reports: Sequence[object]) -> tuple[TimelineStep, ...]:
    """The parts in their order.

    Args:
        task: the build.
        decision: the task that created it, or None.
        reports: the JSON of each image's `docker-build-report.json`.
    """
    parts: list[TimelineStep] = []
    if decision is not None:
        parts.extend(_of_run("decision", f"Decision: {decision.name}", run) for run in decision.runs[-1:])
    if task.last_run is not None:
        parts.extend(_of_task(task.last_run))
    for report in reports:
        parts.extend(_of_report(report))
    return tuple(parts)


def _of_task(run: Run) -> Iterator[TimelineStep]:
    if run.scheduled is not None:
        seconds = (run.started - run.scheduled).total_seconds() if run.started else None
        yield TimelineStep("queue", "Wait for a worker", run.scheduled, seconds, "ok" if run.started else "")
    if run.started is not None:
        yield _of_run("run", f"Run {run.run_id} on {run.worker or 'a worker'}", run)


def _of_run(kind: str, name: str, run: Run) -> TimelineStep:
    seconds = (run.resolved - run.started).total_seconds() if run.started and run.resolved else None
    outcome = {"completed": "ok", "failed": "failed", "exception": "failed"}.get(run.state, "")
    return TimelineStep(kind, name, run.started, seconds, outcome)


def _of_report(report: object) -> Iterator[TimelineStep]:
    steps = report.get("steps") if isinstance(report, dict) else None
    for step in steps if isinstance(steps, list) else []:
        if not isinstance(step, dict):
            continue
        name, started, seconds = str(step.get("name", "")), step.get("started"), step.get("seconds")
        facts = step.get("facts")
        yield TimelineStep(
            "push" if _PUSHES.match(name) else "build",
            name,
            _moment(started),
            float(seconds) if isinstance(seconds, int | float) else None,
            str(step.get("outcome") or ""),
            facts if isinstance(facts, dict) else {},
        )


def _moment(seconds: object) -> datetime | None:
    if not isinstance(seconds, int | float):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None
