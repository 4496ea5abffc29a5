"""What can be seen of a hook before it is triggered: its payload, filled in and checked, and the task it makes."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jsone

from console.domain.build_plan import PlannedTask, stamp
from console.domain.hook_payload import complaints, filled_in

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class HookSight:
    """A hook with a payload.

    Args:
        payload: with its defaults.
        schema: what it must be.
        tasks: the one that it makes, without an id, or none.
        refusals: why the service would not take it.
        warnings: what cannot be told.
    """

    payload: Mapping[str, Any]
    schema: Mapping[str, Any] = field(default_factory=dict)
    tasks: tuple[PlannedTask, ...] = ()
    refusals: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def look_at_hook(hook: Mapping[str, Any], payload: Mapping[str, Any], now: datetime) -> HookSight:
    """Fill in and check a payload, and render what the hook makes of it, as the service does.

    Args:
        hook: as the service answers it.
        payload: what somebody gives.
        now: the server's time.
    """
    schema = hook.get("triggerSchema")
    schema = schema if isinstance(schema, dict) else {}
    given = filled_in(schema, payload)
    try:
        wrong = complaints(schema, given)
    except ValueError as error:
        return HookSight(given, schema, warnings=(f"The payload cannot be checked, by its schema: {error}",))
    if wrong:
        return HookSight(given, schema, refusals=wrong)
    # What else the service puts into the context: the ids are its own.
    context = {"payload": given, "firedBy": "triggerHook", "taskId": "", "clientId": ""}
    try:
        made = jsone.render(copy.deepcopy(hook.get("task") or {}), {**context, "now": stamp(now)})
    except Exception as error:  # noqa: BLE001 - json-e raises whatever a wrong operand makes Python raise
        return HookSight(given, schema, refusals=(f"its template cannot be rendered: {error}",))
    if not isinstance(made, dict) or not made:
        return HookSight(given, schema, warnings=("It makes no task of this payload.",))
    return HookSight(given, schema, (PlannedTask("", made),))
