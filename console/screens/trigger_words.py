"""What a trigger would do, whole, before it is done."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from textual.content import Content

from console.domain.task_request import pool_of
from console.screens.task_words import titled
from console.widgets.content import line, lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.domain.build_plan import TriggerPlan


def plan_content(plan: TriggerPlan) -> Content:
    """What stands against it, what else happens, and each task to its last member."""
    return Content("\n").join([*_plan_lines(plan)])


def _plan_lines(plan: TriggerPlan) -> Iterator[Content]:
    yield line(plan.title, "strong")
    yield from (line(f"✗ {refusal}", "bad") for refusal in plan.refusals)
    if plan.lacking is None:
        yield line("! What you hold cannot be told: the queue will say.", "warning")
    yield from (line(f"✗ you lack {scope}", "bad") for scope in plan.lacking or ())
    yield from (line(f"! {effect}", "warning") for effect in plan.effects)
    yield from (line(f"! {warning}", "warning") for warning in plan.warnings)
    if plan.hook:
        payload = json.dumps(plan.payload, indent=2, ensure_ascii=False)
        yield from titled("The hook is given (p edits it)", [lines(payload)])
    yield from titled("Scopes of what is created", [line(scope) for scope in plan.scopes])
    for task in plan.tasks:
        words = ("Task", task.task_id, task.name, "on", pool_of(task.definition))
        text = lines(json.dumps(task.definition, indent=2, ensure_ascii=False))
        yield from titled(" ".join(filter(None, words)), [text])
