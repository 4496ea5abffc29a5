"""All that is told of one task, as lines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from textual.content import Content

from console.screens.build_words import ago, amount, lasted, state_words, tone_of
from console.widgets.content import line, lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from console.actions.build_task import TaskDetail
    from console.domain.build_plan import TriggerPlan
    from console.domain.build_timeline import TimelineStep

_BAR: Final = 24


def task_content(detail: TaskDetail, now: datetime) -> Content:
    """The task: how it stands, what it did and how long that took, what it waits for and left behind."""
    return Content("\n").join([*_lines(detail, now)])


def _lines(detail: TaskDetail, now: datetime) -> Iterator[Content]:
    task = detail.task
    yield line(f"{state_words(task.result)}  {task.name}", tone_of(task.state))
    yield line(f"task {task.task_id} of group {task.group_id}", "quiet")
    yield line(f"{task.pool} · priority {task.priority} · by {task.owner or 'nobody named'}", "quiet")
    if task.deadline is not None:
        yield line(f"deadline {task.deadline:%Y-%m-%d %H:%M} UTC", "quiet")
    if detail.digest:
        yield line(f"published {detail.digest}", "good")
    for tag, state in detail.tags:
        yield line(f"  {tag}: {state}")
    for problem in detail.problems:
        yield line(f"! {problem}", "warning")
    yield from _titled("From decision to push", [_step(step, detail.timeline) for step in detail.timeline])
    yield from _titled("Runs", [line(text) for text in _runs(detail, now)])
    waits = [
        line(f"{state_words(needed.result)}  {needed.name}  {needed.task_id}", tone_of(needed.state))
        for needed in detail.dependencies
    ]
    yield from _titled("Waits for", waits)
    left = [
        line(f"{artifact.name}  {'' if artifact.size is None else amount(artifact.size)}")
        for artifact in detail.artifacts
    ]
    yield from _titled("Artifacts (a lists and downloads them)", left)
    yield from _titled("Definition", [lines(json.dumps(task.definition, indent=2, ensure_ascii=False))])


def _titled(title: str, below: Sequence[Content]) -> Iterator[Content]:
    if below:
        yield Content("")
        yield line(title, "strong")
        yield from below


def _step(step: TimelineStep, all_steps: Sequence[TimelineStep]) -> Content:
    longest = max((other.seconds or 0.0 for other in all_steps), default=0.0) or 1.0
    bar = "━" * round(_BAR * (step.seconds or 0.0) / longest)
    glyph = {"ok": "✓", "failed": "✗"}.get(step.outcome, "·")
    took = lasted(step.seconds) or "…"
    facts = " ".join(_facts(step.facts))
    return Content.assemble(
        line(f"{glyph} {step.kind:<8} {took:>10} ", tone_of(step.outcome)),
        line(f"{bar:<{_BAR}} ", "quiet"),
        line(step.name),
        line(f"  {facts}", "quiet") if facts else "",
    )


def _facts(facts: Mapping[str, Any]) -> Iterator[str]:
    for name, value in facts.items():
        if isinstance(value, int | float) and not isinstance(value, bool) and name.startswith("bytes"):
            yield f"{name}={amount(value)}"
        elif isinstance(value, str | int | float):
            yield f"{name}={str(value)[:60]}"


def _runs(detail: TaskDetail, now: datetime) -> Iterator[str]:
    for run in detail.task.runs:
        end = run.resolved or now
        took = lasted((end - run.started).total_seconds()) if run.started else ""
        why = f" ({run.why_resolved})" if run.why_resolved not in {"", run.state} else ""
        parts = (
            f"{run.run_id}",
            f"{state_words(run.state)}{why}",
            f"created by {run.why_created}",
            ago(run.scheduled, now),
            took,
            run.worker,
        )
        yield "  ".join(filter(None, parts))


def plan_content(plan: TriggerPlan) -> Content:
    """What a trigger would do, whole, before it is done."""
    return Content("\n").join([*_plan_lines(plan)])


def _plan_lines(plan: TriggerPlan) -> Iterator[Content]:
    yield line(plan.title, "strong")
    yield from (line(f"✗ {refusal}", "bad") for refusal in plan.refusals)
    if plan.lacking is None:
        yield line("! What you hold cannot be told: the queue will say.", "warning")
    yield from (line(f"✗ you lack {scope}", "bad") for scope in plan.lacking or ())
    yield from (line(f"! {effect}", "warning") for effect in plan.effects)
    yield from (line(f"! {warning}", "warning") for warning in plan.warnings)
    yield from _titled("Its scopes", [line(scope) for scope in plan.scopes])
    for task in plan.tasks:
        text = lines(json.dumps(task.definition, indent=2, ensure_ascii=False))
        yield from _titled(f"Task {task.task_id}  {task.name}", [text])
    if plan.hook:
        yield from _titled(f"Hook {plan.hook}", [lines(json.dumps(plan.payload, indent=2))])
