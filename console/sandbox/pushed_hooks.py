"""The hooks that a task file names, triggered as Taskcluster-Github does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from console.domain.scopes import satisfies
from console.domain.taskcluster_yml import FILE_NAME
from console.sandbox.signed_http import TaskclusterFailure
from runner.errors import Refused, UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from console.domain.taskcluster_yml import Rendering
    from console.sandbox.signed_http import Api

_FORBIDDEN: Final = 403
_REFUSALS: Final = range(400, 500)


async def trigger_hooks(
    api: Api, rendering: Rendering, *, root_url: str, now: str, new_id: Callable[[], str]
) -> AsyncIterator[tuple[str, str]]:
    """Trigger each hook, and tell its name and the id of its task; a hook whose template gives nothing has none.

    Args:
        api: with all scopes: the service triggers hooks by its own, once the role has `github:trigger-hook:` of them.
        rendering: what the file became.
        root_url: the deployment's.
        now: the time of the event.
        new_id: makes a slug id.

    Raises:
        Refused: the role does not hold a hook's scope, or the hook's own role does not suffice for its task.
        UsageError: there is no such hook, or it does not take the event.
        TaskclusterFailure: the services fail.
    """
    held = (await api.call("POST", "auth", "scopes", "expand", payload={"scopes": list(rendering.scopes)}))[
        "scopes"
    ]
    for name, context in zip(rendering.hooks, rendering.contexts, strict=True):
        needed = f"github:trigger-hook:{name}"
        if not satisfies(held, needed):
            raise Refused(
                f"The role {rendering.role} does not grant {needed}.",
                action=f"Add it to the role, or take the hook out of {FILE_NAME}.",
            )
        payload = {
            "context": context,
            "event": rendering.event.body,
            "now": now,
            "taskcluster_root_url": root_url,
            "tasks_for": rendering.event.tasks_for,
            "taskId": new_id(),
        }
        task_id = await _triggered(api, name, payload)
        if task_id is not None:
            yield name, task_id


async def _triggered(api: Api, name: str, payload: dict[str, Any]) -> str | None:
    group, _, hook = name.partition("/")
    try:
        answer = await api.call("POST", "hooks", "hooks", group, hook, "trigger", payload=payload)
    except TaskclusterFailure as error:
        if error.status == _FORBIDDEN:
            raise Refused(f"The hook {name} creates no task: {error}") from error
        if error.status in _REFUSALS:
            raise UsageError(f"The hook {name} was not triggered: {error}") from error
        raise
    found = answer.get("taskId")
    return found if isinstance(found, str) else None
