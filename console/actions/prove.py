"""Prove in a real task, on the real pool, that the secret's account may push; nothing is published."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from console.actions.build_plan import plan_push
from console.actions.build_trigger import trigger
from console.actions.build_watch import Watched, watch
from console.domain.build_plan import PlannedTask, effects_of
from console.domain.group_progress import Standing, TaskChange
from console.domain.proof_task import Proof, findings_in, proof_of
from console.domain.task_request import lacking_scopes
from console.failures import Absent, MissingScopes
from console.services import artifacts, auth
from runner.errors import Unavailable
from runner.task.report import PLAN_NAME

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from console.actions.build_watch import WatchPace
    from console.actions.task_render import Happening
    from console.connection import Connection
    from console.domain.build_plan import TriggerPlan

_LONGEST: Final = 1 << 20


async def plan_proof(
    connection: Connection, name: str, text: str, happening: Happening, *, slug: str, revision: str
) -> TriggerPlan:
    """The tasks that would prove what an event's tasks will do; see `plan_push` for the arguments.

    Raises:
        UsageError: the file does not become tasks.
        RunnerError: as `Taskcluster.call`.
    """
    plan = await plan_push(connection, name, text, happening, slug=slug, revision=revision)
    proofs = [
        PlannedTask(task.task_id, proof)
        for task in plan.tasks
        if (proof := proof_of({**task.definition, "taskGroupId": task.task_id})) is not None
    ]
    try:
        held = await auth.current_scopes(connection.taskcluster)
    except MissingScopes:
        held = None
    bodies = [proof.definition for proof in proofs]
    none = (f"No task that {name} makes of this event runs `lading-runner publish`.",)
    return replace(
        plan,
        title=f"Prove that {slug} at {revision[:12]} may publish",
        tasks=tuple(proofs),
        effects=tuple(dict.fromkeys(effect for body in bodies for effect in effects_of(body))),
        lacking=None if held is None else lacking_scopes(bodies, held),
        refusals=plan.refusals if proofs or plan.refusals else none,
        typed=None,
    )


async def prove(
    connection: Connection, plan: TriggerPlan, pace: WatchPace | None = None
) -> AsyncGenerator[TaskChange | Proof, None]:
    """Create the tasks, tell each change, and at each one's end what it found.

    Raises:
        Refused: scopes are lacking; nothing was created.
        RunnerError: as `trigger` and `watch`.
    """
    done = await trigger(connection, plan)
    for task_id in done.task_ids:
        result = ""
        async with aclosing(watch(connection, Watched(task_id, task_id), pace)) as changes:
            async for change in changes:
                if isinstance(change, Standing):
                    break
                result = change.task.result
                yield change
        yield await _proof(connection, task_id, result)


async def _proof(connection: Connection, task_id: str, result: str) -> Proof:
    """A plan exits with its first problem's code, so that the task's own result does not tell."""
    taskcluster = connection.taskcluster
    try:
        async for artifact in artifacts.listed(taskcluster, task_id):
            if artifact.name.startswith("public/") and artifact.name.endswith(f"/{PLAN_NAME}"):
                content = await artifacts.content(
                    taskcluster, task_id, artifact.run_id, artifact.name, most=_LONGEST
                )
                return Proof(task_id, findings_in(content))
    except (Absent, Unavailable, ValueError) as error:
        return Proof(task_id, (), f"What it found cannot be read: {error}")
    return Proof(task_id, (), f"The task ended as {result} and left no {PLAN_NAME}: its log says why.")
