"""Prove in a real task, on the real pool, that the secret's account may push; nothing is published."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from console.actions.build_plan import plan_push
from console.actions.build_trigger import trigger
from console.actions.build_watch import Watched, watch
from console.actions.doctor_checkout import read_checkout
from console.actions.doctor_facts import pool_of as pool_facts
from console.actions.task_render import Happening
from console.actions.task_source import source_of
from console.domain.build_plan import PlannedTask, effects_of
from console.domain.group_progress import TaskChange
from console.domain.proof_task import Proof, findings_in, proof_of
from console.domain.scopes import satisfies
from console.domain.task_request import lacking_scopes, pool_of
from console.domain.tasks import texts
from console.failures import Absent, MissingScopes
from console.services import artifacts, auth
from runner.errors import Unavailable, UsageError
from runner.task.report import PLAN_NAME

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator
    from pathlib import Path

    from console.actions.build_watch import WatchPace
    from console.actions.doctor_checkout import ReadCheckout
    from console.connection import Connection
    from console.domain.build_plan import TriggerPlan
    from console.domain.group_progress import Standing

_LONGEST: Final = 1 << 20
# A worker that has to be started first takes minutes.
PATIENCE: Final = 600.0
_WAITING: Final = frozenset({"unscheduled", "pending"})


async def plan_proof(connection: Connection, read: ReadCheckout) -> TriggerPlan:
    """The tasks that would prove what an event's tasks will do.

    Raises:
        UsageError: there is no task file, or it does not become tasks.
        Unavailable: no worker would take them.
        RunnerError: as `Taskcluster.call`.
    """
    source = await asyncio.to_thread(source_of, read, connection.root_url)
    plan = await plan_push(connection, source, read.happening)
    proofs = [
        PlannedTask(task.task_id, proof)
        for task in plan.tasks
        if (proof := proof_of({**task.definition, "taskGroupId": task.task_id})) is not None
    ]
    none = (f"No task that {source.name} makes of this event runs `lading-runner publish`.",)
    plan = replace(plan, refusals=plan.refusals if proofs or plan.refusals else none)
    return await _proving(connection, plan, read, proofs)


async def plan_secret_proof(connection: Connection, folder: Path, path: str, secret: str) -> TriggerPlan:
    """The task that proves a secret which was just changed: of the first branch whose push reads it.

    Args:
        connection: where the task would be created.
        folder: a checkout of the repository that the secret is of, or a folder in it.
        path: where git is looked for, as PATH names it.
        secret: its name.

    Raises:
        UsageError: the folder is no checkout, or no push of it reads the secret in a task that can be made to plan.
        Unavailable: no worker would take it.
        RunnerError: as `Taskcluster.call`.
    """
    around = next((place for place in (folder, *folder.parents) if (place / ".git").exists()), folder)
    read = await asyncio.to_thread(read_checkout, around, path, None, None)
    for branch in await asyncio.to_thread(_branches, read):
        each = replace(read, happening=Happening(branch=branch))
        each = replace(each, revision=read.checkout.commit_of(each.ref) or read.revision)
        plan = await plan_push(
            connection, await asyncio.to_thread(source_of, each, connection.root_url), each.happening
        )
        proofs = [
            PlannedTask(task.task_id, proof)
            for task in plan.tasks
            if satisfies(texts(task.definition, "scopes"), f"secrets:get:{secret}")
            and (proof := proof_of({**task.definition, "taskGroupId": task.task_id})) is not None
        ]
        if proofs:
            return await _proving(connection, plan, each, proofs)
    raise UsageError(
        f"No push to a branch of {read.slug} reads {secret} and runs `lading-runner publish`.",
        action="Where a release does: lading doctor --prove --release TAG",
    )


def _branches(read: ReadCheckout) -> list[str]:
    """The branch that is checked out, the remote's own, and what such are called: what was pushed first."""
    named = (read.happening.branch, *read.branches[:1], "main", "master")
    known = dict.fromkeys(branch for branch in named if branch)
    return sorted(known, key=lambda branch: read.checkout.commit_of(f"refs/remotes/origin/{branch}") is None)


async def _proving(
    connection: Connection, plan: TriggerPlan, read: ReadCheckout, proofs: list[PlannedTask]
) -> TriggerPlan:
    bodies = [proof.definition for proof in proofs]
    for pool in dict.fromkeys(map(pool_of, bodies)):
        await _demand_worker(connection, pool)
    try:
        held = await auth.current_scopes(connection.taskcluster)
    except MissingScopes:
        held = None
    what = f"{read.slug} at {read.revision[:12]}"
    return replace(
        plan,
        title=f"Prove that {what} may publish",
        tasks=tuple(proofs),
        effects=tuple(dict.fromkeys(effect for body in bodies for effect in effects_of(body))),
        lacking=None if held is None else lacking_scopes(bodies, held),
        typed=None,
    )


async def _demand_worker(connection: Connection, pool: str) -> None:
    """A task that no worker takes would be waited for in vain."""
    found = await pool_facts(connection, pool)
    if found.workers == 0 and found.managed is False:
        raise Unavailable(
            f"No worker of {pool} has asked for tasks, and none would be started.",
            action="Start one, or name another pool in .taskcluster.yml.",
        )


async def prove(
    connection: Connection, plan: TriggerPlan, pace: WatchPace | None = None, patience: float = PATIENCE
) -> AsyncGenerator[TaskChange | Proof, None]:
    """Create the tasks, tell each change, and at each one's end what it found.

    Args:
        connection: where.
        plan: by one of the functions above.
        pace: how often is asked.
        patience: seconds that a task may wait for a worker.

    Raises:
        Refused: scopes are lacking; nothing was created.
        RunnerError: as `trigger` and `watch`.
    """
    done = await trigger(connection, plan)
    for task_id in done.task_ids:
        result = ""
        async with aclosing(watch(connection, Watched(task_id, task_id), pace)) as changes:
            end = asyncio.get_running_loop().time() + patience
            while (
                change := await _next(changes, None if result not in {"", *_WAITING} else end)
            ) is not None:
                if not isinstance(change, TaskChange):
                    break
                result = change.task.result
                yield change
        if change is None:
            yield Proof(task_id, (), f"No worker took it within {patience:.0f} s; it still waits for one.")
        else:
            yield await _proof(connection, task_id, result)


async def _next(
    changes: AsyncIterator[TaskChange | Standing], end: float | None
) -> TaskChange | Standing | None:
    """The next change, or None where there is none until `end`, by the loop's clock."""
    try:
        async with asyncio.timeout_at(end):
            return await anext(changes)
    except TimeoutError:
        return None


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
