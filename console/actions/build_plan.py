"""Plan a build: from a branch's task file, by a hook, or from an earlier task; nothing is created."""

from __future__ import annotations

import base64
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from console.actions.task_render import NO_ROOT_URL, Happening, needs_of, render_task
from console.domain.build_plan import PlannedTask, TriggerPlan, again, effects_of, release_of, stamp
from console.domain.scopes import satisfies
from console.domain.task_request import lacking_scopes, refusals
from console.failures import MissingScopes
from console.services import auth, tasks
from runner.errors import Unavailable, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from console.connection import Connection

__all__ = ["NO_ROOT_URL", "Happening", "plan_hook", "plan_push", "plan_retrigger"]


async def plan_push(
    connection: Connection, name: str, text: str, happening: Happening, *, slug: str, revision: str
) -> TriggerPlan:
    """What would be created if the task file was rendered for an event, as Taskcluster-Github does of a push.

    Args:
        connection: whom to ask what the caller holds.
        name: the file's, for messages.
        text: `.taskcluster.yml`, as the commit has it.
        happening: what happens.
        slug: the repository, `OWNER/NAME`.
        revision: its commit.

    Raises:
        UsageError: the file does not become tasks.
        RunnerError: as `Taskcluster.call`.
    """
    now = await _now(connection)
    rendered = render_task(
        name, text, happening, slug=slug, revision=revision, root_url=connection.root_url, now=now
    )
    made = {task_id: {"created": stamp(now), **task} for task_id, task in rendered.rendering.tasks.items()}
    wrong = [problem.told_of(name) for problem in rendered.refusals]
    if not made:
        wrong.append(f"{name} makes no task of this event.")
    hooks = rendered.rendering.hooks
    held = await _held(connection)
    release = happening.release or happening.tag
    what = happening.branch or release or f"pull request {happening.pull_request}"
    return TriggerPlan(
        title=f"Build {what} of {slug} at {revision[:12]}",
        tasks=tuple(PlannedTask(task_id, task) for task_id, task in made.items()),
        made=now,
        effects=_effects(made.values()),
        lacking=None if held is None else needs_of(rendered.rendering, held),
        refusals=tuple(wrong),
        warnings=(
            *((f"The file's hooks are not triggered: {', '.join(hooks)}",) if hooks else ()),
            *((rendered.policy,) if rendered.policy else ()),
        ),
        typed=release or next(filter(None, map(release_of, made.values())), None),
    )


async def plan_hook(connection: Connection, hook: str, payload: Mapping[str, Any]) -> TriggerPlan:
    """What triggering a hook does, as far as its definition may be read.

    Args:
        connection: whom to ask.
        hook: `GROUP/HOOK`.
        payload: what it is given.

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
    warnings: tuple[str, ...] = ()
    template: Mapping[str, Any] = {}
    try:
        template = (await connection.taskcluster.call("hooks", "hook", group, name)).get("task") or {}
    except MissingScopes as error:
        warnings = (f"What the hook creates cannot be shown: {error.what}",)
    return TriggerPlan(
        title=f"Trigger the hook {hook}",
        tasks=(),
        made=now,
        effects=tuple(effects_of(template)) if isinstance(template, dict) else (),
        lacking=None if held is None else (() if satisfies(held, needed) else (needed,)),
        warnings=warnings,
        typed=release_of(template) if isinstance(template, dict) else None,
        hook=hook,
        payload=dict(payload),
    )


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


def slug_id() -> str:
    """A slug id that does not begin with a dash."""
    raw = bytearray(uuid.uuid4().bytes)
    raw[0] &= 0x7F
    return base64.urlsafe_b64encode(raw)[:22].decode()
