"""hooks: what fires a hook, and what comes of it."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import jsone

from console.sandbox.authentication import Identity
from console.sandbox.failures import ApiError, footed, input_error
from console.sandbox.moments import iso
from console.sandbox.services.hook_model import (
    PATTERNS,
    SERVICE,
    Hook,
    from_row,
    load,
    named,
    next_fire,
    save,
)
from console.sandbox.services.queue_create import submit
from console.sandbox.trigger_schema import BadSchema, complaints
from console.sandbox.validation import OBJECT, SLUGID, javascript

if TYPE_CHECKING:
    from console.sandbox.call import Call
    from console.sandbox.deployment import Deployment

_CLIENT: Final = "static/taskcluster/hooks"
_DEADLINE: Final = timedelta(days=1)
_TRIGGER: Final = {"takes": OBJECT, "schema": "hooks/v1/trigger-hook.json#", "patterns": PATTERNS}


@dataclass(frozen=True, slots=True)
class _Occasion:
    """Why a hook fires.

    Args:
        fired_by: `triggerHook`, `triggerHookWithToken`, `schedule` or `pulseMessage`.
        context: what its template sees besides.
        task_id: of the task that is to be.
    """

    fired_by: str
    context: dict[str, Any]
    task_id: str


@SERVICE.endpoint("triggerHook", scopes="hooks:trigger-hook:<hookGroupId>/<hookId>", **_TRIGGER)
async def trigger(call: Call) -> Any:
    """Create the hook's task for this payload."""
    return _triggered(call, load(call), "triggerHook", {"clientId": call.client_id})


@SERVICE.endpoint("triggerHookWithToken", **_TRIGGER)
async def trigger_with_token(call: Call) -> Any:
    """The same for whoever knows the hook's token."""
    hook = load(call)
    if call.params["token"] != hook.token:
        raise ApiError("AuthenticationFailed", "invalid hook token", challenges=False)
    return _triggered(call, hook, "triggerHookWithToken", {})


def _triggered(call: Call, hook: Hook, fired_by: str, context: dict[str, Any]) -> dict[str, Any]:
    payload = call.payload
    try:
        wrong = complaints(hook.definition["triggerSchema"], payload)
    except BadSchema as error:
        raise input_error(str(error)) from error
    if wrong:
        raise input_error("; ".join(wrong))
    task_id = payload.get("taskId", call.deployment.slugid())
    if not (isinstance(task_id, str) and javascript(SLUGID).search(task_id)):
        raise input_error(f"Invalid taskId format: {task_id}")
    occasion = _Occasion(fired_by, {**context, "payload": payload}, task_id)
    is_created = _fire(call.deployment, hook, occasion)
    return {"taskId": task_id, "status": {"taskId": task_id}} if is_created else {}


def _fire(deployment: Deployment, hook: Hook, occasion: _Occasion) -> bool:
    """Create the task, and note how that went; a template that renders to nothing is not noted.

    Raises:
        ApiError: there is no task.
    """
    try:
        definition = _rendered(deployment, hook, occasion)
        if definition is None:
            return False
        scopes = deployment.roles.expand([f"assume:{hook.role}"])
        _create(deployment, hook, Identity(_CLIENT, scopes), occasion.task_id, definition)
    except ApiError as refusal:
        _note(deployment, hook, occasion, refusal.message)
        raise
    _note(deployment, hook, occasion, "")
    return True


def _rendered(deployment: Deployment, hook: Hook, occasion: _Occasion) -> dict[str, Any] | None:
    context = {**occasion.context, "firedBy": occasion.fired_by, "taskId": occasion.task_id}
    try:
        found = jsone.render(copy.deepcopy(hook.definition["task"]), context)
    # json-e raises whatever a wrong operand makes Python raise.
    except Exception as error:
        text = (
            str(error) if isinstance(error, jsone.JSONTemplateError) else f"{type(error).__name__}: {error}"
        )
        raise input_error(f"While firing hook:\n\n{text}") from error
    if not found:
        return None
    if not isinstance(found, dict):
        raise input_error("While firing hook:\n\nthe template renders to no object")
    now = deployment.now()
    times = {"created": iso(now), "deadline": iso(now + _DEADLINE)}
    return {**times, "taskGroupId": occasion.task_id, **found}


def _create(
    deployment: Deployment, hook: Hook, identity: Identity, task_id: str, definition: dict[str, Any]
) -> None:
    try:
        submit(deployment, identity, task_id, definition)
    except ApiError as refusal:
        message = footed(refusal, "createTask", deployment.time())
        if refusal.code == "InsufficientScopes":
            raise ApiError(
                refusal.code,
                f"The role `{hook.role}` does not have sufficient scopes to create the task:\n\n{message}",
            ) from refusal
        raise input_error(f"While calling createTask: {refusal.code}\n\n{message}") from refusal


def _note(deployment: Deployment, hook: Hook, occasion: _Occasion, error: str) -> None:
    deployment.store.run(
        "insert into last_fires (group_id, hook_id, fired_by, task_id, created, result, error)"
        " values (?, ?, ?, ?, ?, ?, ?)",
        *(hook.group_id, hook.hook_id, occasion.fired_by, occasion.task_id, deployment.time()),
        *("error" if error else "success", error),
    )


def fire_scheduled(deployment: Deployment) -> None:
    """Fire the hooks that are due, each once, however often it was due meanwhile."""
    rows = deployment.store.all("select * from hooks where next_fire <= ?", deployment.time())
    for hook in map(from_row, rows):
        save(deployment, replace(hook, next_fire=next_fire(deployment, hook.definition["schedule"])))
        try:
            _fire(deployment, hook, _Occasion("schedule", {}, deployment.slugid()))
        except ApiError:
            continue  # noted among its last fires


def fire_bound(deployment: Deployment) -> None:
    """Fire the hooks that heard something, once for each message that their `triggerSchema` takes.

    The services discard the others (`hookPulseMessageDiscarded` in their references): all, for a hook that has no
    schema of its own.
    """
    for name, payload in deployment.pulse.take():
        hook = named(deployment, *name)
        try:
            if hook is not None and not complaints(hook.definition["triggerSchema"], payload):
                occasion = _Occasion("pulseMessage", {"payload": payload}, deployment.slugid())
                _fire(deployment, hook, occasion)
        except (ApiError, BadSchema):
            continue  # noted among its last fires, if it came so far
