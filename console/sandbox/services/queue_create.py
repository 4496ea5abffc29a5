"""queue: createTask."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from console.domain.scopes import BadScope, check_scope
from console.sandbox.call import check_scopes
from console.sandbox.failures import ApiError, conflict, input_error
from console.sandbox.moments import DAY, MINUTE, a_year_after, iso, parse
from console.sandbox.services.queue_dependencies import is_ready, remember
from console.sandbox.services.queue_model import PATTERNS, PRIORITIES, QUEUE_ID, SERVICE, Task, load, save
from console.sandbox.validation import (
    DATE,
    IDENTIFIER,
    OBJECT,
    SCOPES,
    SLUG,
    Listing,
    Members,
    Number,
    Text,
    rejection,
)

if TYPE_CHECKING:
    from console.domain.scopes import Expression
    from console.sandbox.authentication import Identity
    from console.sandbox.call import Call
    from console.sandbox.deployment import Deployment

DRIFT: Final = 15 * MINUTE
LONGEST_DEADLINE: Final = 5 * DAY
_SCHEMA: Final = "queue/v1/create-task-request.json#"
_GROUP_GRACE: Final = timedelta(hours=1)

_METADATA: Final = Members(
    of={
        "name": Text(most=255),
        "description": Text(most=32768),
        "owner": Text(most=255),
        "source": Text(most=4096, pattern=r"^(https?://|ssh://|git@)"),
    },
    required=("name", "description", "owner", "source"),
)
_TASK: Final = Members(
    of={
        "provisionerId": Text(pattern=r"^[a-zA-Z0-9-_]{1,38}$"),
        "workerType": Text(pattern=r"^[a-z]([-a-z0-9]{0,36}[a-z0-9])?$"),
        "taskQueueId": Text(pattern=QUEUE_ID),
        "schedulerId": Text(pattern=IDENTIFIER, least=1, most=38, default="-"),
        "projectId": Text(pattern=r"^([a-zA-Z0-9._/-]*)$", least=1, most=500, default="none"),
        "taskGroupId": SLUG,
        "dependencies": Listing(of=SLUG, unique=True, most=10000, default=[]),
        "requires": Text(one_of=("all-completed", "all-resolved"), default="all-completed"),
        "routes": Listing(of=Text(least=1, most=249), unique=True, most=64, default=[]),
        "priority": Text(one_of=PRIORITIES, default="lowest"),
        "retries": Number(integer=True, least=0, most=49, default=5),
        "created": DATE,
        "deadline": DATE,
        "expires": DATE,
        "scopes": Listing(of=SCOPES.of, default=[]),
        "payload": Members(others=OBJECT.others, default=[]),  # absent reads "must be object", as measured
        "metadata": _METADATA,
        "tags": Members(others=Text(most=4096), default={}),
        "extra": Members(others=OBJECT.others, default={}),
    },
    required=("created", "deadline", "metadata"),
)


@SERVICE.endpoint("createTask", takes=_TASK, schema=_SCHEMA, patterns=PATTERNS)
async def create_task(call: Call) -> Any:
    """Create; the very same again is answered with its status."""
    return _create(call.deployment, call.identity, call.params["taskId"], call.payload)


def submit(deployment: Deployment, identity: Identity, task_id: str, definition: dict[str, Any]) -> Any:
    """Create a task for another service, which is checked as if it came over the network.

    Raises:
        ApiError: as `createTask` does.
    """
    _TASK.fill(definition)
    message = rejection(_TASK, _SCHEMA, deployment.root_url, definition)
    if message:
        raise ApiError("InputValidationError", message)
    return _create(deployment, identity, task_id, definition)


def _create(deployment: Deployment, identity: Identity, task_id: str, definition: dict[str, Any]) -> Any:
    _name_queue(definition)
    check_scopes(identity, _needed(definition))
    _complete(deployment, task_id, definition)
    with deployment.store.transaction():
        _join_group(deployment, definition)
        existing = load(deployment.store, task_id)
        if existing is not None:
            if _fingerprint(existing.definition) != _fingerprint(definition):
                raise conflict(
                    f"taskId `{task_id}` already used by another task.\n"
                    "This could be the result of faulty idempotency!"
                )
            return {"status": existing.status()}
        remember(deployment.store, task_id, definition)
        task = Task(task_id, definition, definition["retries"])
        if is_ready(deployment.store, task_id):
            task.schedule("scheduled", deployment.time())
        save(deployment, task)
    return {"status": task.status()}


def _name_queue(definition: dict[str, Any]) -> None:
    """The queue has two spellings; a definition holds both."""
    pair = (definition.get("provisionerId"), definition.get("workerType"))
    if "taskQueueId" in definition:
        provisioner, _, worker_type = definition["taskQueueId"].partition("/")
        if any(
            given not in {None, found} for given, found in zip(pair, (provisioner, worker_type), strict=True)
        ):
            raise input_error('taskQueueId must match "provisionerId/workerType"')
        definition.update(provisionerId=provisioner, workerType=worker_type)
    elif None in pair:
        raise input_error('at least a provisionerId and a workerType or a taskQueueId must be provided"')
    else:
        definition["taskQueueId"] = "/".join(map(str, pair))


def _needed(definition: dict[str, Any]) -> Expression:
    """The pool's scope is needed at this priority or a higher one, and the project's as well."""
    queue_id = definition["taskQueueId"]
    enough = PRIORITIES[: PRIORITIES.index(definition["priority"]) + 1]
    return {
        "AllOf": [
            *definition["scopes"],
            *(f"queue:route:{route}" for route in definition["routes"]),
            f"queue:create-task:project:{definition['projectId']}",
            f"queue:scheduler-id:{definition['schedulerId']}",
            {"AnyOf": [f"queue:create-task:{priority}:{queue_id}" for priority in enough]},
        ]
    }


def _complete(deployment: Deployment, task_id: str, definition: dict[str, Any]) -> None:
    """Fill in what the schema cannot, and refuse times that make no sense."""
    now, created, deadline = deployment.now(), parse(definition["created"]), parse(definition["deadline"])
    definition.setdefault("taskGroupId", task_id)
    if created < now - DRIFT:
        raise input_error("`created` cannot be in the past (max 15min drift)")
    if created > now + DRIFT:
        raise input_error("`created` cannot be in the future (max 15min drift)")
    if created > deadline:
        raise input_error("`deadline` cannot be later than `created`")
    if deadline < now:
        raise input_error("`deadline` cannot be in the past")
    if deadline > now + LONGEST_DEADLINE + DRIFT:
        raise input_error("`deadline` cannot be more than 5 days into the future")
    expires = parse(definition["expires"]) if "expires" in definition else a_year_after(deadline)
    if expires < deadline:
        raise input_error("`expires` cannot be before `deadline`")
    definition.update(created=iso(created), deadline=iso(deadline), expires=iso(expires))
    for scope in definition["scopes"]:
        try:
            check_scope(scope)
        except BadScope as refusal:
            raise input_error(str(refusal)) from refusal


def _join_group(deployment: Deployment, definition: dict[str, Any]) -> None:
    group_id, scheduler_id = definition["taskGroupId"], definition["schedulerId"]
    expires = iso(parse(definition["expires"]) + _GROUP_GRACE)
    group = deployment.store.one("select * from task_groups where group_id = ?", group_id)
    if group is None:
        deployment.store.run(
            "insert into task_groups values (?, ?, ?, null)", group_id, scheduler_id, expires
        )
        return
    if group["scheduler_id"] != scheduler_id:
        raise conflict(
            f"Task group `{group_id}` contains tasks with a schedulerId other\nthan `{scheduler_id}`. "
            "All tasks in the same task-group must have\nthe same schedulerId."
        )
    if group["sealed"] is not None:
        raise conflict(f"Task group `{group_id}` is sealed and does not accept new tasks.")
    if expires > group["expires"]:
        deployment.store.run("update task_groups set expires = ? where group_id = ?", expires, group_id)


def _fingerprint(definition: dict[str, Any]) -> str:
    """Equal for definitions that mean the same; JSON's `1` and `true` are told apart."""
    return json.dumps(definition, sort_keys=True)
