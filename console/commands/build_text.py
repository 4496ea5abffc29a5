"""Builds, tasks and plans as lines and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from console.actions.build_list import BuildList
    from console.actions.build_watch import Watched
    from console.commands.paint import Paint
    from console.domain.build_plan import TriggerPlan
    from console.domain.builds import Build
    from console.domain.group_progress import Standing, TaskChange

_STYLES: Final = {
    "success": "good",
    "completed": "good",
    "failure": "bad",
    "failed": "bad",
    "error": "bad",
    "exception": "bad",
    "cancelled": "unsure",
    "running": "name",
}


def build_line(build: Build, now: datetime, paint: Paint) -> str:
    """A build as one line: state, group, what of it is known."""
    seconds = build.seconds(now)
    parts = [
        paint(f"{build.state:<9}", _STYLES.get(build.state, "")),
        paint(build.task_id or build.group_id, "name"),
        paint(f"{build.created:%Y-%m-%d %H:%M}" if build.created else "-"),
        paint(duration(seconds) if seconds is not None else "-"),
        paint(" ".join(filter(None, (build.event, build.branch))) or "-"),
        paint(build.commit[:12] or "-"),
        *(
            paint(part)
            for part in (build.who, build.name if build.origin in {"index", "hook"} else "")
            if part
        ),
        *(paint(f"{tag} ({state})") for tag, state in build.tags),
        *((paint(build.digest),) if build.digest else ()),
        *((paint(build.problem, "bad"),) if build.problem else ()),
    ]
    return "  ".join(parts)


def duration(seconds: float) -> str:
    """Seconds as a person reads them: `12 s`, `3 min 05 s`, `2 h 10 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def builds_json(found: BuildList) -> dict[str, Any]:
    """The list as JSON."""
    return {"builds": [build_json(build) for build in found.builds], "unread": list(found.unread)}


def build_json(build: Build) -> dict[str, Any]:
    """A build as JSON."""
    return {
        "origin": build.origin,
        "taskGroupId": build.group_id,
        "taskId": build.task_id or None,
        "state": build.state,
        "name": build.name or None,
        "repository": build.repository or None,
        "event": build.event or None,
        "branch": build.branch or None,
        "commit": build.commit or None,
        "who": build.who or None,
        "created": build.created.isoformat() if build.created else None,
        "ended": build.ended.isoformat() if build.ended else None,
        "tags": dict(build.tags),
        "digest": build.digest or None,
        "problem": build.problem or None,
    }


def change_line(change: TaskChange, paint: Paint) -> str:
    """A task's new state as one line."""
    task, run = change.task, change.task.last_run
    parts = [paint(task.task_id, "name"), paint(task.result, _STYLES.get(task.state, "")), paint(task.name)]
    if run is not None and run.run_id:
        parts.append(paint(f"run {run.run_id} ({run.why_created})", "aside"))
    return "  ".join(parts)


def standing_words(standing: Standing) -> str:
    """How it ended, in words."""
    counts = ", ".join(f"{number} {state}" for state, number in sorted(standing.counts.items()))
    return f"{'succeeded' if standing.is_success else 'did not succeed'}: {counts}"


def standing_json(watched: Watched, standing: Standing) -> dict[str, Any]:
    """The end as JSON."""
    return {
        "taskGroupId": watched.group_id,
        "taskId": watched.task_id,
        "success": standing.is_success,
        "counts": dict(standing.counts),
        "unsuccessful": list(standing.unsuccessful),
    }


def plan_lines(plan: TriggerPlan, paint: Paint) -> Iterator[str]:
    """All that a trigger would do."""
    yield paint(plan.title)
    if plan.hook:
        yield f"  gives it {paint(json.dumps(plan.payload, ensure_ascii=False))}"
    for task in plan.tasks:
        pool = task.definition.get("taskQueueId") or task.definition.get("workerType", "")
        yield f"  creates {paint(task.task_id or 'a task', 'name')}  {paint(task.name)}  on {paint(str(pool))}"
    yield from (f"    with the scope {paint(scope)}" for scope in plan.scopes)
    yield from (f"  effect: {paint(effect, 'unsure')}" for effect in plan.effects)
    yield from (f"  note: {paint(warning)}" for warning in plan.warnings)
    yield from (f"  {paint('it would be refused', 'bad')}: {paint(reason)}" for reason in plan.refusals)
    if plan.lacking is None:
        yield f"  {paint('whether you may cannot be told: you lack auth:current-scopes', 'unsure')}"
    yield from (f"  {paint('you lack', 'bad')} {paint(scope)}" for scope in plan.lacking or ())


def plan_json(plan: TriggerPlan) -> dict[str, Any]:
    """The plan as JSON."""
    return {
        "title": plan.title,
        "tasks": [{"taskId": task.task_id, "task": dict(task.definition)} for task in plan.tasks],
        "hook": plan.hook,
        "payload": dict(plan.payload),
        "scopes": list(plan.scopes),
        "effects": list(plan.effects),
        "warnings": list(plan.warnings),
        "refusals": list(plan.refusals),
        "lacking": None if plan.lacking is None else list(plan.lacking),
        "typed": plan.typed,
    }
