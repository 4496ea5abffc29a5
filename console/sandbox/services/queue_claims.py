"""queue: workers claim tasks and renew their claims."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from console.sandbox.deployment import QUEUE_CLIENT, dump
from console.sandbox.failures import conflict, not_found
from console.sandbox.moments import DAY, MINUTE, iso, milliseconds, parse
from console.sandbox.services.queue_model import (
    PATTERNS,
    PRIORITIES,
    SERVICE,
    Task,
    from_row,
    load,
    run_of,
    save,
)
from console.sandbox.temporary import issue
from console.sandbox.validation import IDENTIFIER, Members, Number, Shape, Text

if TYPE_CHECKING:
    from datetime import datetime

    from console.sandbox.call import Call
    from console.sandbox.deployment import Deployment

CLAIM: Final = timedelta(minutes=20)
_RECENT: Final = 20
_NOTED_AGAIN: Final = 30 * MINUTE

_WORKER: Final[dict[str, Shape]] = {
    "workerGroup": Text(pattern=IDENTIFIER, least=1, most=38),
    "workerId": Text(pattern=IDENTIFIER, least=1, most=38),
}
_CLAIM_WORK: Final = Members(
    of={"tasks": Number(integer=True, least=1, most=32, default=1), **_WORKER},
    required=("workerGroup", "workerId"),
)
_CLAIM_TASK: Final = Members(of=_WORKER, required=("workerGroup", "workerId"))


def task_credentials(deployment: Deployment, task: Task, run: dict[str, Any], until: datetime) -> Any:
    """What a run may: renew and resolve itself, add artifacts, and the scopes of its task."""
    run_name = f"{task.task_id}/{run['runId']}"
    seconds = f"{milliseconds(until) / 1000:.3f}".rstrip("0").rstrip(".")
    return issue(
        deployment,
        QUEUE_CLIENT,
        f"task-client/{run_name}/on/{run['workerGroup']}/{run['workerId']}/until/{seconds}",
        [
            f"queue:reclaim-task:{run_name}",
            f"queue:resolve-task:{run_name}",
            f"queue:create-artifact:{run_name}",
            *task.definition["scopes"],
        ],
        start=deployment.now(),
        expiry=until,
    )


def _claimed(deployment: Deployment, task: Task, run: dict[str, Any]) -> dict[str, Any]:
    until = parse(run["takenUntil"])
    return {
        "status": task.status(),
        "runId": run["runId"],
        "workerGroup": run["workerGroup"],
        "workerId": run["workerId"],
        # The queue writes this zone in claims, and `Z` everywhere else.
        "takenUntil": iso(until).replace("Z", "+00:00"),
        "task": task.definition,
        "credentials": task_credentials(deployment, task, run, until),
    }


def _take(deployment: Deployment, task: Task, group: str, worker: str) -> dict[str, Any]:
    now = deployment.now()
    run = task.runs[-1]
    run.update(state="running", workerGroup=group, workerId=worker)
    run.update(takenUntil=iso(now + CLAIM), started=iso(now))
    save(deployment, task)
    _seen(deployment, task.queue_id, group, worker, {"taskId": task.task_id, "runId": run["runId"]})
    return _claimed(deployment, task, run)


def _seen(
    deployment: Deployment, queue_id: str, group: str, worker: str, task: dict[str, Any] | None = None
) -> bool:
    """Note that the worker is alive; returns whether it is in quarantine."""
    store, now = deployment.store, deployment.time()
    row = store.one(
        "select * from workers where queue_id = ? and worker_group = ? and worker_id = ?",
        *(queue_id, group, worker),
    )
    first, until, recent = (
        (row["first_claim"], row["quarantine_until"], json.loads(row["recent_tasks"]))
        if row
        else (now, None, [])
    )
    if task is not None:
        recent = [*recent, task][-_RECENT:]
    store.run(
        "insert or replace into workers values (?, ?, ?, ?, ?, ?, ?)",
        *(queue_id, group, worker, first, now, until, dump(recent)),
    )
    return until is not None and until > now


def _queue_seen(deployment: Deployment, queue_id: str, lasting: timedelta) -> None:
    """Remember a queue for so long; noted again half an hour later at the earliest."""
    now = deployment.now()
    deployment.store.run(
        "insert into seen_queues values (?, ?, ?) on conflict (queue_id) do update"
        " set last_active = excluded.last_active, expires = excluded.expires where last_active <= ?",
        *(queue_id, iso(now), iso(now + lasting), iso(now - _NOTED_AGAIN)),
    )


@SERVICE.endpoint(
    "claimWork",
    takes=_CLAIM_WORK,
    schema="queue/v1/claim-work-request.json#",
    patterns=PATTERNS,
    splats=("taskQueueId",),
)
async def claim_work(call: Call) -> Any:
    """Up to so many tasks, the highest priority first; waits for one if there is none."""
    deployment, queue_id = call.deployment, call.params["taskQueueId"]
    group, worker = call.payload["workerGroup"], call.payload["workerId"]
    call.authorize({"AllOf": [f"queue:claim-work:{queue_id}", f"queue:worker-id:{group}/{worker}"]})
    is_quarantined = _seen(deployment, queue_id, group, worker)
    _queue_seen(deployment, queue_id, DAY)
    ends = deployment.monotonic() + deployment.long_poll
    while True:
        rows = [] if is_quarantined else _pending(deployment, queue_id)
        if rows:
            taken = rows[: call.payload["tasks"]]
            return {"tasks": [_take(deployment, from_row(row), group, worker) for row in taken]}
        left = ends - deployment.monotonic()
        if left <= 0:
            return {"tasks": []}
        await deployment.arrivals.wait(queue_id, left)
        if call.is_gone() or deployment.arrivals.is_closed:
            # Nobody would run what were claimed now.
            return {"tasks": []}


def _pending(deployment: Deployment, queue_id: str) -> list[Any]:
    rows = deployment.store.all(
        "select * from tasks where queue_id = ? and state = 'pending' and deadline > ?",
        *(queue_id, deployment.time()),
    )
    return sorted(rows, key=lambda row: (PRIORITIES.index(row["priority"]), row["pending_since"]))


@SERVICE.endpoint(
    "claimTask", takes=_CLAIM_TASK, schema="queue/v1/task-claim-request.json#", patterns=PATTERNS
)
async def claim_task(call: Call) -> Any:
    """This very run; again by the same worker is answered again."""
    deployment, task_id, run_id = call.deployment, call.params["taskId"], int(call.params["runId"])
    group, worker = call.payload["workerGroup"], call.payload["workerId"]
    task = load(deployment.store, task_id)
    if task is None:
        raise not_found(f"Task `{task_id}` not found. Are you sure it was created?")
    call.authorize({"AllOf": [f"queue:claim-task:{task.queue_id}", f"queue:worker-id:{group}/{worker}"]})
    run = run_of(task, run_id)
    if task.deadline < deployment.now():
        raise conflict(
            f"Task `{task_id}` can't be claimed past its deadline of {task.definition['deadline']}."
        )
    _queue_seen(deployment, task.queue_id, 5 * DAY)
    if run["state"] == "pending":
        return _take(deployment, task, group, worker)
    if (run["state"], run.get("workerGroup"), run.get("workerId")) != ("running", group, worker):
        raise conflict(f"Run {run_id} was already claimed by another worker.")
    _seen(deployment, task.queue_id, group, worker, {"taskId": task_id, "runId": run_id})
    return _claimed(deployment, task, run)


@SERVICE.endpoint("reclaimTask", scopes="queue:reclaim-task:<taskId>/<runId>", patterns=PATTERNS)
async def reclaim_task(call: Call) -> Any:
    """Another twenty minutes, with new credentials; the refusal is how a worker learns of a cancellation."""
    deployment, task_id, run_id = call.deployment, call.params["taskId"], int(call.params["runId"])
    task = load(deployment.store, task_id)
    if task is None:
        raise not_found(f"Task `{task_id}` not found. Are you sure it was created?")
    run = run_of(task, run_id)
    if task.deadline < deployment.now():
        raise conflict(
            f"Task `{task_id}` can't be reclaimed past its deadline of {task.definition['deadline']}."
        )
    if run["state"] != "running":
        raise conflict(f"Run {run_id} on task `{task_id}` is resolved or not running.")
    until = deployment.now() + CLAIM
    run["takenUntil"] = iso(until)
    save(deployment, task)
    return {
        "status": task.status(),
        "runId": run_id,
        "workerGroup": run["workerGroup"],
        "workerId": run["workerId"],
        "takenUntil": run["takenUntil"],
        "credentials": task_credentials(deployment, task, run, until),
    }
