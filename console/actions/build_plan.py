"""Plan a build: from a branch's task file, by a hook, or from an earlier task; nothing is created."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from console.actions.task_render import needs_of, render_task, slug_id
from console.domain.build_plan import PlannedTask, TriggerPlan, again, effects_of, release_of, stamp
from console.domain.hook_sight import HookSight, look_at_hook
from console.domain.planned_pushes import planned_pushes
from console.domain.scopes import satisfies
from console.domain.task_request import lacking_scopes, refusals
from console.failures import MissingScopes, Rejected
from console.services import auth, tasks
from runner.errors import Unavailable, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from console.actions.task_render import Happening
    from console.actions.task_source import TaskSource
    from console.connection import Connection

__all__ = ["plan_hook", "plan_push", "plan_retrigger", "slug_id"]


async def plan_push(connection: Connection, source: TaskSource, happening: Happening) -> TriggerPlan:
    """What would be created if the task file was rendered for an event, as Taskcluster-Github does of a push.

    Args:
        connection: whom to ask what the caller holds.
        source: the commit.
        happening: what happens.

    Raises:
        UsageError: the file does not become tasks.
        RunnerError: as `Taskcluster.call`.
    """
    now = await _now(connection)
    rendered = render_task(
        source.name,
        source.text,
        happening,
        slug=source.slug,
        revision=source.revision,
        root_url=connection.root_url,
        now=now,
        clone_url=source.clone_url,
    )
    made = {task_id: {"created": stamp(now), **task} for task_id, task in rendered.rendering.tasks.items()}
    wrong = [problem.told_of(source.name) for problem in rendered.refusals]
    if not made:
        wrong.append(f"{source.name} makes no task of this event.")
    hooks = rendered.rendering.hooks
    held = await _held(connection)
    pushes = planned_pushes(
        source.settings,
        rendered.file,
        rendered.rendering,
        slug=source.slug,
        revision=source.revision,
        now=now,
    )
    return TriggerPlan(
        title=f"Build {happening.words} of {source.slug} at {source.revision[:12]}",
        tasks=tuple(PlannedTask(task_id, task) for task_id, task in made.items()),
        made=now,
        effects=(*pushes, *_effects(made.values())),
        lacking=None if held is None else needs_of(rendered.rendering, held),
        refusals=tuple(wrong),
        warnings=(
            *((source.note,) if source.note else ()),
            *((f"The file's hooks are not triggered: {', '.join(hooks)}",) if hooks else ()),
            *((rendered.policy,) if rendered.policy else ()),
        ),
        typed=happening.release or happening.tag or next(filter(None, map(release_of, made.values())), None),
    )


async def plan_hook(
    connection: Connection, hook: str, payload: Mapping[str, Any] | None = None
) -> TriggerPlan:
    """What triggering a hook does, as far as its definition may be read.

    Args:
        connection: whom to ask.
        hook: `GROUP/HOOK`.
        payload: what it is given; its schema's defaults are filled in.

    Raises:
        UsageError: `hook` has no slash.
        Absent: there is no such hook.
        RunnerError: as `Taskcluster.call`.
    """
    group, slash, name = hook.partition("/")
    if not slash or not group or not name:
        raise UsageError(f"{hook!r} names no hook.", action="Give GROUP/HOOK.")
    now = await _now(connection)
    held = await _held(connection)
    needed = f"hooks:trigger-hook:{hook}"
    try:
        found = await connection.taskcluster.call("hooks", "hook", group, name)
    except MissingScopes as error:
        seen = HookSight(
            dict(payload or {}), warnings=(f"What the hook creates cannot be shown: {error.what}",)
        )
    else:
        seen = await asyncio.to_thread(look_at_hook, found, payload or {}, now)
    role = await _lacking_of_role(connection, f"hook-id:{hook}", [task.definition for task in seen.tasks])
    return TriggerPlan(
        title=f"Trigger the hook {hook}",
        tasks=seen.tasks,
        made=now,
        effects=_effects(task.definition for task in seen.tasks),
        lacking=None if held is None else (() if satisfies(held, needed) else (needed,)),
        refusals=(*seen.refusals, *role),
        warnings=seen.warnings,
        typed=next(filter(None, (release_of(task.definition) for task in seen.tasks)), None),
        hook=hook,
        payload=seen.payload,
        schema=seen.schema,
    )


async def _lacking_of_role(
    connection: Connection, role: str, definitions: list[Mapping[str, Any]]
) -> tuple[str, ...]:
    """What a hook's own role lacks: its tasks are created with that, whoever triggers it."""
    if not definitions:
        return ()
    try:
        held = await auth.expand(connection.taskcluster, [f"assume:{role}"])
    except (MissingScopes, Rejected, Unavailable):
        return ()
    return tuple(f"role {role} lacks {scope}" for scope in lacking_scopes(definitions, held))


async def plan_retrigger(connection: Connection, task_id: str, *, same_group: bool = False) -> TriggerPlan:
    """A new task like an earlier one.

    Args:
        connection: whom to ask.
        task_id: of the earlier one.
        same_group: whether it goes into that one's group, or begins one of its own.

    Raises:
        Absent: there is no such task.
        RunnerError: as `Taskcluster.call`.
    """
    now = await _now(connection)
    old = await tasks.task(connection.taskcluster, task_id)
    new_id = slug_id()
    try:
        body = again(old.definition or {}, now, task_id=new_id, group_id=old.group_id if same_group else None)
    except (KeyError, TypeError, ValueError) as error:
        raise Unavailable(f"queue tells of task {task_id} in a shape that is not known.") from error
    held = await _held(connection)
    # A task that was to wait for itself, or for its group, would wait for ever.
    warnings = [f"It waits for {len(old.dependencies)} tasks, as the earlier one did."] * bool(
        old.dependencies
    )
    if old.group_id == task_id or not same_group:
        warnings.append("It is in a group of its own: nothing that waits for the earlier task waits for it.")
    return TriggerPlan(
        title=f"Retrigger {old.name} ({task_id})",
        tasks=(PlannedTask(new_id, body),),
        made=now,
        effects=_effects([body]),
        lacking=None if held is None else lacking_scopes([body], held),
        refusals=tuple(reason for reason, _path in refusals(new_id, body, now)),
        warnings=tuple(warnings),
        typed=release_of(body),
    )


def _effects(definitions: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(effect for task in definitions for effect in effects_of(task)))


async def _held(connection: Connection) -> tuple[str, ...] | None:
    try:
        return await auth.current_scopes(connection.taskcluster)
    except MissingScopes:
        return None


async def _now(connection: Connection) -> datetime:
    """The server's time, which is known once it has answered something."""
    if connection.taskcluster.clock_skew is None:
        await connection.taskcluster.call("auth", "ping")
    return datetime.fromtimestamp(connection.taskcluster.time(), UTC)
