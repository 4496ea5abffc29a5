"""Do what a plan says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from console.domain.build_plan import KEEPS
from console.failures import Absent, Unconfirmed
from runner.errors import Conflict, Refused, RunnerError, UsageError

if TYPE_CHECKING:
    from console.connection import Connection
    from console.domain.build_plan import PlannedTask, TriggerPlan


@dataclass(frozen=True, slots=True)
class Triggered:
    """What was created.

    Args:
        group_id: the group to watch, or "" where a hook created nothing.
        task_ids: the tasks.
    """

    group_id: str
    task_ids: tuple[str, ...]


async def trigger(connection: Connection, plan: TriggerPlan) -> Triggered:
    """Create a plan's tasks, or trigger its hook.

    A task is sent with the same id and the same bytes however often it takes: the queue then creates it once.

    Raises:
        UsageError: the plan cannot be done, or is too old.
        Refused: scopes are lacking; nothing was created.
        Conflict: the queue knows another task of that id, or its group is sealed.
        Unconfirmed: it was sent, and whether it was done is not known.
        RunnerError: as `Taskcluster.call`.
    """
    _check(plan, datetime.fromtimestamp(connection.taskcluster.time(), UTC))
    if plan.hook is not None:
        return await _hook(connection, plan)
    created: list[str] = []
    for task in plan.tasks:
        try:
            await _create(connection, task)
        except RunnerError as error:
            if created:
                error.cause = f"{error.cause} These were created before: {', '.join(created)}.".strip()
            raise
        created.append(task.task_id)
    groups = [str(task.definition.get("taskGroupId", task.task_id)) for task in plan.tasks]
    return Triggered(max(groups, key=groups.count), tuple(created))


def _check(plan: TriggerPlan, now: datetime) -> None:
    if plan.refusals or not (plan.tasks or plan.hook):
        raise UsageError(
            f"{plan.title}: this cannot be done. {' '.join(plan.refusals)}".strip(),
            action="Nothing was created.",
        )
    if plan.lacking:
        raise Refused(
            f"{plan.title}: you lack {', '.join(plan.lacking)}.",
            cause="Nothing was created.",
            action="Ask an administrator for it, or sign in with a client that has it.",
        )
    if now - plan.made > KEEPS:
        raise UsageError(
            f"This plan is of {plan.made:%H:%M} UTC, and the queue takes no task that old.",
            action="Plan it again.",
        )


async def _create(connection: Connection, task: PlannedTask) -> None:
    try:
        await connection.taskcluster.call("queue", "createTask", task.task_id, payload=dict(task.definition))
    except (Unconfirmed, Conflict):
        # In a group that was sealed meanwhile even the same task is refused: what is there decides.
        if not await _is_there(connection, task):
            raise


async def _is_there(connection: Connection, task: PlannedTask) -> bool:
    try:
        found = await connection.taskcluster.call("queue", "task", task.task_id)
    except Absent:
        return False
    keys = ("created", "deadline", "payload", "metadata", "taskGroupId")
    return all(found.get(key) == task.definition.get(key) for key in keys)


async def _hook(connection: Connection, plan: TriggerPlan) -> Triggered:
    group, _, name = str(plan.hook).partition("/")
    answer = await connection.taskcluster.call(
        "hooks", "triggerHook", group, name, payload=dict(plan.payload)
    )
    task_id = (answer or {}).get("taskId")
    if not isinstance(task_id, str):
        return Triggered("", ())
    status = await connection.taskcluster.call("queue", "status", task_id)
    return Triggered(str(status["status"]["taskGroupId"]), (task_id,))
