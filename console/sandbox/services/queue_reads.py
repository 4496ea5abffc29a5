"""queue: what can be read of tasks, groups and queues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from console.sandbox.failures import not_found
from console.sandbox.paging import MOST, by_key, by_offset, key_token, last_key, page_length
from console.sandbox.services.queue_model import PATTERNS, SERVICE, Task, from_row, load
from console.sandbox.store import collation
from console.sandbox.validation import Listing, Members, Text

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from console.sandbox.call import Call

_IDS: Final = Members(of={"taskIds": Listing(of=Text())})


def _task(call: Call, question: str) -> Task:
    task = load(call.deployment.store, call.params["taskId"])
    if task is None:
        task_id = call.params["taskId"]
        raise not_found(f"`{task_id}` does not correspond to a task that exists.\n{question}")
    return task


@SERVICE.endpoint("task", scopes="queue:get-task:<taskId>", patterns=PATTERNS)
async def definition(call: Call) -> Any:
    """The definition, which does not hold the task's id."""
    return _task(call, "Are you sure this task has already been submitted?").definition


@SERVICE.endpoint("status", scopes="queue:status:<taskId>", patterns=PATTERNS)
async def status(call: Call) -> Any:
    """State and runs."""
    return {"status": _task(call, "Are you sure this task exists?").status()}


def _several(call: Call, scope: str) -> tuple[list[Task], dict[str, str]]:
    task_ids = call.payload.get("taskIds", [])
    call.authorize({"AllOf": [f"{scope}:{task_id}" for task_id in task_ids]})
    found = [load(call.deployment.store, task_id) for task_id in dict.fromkeys(task_ids)]
    tasks = sorted((task for task in found if task), key=lambda task: collation(task.task_id))
    return by_offset(tasks, call.query)


@SERVICE.endpoint("tasks", takes=_IDS, schema="queue/v1/tasks-request.json#")
async def definitions(call: Call) -> Any:
    """Of those of the tasks that exist."""
    tasks, token = _several(call, "queue:get-task")
    return {"tasks": [{"taskId": task.task_id, "task": task.definition} for task in tasks], **token}


@SERVICE.endpoint("statuses", takes=_IDS, schema="queue/v1/tasks-request.json#")
async def statuses(call: Call) -> Any:
    """Of those of the tasks that exist."""
    tasks, token = _several(call, "queue:status")
    return {"statuses": [{"taskId": task.task_id, "status": task.status()} for task in tasks], **token}


def _with_status(task: Task) -> dict[str, Any]:
    return {"status": task.status(), "task": task.definition}


@SERVICE.endpoint("listDependentTasks", scopes="queue:list-dependent-tasks:<taskId>", patterns=PATTERNS)
async def dependents(call: Call) -> Any:
    """The tasks that wait, or waited, for this one."""
    store, task_id = call.deployment.store, call.params["taskId"]
    if load(store, task_id) is None:
        raise not_found(f"Task `{task_id}` not found. Are you sure it exists?")
    rows = store.all(
        "select * from tasks where task_id in (select dependent from dependencies where required = ?)",
        task_id,
    )
    tasks = sorted(map(from_row, rows), key=lambda task: collation(task.task_id))
    page, token = by_offset(tasks, call.query)
    return {"taskId": task_id, "tasks": [_with_status(task) for task in page], **token}


def group_row(call: Call) -> sqlite3.Row:
    """The group that the path names.

    Raises:
        ApiError: 404.
    """
    group_id = call.params["taskGroupId"]
    row = call.deployment.store.one("select * from task_groups where group_id = ?", group_id)
    if row is None:
        raise not_found(f"No task-group with taskGroupId: `{group_id}`")
    return row


def group_answer(row: sqlite3.Row) -> dict[str, Any]:
    """What is told of a group."""
    answer = {
        "taskGroupId": row["group_id"],
        "schedulerId": row["scheduler_id"],
        "expires": row["expires"],
    }
    return {**answer, "sealed": row["sealed"]} if row["sealed"] else answer


def group_tasks(call: Call) -> Iterator[Task]:
    """The group's tasks, in the order in which the queue lists them: by id, as people collate.

    They are read a thousand at a time: a group may have fifty times as many.
    """
    after = ""
    while tasks := _group_page(call, after, MOST):
        yield from tasks
        after = tasks[-1].task_id


