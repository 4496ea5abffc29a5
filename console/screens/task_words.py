"""All that is told of one task, as lines."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Final

from textual.content import Content

from console.domain.build_timeline import fact_words
from console.domain.pusher import pusher_of
from console.domain.tasks import moment
from console.domain.terminal_text import line_of
from console.screens.build_words import ago, amount, lasted, state_words, tone_of
from console.widgets.content import line, lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from console.actions.build_task import TaskDetail
    from console.domain.artifact import Artifact
    from console.domain.build_result import BuildResult
    from console.domain.build_timeline import TimelineStep
    from console.domain.tasks import Task

_BAR, _NARROW_BAR = 24, 12
_WIDE: Final = 100
_MOST_ARTIFACTS: Final = 50
_REASONS: Final = {
    "scheduled": "",
    "retry": "a retry, for its worker was lost",
    "task-retry": "a retry, for it asked for one",
    "rerun": "a rerun",
    "exception": "ended before it ran",
}


def task_content(detail: TaskDetail, now: datetime, width: int) -> Content:
    """The task: how it stands, what it did and how long that took, what it waits for and left behind.

    Args:
        detail: what is known of it.
        now: the time.
        width: in cells, of the lines.
    """
    return Content("\n").join([*_lines(detail, now, width)])


def _lines(detail: TaskDetail, now: datetime, width: int) -> Iterator[Content]:
    task = detail.task
    yield line(f"{state_words(task.result)}  {task.name}", tone_of(task.state))
    yield from (line(text, "quiet") for text in _about(detail.task, now))
    for result in detail.results:
        yield from _result(result)
    if task.state in {"failed", "exception"} and not any(result.error for result in detail.results):
        yield line("l shows its log, and F there the first error.", "quiet")
    for problem in detail.problems:
        yield line(f"! {problem}", "warning")
    steps = [part for step in detail.timeline for part in _step(step, detail.timeline, now, width)]
    yield from titled("From decision to push", steps)
    yield from titled("Runs", [line(text) for text in _runs(detail, now)])
    waits = [
        line(f"{state_words(needed.result)}  {needed.name}  {needed.task_id}", tone_of(needed.state))
        for needed in detail.dependencies
    ]
    yield from titled("Waits for", waits)
    left = [_artifact(each) for each in detail.artifacts[:_MOST_ARTIFACTS]]
    if len(detail.artifacts) > _MOST_ARTIFACTS:
        left.append(line(f"and {len(detail.artifacts) - _MOST_ARTIFACTS:,} more", "quiet"))
    yield from titled("Artifacts (a lists and downloads them)", left)
    definition = lines(json.dumps(task.definition, indent=2, ensure_ascii=False))
    yield from titled("Definition (s saves it)", [definition])


def _about(task: Task, now: datetime) -> Iterator[str]:
    pushed = pusher_of(task)
    what = " of ".join(filter(None, (pushed.event or "task", pushed.name)))
    commit = f" at {pushed.commit[:12]}" if pushed.commit else ""
    yield _dotted(f"{what}{commit}", pushed.repository, f"by {task.owner or 'nobody named'}")
    group = "first of its group" if task.group_id == task.task_id else f"of group {task.group_id}"
    yield f"task {task.task_id} {group}"
    created = ago(moment((task.definition or {}).get("created")), now)
    yield _dotted(task.pool, f"priority {task.priority}", created and f"created {created}")
    ends = (("deadline", task.deadline), ("expires", task.expires))
    yield _dotted(*(f"{what} {when:%Y-%m-%d %H:%M} UTC" for what, when in ends if when is not None))


def _dotted(*parts: str) -> str:
    return " · ".join(filter(None, parts))


def _result(result: BuildResult) -> Iterator[Content]:
    if result.digest:
        yield line(f"published {result.repository}", "good")
        yield line(f"  {result.digest}", "good")
    elif result.repository:
        yield line(f"nothing published to {result.repository}", "bad")
    if result.tags:
        yield line(f"  tags {', '.join(f'{tag} ({state})' for tag, state in result.tags)}")
    if result.error:
        yield lines(f"✗ {result.error}", "bad")
    yield from (line(f"! {warning}", "warning") for warning in result.warnings)


def _artifact(artifact: Artifact) -> Content:
    if artifact.storage == "error":
        return line(f"✗ {artifact.name}  is not there: its worker says why, a tells", "bad")
    return line(f"{artifact.name}  {'' if artifact.size is None else amount(artifact.size)}")


def titled(title: str, below: Sequence[Content]) -> Iterator[Content]:
    """A part with its title, where it has lines."""
    if below:
        yield Content("")
        yield line(title, "strong")
        yield from below


def _step(
    step: TimelineStep, all_steps: Sequence[TimelineStep], now: datetime, width: int
) -> Iterator[Content]:
    """A step in a line, or in several: what is too long for the line goes on below its own beginning."""
    is_wide = width >= _WIDE
    bar_width = _BAR if is_wide else _NARROW_BAR
    longest = max((other.seconds or 0.0 for other in all_steps), default=0.0) or 1.0
    bar = "━" * round(bar_width * (step.seconds or 0.0) / longest)
    glyph = {"ok": "✓", "failed": "✗"}.get(step.outcome, "·")
    began = f"{step.started:%H:%M:%S} " if step.started and is_wide else ""
    so_far = (now - step.started).total_seconds() if step.started and not step.outcome else None
    took = lasted(step.seconds) or f"{lasted(so_far)}…"
    head = f"{glyph} {step.kind:<8} {began}{took:>9} "
    name, facts = line_of(step.name), ", ".join(fact_words(step.facts, amount))
    indent = len(head) + bar_width + 1
    room = max(20, width - indent)
    beside = f"  {facts}" if facts and len(name) + 2 + len(facts) <= room else ""
    first, *rest = textwrap.wrap(name, room) or [""]
    yield Content.assemble(
        line(head, tone_of(step.outcome)),
        line(f"{bar:<{bar_width}} ", "quiet"),
        line(first),
        line(beside, "quiet"),
    )
    yield from (line(f"{'':{indent}}{text}") for text in rest)
    if not beside:
        below = textwrap.wrap(line_of(facts), room)
        yield from (line(f"{'':{indent}}{text}", "quiet") for text in below)


def _runs(detail: TaskDetail, now: datetime) -> Iterator[str]:
    for run in detail.task.runs:
        why = f" ({run.why_resolved})" if run.why_resolved not in {"", run.state} else ""
        waited = (
            lasted((run.started - run.scheduled).total_seconds()) if run.started and run.scheduled else ""
        )
        took = lasted(((run.resolved or now) - run.started).total_seconds()) if run.started else ""
        parts = (
            f"{run.run_id}",
            f"{state_words(run.state)}{why}",
            _REASONS.get(run.why_created, run.why_created),
            ago(run.scheduled, now),
            waited and f"waited {waited}",
            took and f"ran {took}",
            run.worker,
        )
        yield "  ".join(filter(None, parts))
