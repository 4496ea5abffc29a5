"""queue: what it remembers of queues and workers, and the quarantine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from console.sandbox.failures import not_found
from console.sandbox.moments import DAY, canonical, iso, parse
from console.sandbox.paging import by_offset
from console.sandbox.services.queue_model import PATTERNS, SERVICE
from console.sandbox.validation import DATE, Members, Text

if TYPE_CHECKING:
    import sqlite3

    from console.sandbox.call import Call

_QUARANTINE: Final = Members(
    of={"quarantineUntil": DATE, "quarantineInfo": Text(most=4000)}, required=("quarantineUntil",)
)
_PLACE: Final = "<provisionerId>/<workerType>"
_WORKER: Final = f"{_PLACE}/<workerGroup>/<workerId>"


def _queue(row: sqlite3.Row) -> dict[str, Any]:
    provisioner, _, worker_type = row["queue_id"].partition("/")
    names = {"provisionerId": provisioner, "workerType": worker_type, "taskQueueId": row["queue_id"]}
    seen = {"expires": row["expires"], "lastDateActive": row["last_active"]}
    return {**names, "stability": "experimental", "description": "", **seen}


def _queues(call: Call) -> list[sqlite3.Row]:
    return call.deployment.store.all("select * from seen_queues order by queue_id")


def _one_queue(call: Call, queue_id: str, what: str) -> dict[str, Any]:
    row = call.deployment.store.one("select * from seen_queues where queue_id = ?", queue_id)
    if row is None:
        raise not_found(f"{what} not found")
    return _queue(row)


def _provisioners(call: Call) -> dict[str, dict[str, Any]]:
    """The last activity in any of its queues is a provisioner's."""
    found: dict[str, dict[str, Any]] = {}
    for queue in sorted(map(_queue, _queues(call)), key=lambda queue: str(queue["lastDateActive"])):
        told = ("provisionerId", "stability", "description", "expires", "lastDateActive")
        found[queue["provisionerId"]] = {name: queue[name] for name in told}
    return found


@SERVICE.endpoint("listTaskQueues", scopes="queue:list-task-queues")
async def task_queues(call: Call) -> Any:
    """All that a worker asked for work."""
    page, token = by_offset(_queues(call), call.query)
    return {"taskQueues": [_queue(row) for row in page], **token}


@SERVICE.endpoint(
    "getTaskQueue", scopes="queue:get-task-queue:<taskQueueId>", patterns=PATTERNS, splats=("taskQueueId",)
)
async def task_queue(call: Call) -> Any:
    """One of them."""
    queue_id = call.params["taskQueueId"]
    return _one_queue(call, queue_id, f"Task queue `{queue_id}`")


@SERVICE.endpoint("listProvisioners", scopes="queue:list-provisioners")
async def provisioners(call: Call) -> Any:
    """The first halves of the queues' names."""
    page, token = by_offset(list(_provisioners(call).values()), call.query)
    return {"provisioners": page, **token}


@SERVICE.endpoint("getProvisioner", scopes="queue:get-provisioner:<provisionerId>")
async def provisioner(call: Call) -> Any:
    """One of them."""
    name = call.params["provisionerId"]
    found = _provisioners(call).get(name)
    if found is None:
        raise not_found(f"Provisioner `{name}` not found")
    return found


@SERVICE.endpoint("listWorkerTypes", scopes="queue:list-worker-types:<provisionerId>")
async def worker_types(call: Call) -> Any:
    """The queues of a provisioner."""
    queues = [
        queue
        for queue in map(_queue, _queues(call))
        if queue["provisionerId"] == call.params["provisionerId"]
    ]
    page, token = by_offset(queues, call.query)
    return {"workerTypes": page, **token}


@SERVICE.endpoint("getWorkerType", scopes=f"queue:get-worker-type:{_PLACE}")
async def worker_type(call: Call) -> Any:
    """One of them."""
    queue_id = f"{call.params['provisionerId']}/{call.params['workerType']}"
    return _one_queue(call, queue_id, f"Worker type `{queue_id}`")


@SERVICE.endpoint("listWorkers", scopes=f"queue:list-workers:{_PLACE}")
async def workers(call: Call) -> Any:
    """Those that claimed from the queue."""
    rows = call.deployment.store.all(
        "select * from workers where queue_id = ? order by worker_group, worker_id",
        f"{call.params['provisionerId']}/{call.params['workerType']}",
    )
    wanted = call.query.get("quarantined")
    if wanted is not None:
        now = call.deployment.time()
        rows = [row for row in rows if ((row["quarantine_until"] or "") > now) is (wanted == "true")]
    page, token = by_offset(rows, call.query)
    return {"workers": [_in_list(row) for row in page], **token}


def _in_list(row: sqlite3.Row) -> dict[str, Any]:
    recent = json.loads(row["recent_tasks"])
    told = {
        "workerGroup": row["worker_group"],
        "workerId": row["worker_id"],
        "firstClaim": row["first_claim"],
        "lastDateActive": row["last_active"],
    }
    told |= {"latestTask": recent[-1]} if recent else {}
    return told | ({"quarantineUntil": row["quarantine_until"]} if row["quarantine_until"] else {})


def _place(call: Call) -> tuple[str, str, str]:
    params = call.params
    return f"{params['provisionerId']}/{params['workerType']}", params["workerGroup"], params["workerId"]


def _worker(call: Call) -> dict[str, Any]:
    row = call.deployment.store.one(
        "select * from workers where queue_id = ? and worker_group = ? and worker_id = ?", *_place(call)
    )
    if row is None:
        raise not_found("Worker not found")
    listed = _in_list(row)
    listed.pop("latestTask", None)
    names = {name: call.params[name] for name in ("provisionerId", "workerType")}
    recent = json.loads(row["recent_tasks"])
    return {
        **names,
        "taskQueueId": row["queue_id"],
        **listed,
        "expires": iso(parse(row["last_active"]) + DAY),
        "recentTasks": recent,
    }


@SERVICE.endpoint("getWorker", scopes=f"queue:get-worker:{_WORKER}")
async def worker(call: Call) -> Any:
    """One of them, with what it claimed last."""
    return _worker(call)


@SERVICE.endpoint(
    "quarantineWorker",
    scopes={"AllOf": [f"queue:quarantine-worker:{_WORKER}"]},
    takes=_QUARANTINE,
    schema="queue/v1/quarantine-worker-request.json#",
)
async def quarantine(call: Call) -> Any:
    """No work for it until then; a time in the past lifts it."""
    call.deployment.store.run(
        "update workers set quarantine_until = ? where queue_id = ? and worker_group = ? and worker_id = ?",
        *(canonical(call.payload["quarantineUntil"]), *_place(call)),
    )
    return _worker(call)