def _group_page(call: Call, after: str, count: int) -> list[Task]:
    # The first condition is what the index is searched by, the second what it leaves.
    rows = call.deployment.store.all(
        "select * from tasks where group_id = ? and collated(task_id) >= collated(?)"
        " and (collated(task_id) > collated(?) or task_id > ?)"
        " order by collated(task_id), task_id limit ?",
        *(call.params["taskGroupId"], after, after, after, count),
    )
    return [from_row(row) for row in rows]


@SERVICE.endpoint("getTaskGroup", scopes="queue:list-task-group:<taskGroupId>", patterns=PATTERNS)
async def group(call: Call) -> Any:
    """The group, without its tasks."""
    return group_answer(group_row(call))


@SERVICE.endpoint("listTaskGroup", scopes="queue:list-task-group:<taskGroupId>", patterns=PATTERNS)
async def group_list(call: Call) -> Any:
    """The group with its tasks."""
    row = group_row(call)
    count, after = page_length(call.query), last_key(call.query)
    found = _group_page(call, str(after[0]) if after else "", count + 1)
    page = found[:count]
    token = key_token([page[-1].task_id]) if len(found) > count else {}
    return {**group_answer(row), "tasks": [_with_status(task) for task in page], **token}


_QUEUE: Final = {"patterns": PATTERNS, "splats": ("taskQueueId",)}


def _in_state(call: Call, state: str) -> list[sqlite3.Row]:
    return call.deployment.store.all(
        "select * from tasks where queue_id = ? and state = ?", call.params["taskQueueId"], state
    )


def _count(call: Call, state: str) -> int:
    row = call.deployment.store.one(
        "select count(*) as number from tasks where queue_id = ? and state = ?",
        *(call.params["taskQueueId"], state),
    )
    return int(row["number"]) if row is not None else 0


def _names(call: Call) -> dict[str, str]:
    queue_id = call.params["taskQueueId"]
    provisioner, _, worker_type = queue_id.partition("/")
    return {"provisionerId": provisioner, "workerType": worker_type, "taskQueueId": queue_id}


@SERVICE.endpoint("pendingTasks", scopes="queue:pending-count:<taskQueueId>", **_QUEUE)
async def pending(call: Call) -> Any:
    """How many wait."""
    return {**_names(call), "pendingTasks": _count(call, "pending")}


@SERVICE.endpoint(
    "taskQueueCounts",
    scopes={"AllOf": ["queue:pending-count:<taskQueueId>", "queue:claimed-count:<taskQueueId>"]},
    **_QUEUE,
)
async def counts(call: Call) -> Any:
    """How many wait, and how many are being run."""
    waiting, running = (_count(call, state) for state in ("pending", "running"))
    return {**_names(call), "pendingTasks": waiting, "claimedTasks": running}


@SERVICE.endpoint("listPendingTasks", scopes="queue:pending-list:<taskQueueId>", **_QUEUE)
async def pending_list(call: Call) -> Any:
    """Those that wait, the oldest first."""
    items = [
        {"taskId": task.task_id, "runId": len(task.runs) - 1, "task": task.definition, "inserted": since}
        for task, since in ((from_row(row), row["pending_since"]) for row in _in_state(call, "pending"))
    ]
    return _keyed(call, items, "inserted")


@SERVICE.endpoint("listClaimedTasks", scopes="queue:claimed-list:<taskQueueId>", **_QUEUE)
async def claimed_list(call: Call) -> Any:
    """Those that are being run, the oldest first."""
    items = []
    for task in map(from_row, _in_state(call, "running")):
        run = task.runs[-1]
        item = {"taskId": task.task_id, "runId": run["runId"], "task": task.definition}
        items.append({**item, **{k: run[k] for k in ("workerGroup", "workerId")}, "claimed": run["started"]})
    return _keyed(call, items, "claimed")


def _keyed(call: Call, items: list[dict[str, Any]], moment: str) -> Any:
    def key(item: dict[str, Any]) -> list[Any]:
        return [item[moment], item["taskId"]]

    page, token = by_key(sorted(items, key=key), call.query, key)
    return {"tasks": page, **token}
