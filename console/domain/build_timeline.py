"""From decision to push: what a build did and how long each part took, as its build report has it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from console.domain.tasks import Run, Task

_PUSHES: Final = re.compile(r"(?:Push|Tag|Pack the image and push|Read back by tag|Put the task|Leave)\b")


_LONGEST: Final = 1e9
_WORD: Final = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")


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
            _seconds(seconds),
            str(step.get("outcome") or ""),
            facts if isinstance(facts, dict) else {},
        )


def _seconds(found: object) -> float | None:
    """JSON as Python reads it knows NaN and Infinity, and has whole numbers that are too large for a float."""
    return float(found) if isinstance(found, int | float) and 0 <= found < _LONGEST else None


def _moment(seconds: object) -> datetime | None:
    if not isinstance(seconds, int | float):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def fact_words(facts: Mapping[str, Any], amount: Callable[[int], str]) -> Iterator[str]:
    """Facts as a build report names them (`bytesPushed`, `layersReused`, `contextIsWhole`), in words.

    Args:
        facts: of a step.
        amount: how a number of bytes is written.
    """
    for name, value in facts.items():
        words = [word.lower() for word in _WORD.findall(name)]
        if isinstance(value, bool):
            yield f"{' '.join(words)}: {'yes' if value else 'no'}"
        elif isinstance(value, int) and "bytes" in words:
            yield " ".join(amount(value) if word == "bytes" else word for word in words)
        elif isinstance(value, int | float):
            yield f"{value} {' '.join(words)}"
        else:
            yield f"{' '.join(words)} {str(value)[:60]}"
