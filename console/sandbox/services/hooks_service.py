"""hooks: templates of tasks, kept by name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from console.sandbox.cron import BadCron
from console.sandbox.failures import conflict, input_error, not_found
from console.sandbox.paging import by_offset
from console.sandbox.services.hook_model import PATTERNS, SERVICE, Hook, find, from_row, load, next_fire, save
from console.sandbox.services.queue_model import load as load_task
from console.sandbox.store import collation
from console.sandbox.trigger_schema import BadSchema, check_schema
from console.sandbox.validation import OBJECT, Flag, Listing, Members, Text

if TYPE_CHECKING:
    import sqlite3

    from console.sandbox.call import Call

_METADATA: Final = Members(
    of={
        "name": Text(most=255),
        "description": Text(most=32768),
        "owner": Text(most=255, is_email=True),
        "emailOnError": Flag(default=True),
    },
    required=("name", "description", "owner"),
)
_BINDING: Final = Members(
    of={"exchange": Text(least=1), "routingKeyPattern": Text(least=1)},
    required=("exchange", "routingKeyPattern"),
)
_HOOK: Final = Members(
    of={
        "hookGroupId": Text(pattern=r"^([a-zA-Z0-9-_]*)$", least=1, most=1000),
        "hookId": Text(pattern=r"^([a-zA-Z0-9-_/]*)$", least=1, most=1000),
        "metadata": _METADATA,
        "bindings": Listing(of=_BINDING, unique=True),
        "task": OBJECT,
        "schedule": Listing(of=Text(), unique=True, default=[]),
        "triggerSchema": Members(
            others=OBJECT.others, default={"type": "object", "additionalProperties": False}
        ),
    },
    required=("metadata", "task"),
)
_NAMED: Final = "<hookGroupId>/<hookId>"
_MODIFY: Final = {
    "scopes": {"AllOf": [f"hooks:modify-hook:{_NAMED}", f"assume:hook-id:{_NAMED}"]},
    "takes": _HOOK,
    "schema": "hooks/v1/create-hook-request.json#",
    "patterns": PATTERNS,
}


def _audit(call: Call, action: str) -> None:
    name = f"{call.params['hookGroupId']}/{call.params['hookId']}"
    call.deployment.audit("hook", name, action, call.client_id)


def _name(call: Call) -> None:
    """The body holds the hook's ids from here on; those that it held must be these."""
    for member, what in (("hookGroupId", "Hook Group Ids"), ("hookId", "Hook Ids")):
        if call.payload.get(member, call.params[member]) != call.params[member]:
            raise input_error(f"{what} do not match")
    call.payload = {member: call.params[member] for member in PATTERNS} | call.payload


def _put(call: Call, token: str) -> Hook:
    """Store what the body says; returns the hook.

    Raises:
        ApiError: a schedule or a schema that is none.
    """
    definition = {"bindings": [], **call.payload}
    try:
        due = next_fire(call.deployment, definition["schedule"])
        check_schema(definition["triggerSchema"])
    except (BadCron, BadSchema) as error:
        raise input_error(str(error)) from error
    hook = Hook(call.params["hookGroupId"], call.params["hookId"], definition, token, due)
    save(call.deployment, hook)
    return hook


@SERVICE.endpoint("createHook", **_MODIFY)
async def create(call: Call) -> Any:
    """Create; the same again is the same only with its bindings spelled out."""
    _name(call)
    existing = find(call)
    if existing is None:
        _put(call, call.deployment.slugid())
        _audit(call, "created")
    elif existing.definition != call.payload:
        raise conflict(f"hook `{existing.group_id}/{existing.hook_id}` already exists.")
    return call.payload


@SERVICE.endpoint("updateHook", **_MODIFY)
async def update(call: Call) -> Any:
    """Replace the whole hook; its token stays."""
    _name(call)
    hook = _put(call, load(call).token)
    _audit(call, "updated")
    return hook.definition


