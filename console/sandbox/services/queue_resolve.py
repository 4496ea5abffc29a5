"""queue: runs end, by their worker's word or because time has passed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from console.sandbox.checks import is_json
from console.sandbox.failures import ApiError, conflict, not_found
from console.sandbox.moments import MINUTE, SECOND, iso
from console.sandbox.services import queue_dependencies
from console.sandbox.services.queue_model import PATTERNS, SERVICE, Task, from_row, load, run_of, save
from console.sandbox.validation import Members, Text

if TYPE_CHECKING:
    from console.sandbox.call import Call
    from console.sandbox.deployment import Deployment

CLAIM_GRACE: Final = 5 * SECOND
"""How long after `takenUntil` the queue waits before it gives a run up; measured 5.0 to 5.5 s."""
DEADLINE_GRACE: Final = MINUTE

_RETRIES: Final = {"worker-shutdown": "retry", "intermittent-task": "task-retry", "claim-expired": "retry"}
_REASONS: Final = (
    *("worker-shutdown", "malformed-payload", "resource-unavailable", "internal-error"),
    "intermittent-task",
)
_EXCEPTION: Final = Members(of={"reason": Text(one_of=_REASONS)}, required=("reason",))
_RESOLVE: Final = {"scopes": "queue:resolve-task:<taskId>/<runId>", "patterns": PATTERNS}


def _task(call: Call, question: str) -> Task:
    task = load(call.deployment.store, call.params["taskId"])
    if task is None:
        raise not_found(f"Task `{call.params['taskId']}` not found. {question}")
    return task


def ended(deployment: Deployment, task: Task) -> None:
    """Store a task that was resolved, and do what follows from it."""
    save(deployment, task)
    if task.is_resolved:
        queue_dependencies.resolved(deployment, task)
        if task.state == "completed":
            for listener in deployment.on_completed:
                listener(deployment, task)


def _report(call: Call, state: str) -> Any:
    task = _task(call, "Are you sure it was created?")
    run_id = int(call.params["runId"])
    run = run_of(task, run_id)
    if run["state"] not in {"running", state}:
        raise conflict(f"Run {run_id} of task `{task.task_id}` is not running or {state}.")
    if run_id != len(task.runs) - 1:
        raise _over(task, run_id)
    if run["state"] == "running":
        task.resolve(state, state, call.deployment.time())
        ended(call.deployment, task)
    return {"status": task.status()}


def _over(task: Task, run_id: int) -> ApiError:
    return conflict(f"Run {run_id} on task `{task.task_id}` is resolved or not running.")


@SERVICE.endpoint("reportCompleted", **_RESOLVE)
async def completed(call: Call) -> Any:
    """It worked; the same again is answered again. A body that says `success: false` makes it a failure."""
    body = json.loads(call.content) if call.content and is_json(call.content_type) else {}
    has_failed = isinstance(body, dict) and body.get("success") is False
    return _report(call, "failed" if has_failed else "completed")


@SERVICE.endpoint("reportFailed", **_RESOLVE)
async def failed(call: Call) -> Any:
    """It ran and did not work."""
    return _report(call, "failed")


@SERVICE.endpoint(
    "reportException", takes=_EXCEPTION, schema="queue/v1/task-exception-request.json#", **_RESOLVE
)
async def exception(call: Call) -> Any:
    """It could not be run; some reasons are worth another run."""
    task = _task(call, "Are you sure it exists?")
    run_id, reason = int(call.params["runId"]), call.payload["reason"]
    run = run_of(task, run_id)
    if run.get("reasonResolved") == reason:
        return {"status": task.status()}
    if run["state"] != "running" or run_id != len(task.runs) - 1:
        raise _over(task, run_id)
    _give_up(call.deployment, task, reason)
    return {"status": task.status()}


def _give_up(deployment: Deployment, task: Task, reason: str) -> None:
    now = deployment.time()
    task.resolve("exception", reason, now)
    if reason in _RETRIES and task.retries_left > 0:
        task.retries_left -= 1
        task.schedule(_RETRIES[reason], now)
    ended(deployment, task)


def pass_time(deployment: Deployment) -> None:
    """Resolve what has run out: claims that were not renewed, then tasks past their deadline."""
    now = deployment.now()
    with deployment.store.transaction():
        for row in deployment.store.all(
            "select * from tasks where taken_until < ? and state = 'running'", iso(now - CLAIM_GRACE)
        ):
            _give_up(deployment, from_row(row), "claim-expired")
        for row in deployment.store.all(
            "select * from tasks where deadline < ? and state in ('unscheduled', 'pending', 'running')",
            iso(now - DEADLINE_GRACE),
        ):
            task = from_row(row)
            task.resolve("exception", "deadline-exceeded", deployment.time())
            ended(deployment, task)
