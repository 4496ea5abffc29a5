"""queue: people and schedulers cancel, rerun, schedule, reorder and seal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from console.sandbox.failures import conflict, not_found
from console.sandbox.services.queue_model import PATTERNS, PRIORITIES, SERVICE, Task, load, save
from console.sandbox.services.queue_reads import group_answer, group_row, group_tasks
from console.sandbox.services.queue_resolve import ended
from console.sandbox.validation import Members, Text

if TYPE_CHECKING:
    from console.sandbox.call import Call

_PRIORITY: Final = Members(of={"newPriority": Text(one_of=PRIORITIES)}, required=("newPriority",))
_PRIORITY_SCHEMA: Final = "queue/v1/change-task-priority-request.json#"


def _controlled(call: Call, verb: str, absent: str) -> Task:
    """The task, if the caller may do so with it; its absence is told to anybody."""
    task_id = call.params["taskId"]
    task = load(call.deployment.store, task_id)
    if task is None:
        raise not_found(absent.format(task_id=task_id))
    place = f"{task.scheduler_id}/{task.group_id}"
    call.authorize(
        {
            "AnyOf": [
                f"queue:{verb}-task:{place}/{task_id}",
                f"queue:{verb}-task-in-project:{task.project_id}",
                {"AllOf": [f"queue:{verb}-task", f"assume:scheduler-id:{place}"]},
            ]
        }
    )
    return task


def _check_deadline(call: Call, task: Task, what: str) -> None:
    if task.deadline < call.deployment.now():
        raise conflict(f"Task `{task.task_id}` can't be {what} {task.definition['deadline']}.")


@SERVICE.endpoint("scheduleTask", patterns=PATTERNS)
async def schedule(call: Call) -> Any:
    """Run it whatever it waits for."""
    task = _controlled(call, "schedule", "taskId `{task_id}` not found. Are you sure it exists?")
    _check_deadline(call, task, "scheduled past its deadline at")
    if not task.runs:
        task.schedule("scheduled", call.deployment.time())
        save(call.deployment, task)
    return {"status": task.status()}


@SERVICE.endpoint("rerunTask", patterns=PATTERNS)
async def rerun(call: Call) -> Any:
    """Once more, with all retries; nothing where it waits or runs."""
    absent = "`{task_id}` does not correspond to a task that exists.\n"
    task = _controlled(call, "rerun", absent + "Are you sure this task has been submitted before?")
    _check_deadline(call, task, "rescheduled past its deadline of")
    if task.state not in {"pending", "running"}:
        task.retries_left = task.definition["retries"]
        task.schedule("rerun", call.deployment.time())
        save(call.deployment, task)
    return {"status": task.status()}


@SERVICE.endpoint("cancelTask", patterns=PATTERNS)
async def cancel(call: Call) -> Any:
    """End it, if it has not ended."""
    absent = "`{task_id}` does not correspond to a task that exists.\n"
    task = _controlled(call, "cancel", absent + "Are you sure this task has been submitted before?")
    _check_deadline(call, task, "canceled past its deadline of")
    if not task.is_resolved:
        task.resolve("exception", "canceled", call.deployment.time())
        ended(call.deployment, task)
    return {"status": task.status()}


@SERVICE.endpoint("changeTaskPriority", takes=_PRIORITY, schema=_PRIORITY_SCHEMA, patterns=PATTERNS)
async def change_priority(call: Call) -> Any:
    """Whatever its state; to what it is already is refused."""
    task_id, priority = call.params["taskId"], call.payload["newPriority"]
    task = load(call.deployment.store, task_id)
    if task is None:
        raise not_found(f"Task `{task_id}` not found. Are you sure it was created?")
    by_queue = f"queue:change-task-priority-in-queue:{task.queue_id}"
    call.authorize({"AnyOf": [f"queue:change-task-priority:{task_id}", by_queue]})
    _check_deadline(call, task, "reprioritized past its deadline of")
    if task.definition["priority"] == priority:
        raise conflict(f"Task `{task_id}` is already resolved.")
    task.definition["priority"] = priority
    save(call.deployment, task)
    return {"status": task.status()}


@SERVICE.endpoint("changeTaskGroupPriority", takes=_PRIORITY, schema=_PRIORITY_SCHEMA, patterns=PATTERNS)
async def change_group_priority(call: Call) -> Any:
    """Of all tasks that have another one and are not resolved."""
    row, priority = group_row(call), call.payload["newPriority"]
    call.authorize(f"queue:change-task-group-priority:{row['scheduler_id']}/{row['group_id']}")
    changed = []
    with call.deployment.store.transaction():
        for task in group_tasks(call):
            if not task.is_resolved and task.definition["priority"] != priority:
                task.definition["priority"] = priority
                save(call.deployment, task)
                changed.append(task.task_id)
    return {
        "taskGroupId": row["group_id"],
        "schedulerId": row["scheduler_id"],
        "newPriority": priority,
        "tasksAffected": len(changed),
        "taskIds": changed,
    }


@SERVICE.endpoint("sealTaskGroup", patterns=PATTERNS)
async def seal(call: Call) -> Any:
    """No new tasks, for good."""
    row = group_row(call)
    call.authorize(f"queue:seal-task-group:{row['scheduler_id']}/{row['group_id']}")
    if row["sealed"] is None:
        now = call.deployment.time()
        call.deployment.store.run(
            "update task_groups set sealed = ? where group_id = ?", now, row["group_id"]
        )
    return group_answer(group_row(call))


@SERVICE.endpoint("cancelTaskGroup", patterns=PATTERNS)
async def cancel_group(call: Call) -> Any:
    """Of a sealed group all that is not resolved."""
    row = group_row(call)
    if row["sealed"] is None:
        raise conflict(f"Cannot cancel unsealed task group: `{row['group_id']}`")
    call.authorize(f"queue:cancel-task-group:{row['scheduler_id']}/{row['group_id']}")
    size, cancelled = 0, []
    with call.deployment.store.transaction():
        for size, task in enumerate(group_tasks(call), start=1):  # noqa: B007 - the last number is the size
            if not task.is_resolved:
                task.resolve("exception", "canceled", call.deployment.time())
                ended(call.deployment, task)
                cancelled.append(task.task_id)
    return {
        "taskGroupId": row["group_id"],
        "taskGroupSize": size,
        "cancelledCount": len(cancelled),
        "taskIds": cancelled,
    }