@SERVICE.endpoint("removeHook", scopes=f"hooks:modify-hook:{_NAMED}", patterns=PATTERNS)
async def remove(call: Call) -> Any:
    """Remove it and what is known of its fires, or do nothing where there is none."""
    names = (call.params["hookGroupId"], call.params["hookId"])
    for table in ("hooks", "last_fires"):
        call.deployment.store.run(
            f"delete from {table} where group_id = ? and hook_id = ?",  # noqa: S608 - the tables are named here
            *names,
        )
    call.deployment.pulse.bind(names, ())
    _audit(call, "deleted")
    return {}


@SERVICE.endpoint("hook", scopes="hooks:get:<hookGroupId>:<hookId>", patterns=PATTERNS)
async def get(call: Call) -> Any:
    """The definition."""
    return load(call).definition


@SERVICE.endpoint("listHookGroups", scopes="hooks:list-hooks:")
async def groups(call: Call) -> Any:
    """The groups that have hooks."""
    rows = call.deployment.store.all("select distinct group_id from hooks")
    return {"groups": sorted((row["group_id"] for row in rows), key=collation)}


@SERVICE.endpoint("listHooks", scopes="hooks:list-hooks:<hookGroupId>", patterns=PATTERNS)
async def listing(call: Call) -> Any:
    """All of a group; a group is its hooks."""
    rows = call.deployment.store.all("select * from hooks where group_id = ?", call.params["hookGroupId"])
    if not rows:
        raise not_found("No such group")
    hooks = sorted(map(from_row, rows), key=lambda hook: collation(hook.hook_id))
    return {"hooks": [hook.definition for hook in hooks]}


def _fires(call: Call) -> list[sqlite3.Row]:
    return call.deployment.store.all(
        "select * from last_fires where group_id = ? and hook_id = ? order by id desc",
        *(call.params["hookGroupId"], call.params["hookId"]),
    )


@SERVICE.endpoint("getHookStatus", scopes=f"hooks:status:{_NAMED}", patterns=PATTERNS)
async def status(call: Call) -> Any:
    """How it last fired, and when it will by itself."""
    hook, fires = load(call), _fires(call)
    due = {"nextScheduledDate": hook.next_fire} if hook.next_fire else {}
    return {"lastFire": _last_fire(fires[0]) if fires else {"result": "no-fire"}, **due}


def _last_fire(row: sqlite3.Row) -> dict[str, Any]:
    told = {"taskId": row["task_id"]} if row["result"] == "success" else {"error": {"message": row["error"]}}
    return {"result": row["result"], "time": row["created"], **told}


@SERVICE.endpoint("listLastFires", scopes=f"hooks:list-last-fires:{_NAMED}", patterns=PATTERNS)
async def last_fires(call: Call) -> Any:
    """How it fired, the last time first."""
    rows = _fires(call)
    if not rows:
        raise not_found("No such hook or never fired")
    page, token = by_offset(rows, call.query)
    return {"lastFires": [_fire(call, row) for row in page], **token}


def _fire(call: Call, row: sqlite3.Row) -> dict[str, Any]:
    task = load_task(call.deployment.store, row["task_id"])
    return {
        "hookGroupId": row["group_id"],
        "hookId": row["hook_id"],
        "firedBy": row["fired_by"],
        "taskId": row["task_id"],
        "taskCreateTime": row["created"],
        "result": row["result"],
        "error": row["error"],
        "taskState": task.state if task is not None and row["result"] == "success" else "unknown",
    }


@SERVICE.endpoint("getTriggerToken", scopes=f"hooks:get-trigger-token:{_NAMED}", patterns=PATTERNS)
async def token(call: Call) -> Any:
    """What triggers it without credentials."""
    return {"token": load(call).token}


@SERVICE.endpoint("resetTriggerToken", scopes=f"hooks:reset-trigger-token:{_NAMED}", patterns=PATTERNS)
async def reset_token(call: Call) -> Any:
    """Another one; the old one is worth nothing from now on."""
    hook = replace(load(call), token=call.deployment.slugid())
    save(call.deployment, hook)
    return {"token": hook.token}
