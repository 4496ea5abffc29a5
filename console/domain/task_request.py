"""What createTask asks of a task's definition, and of whoever creates it.

Measured against the queue of Taskcluster v106: the scope expression, its defaults and the limits.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from console.domain.scopes import missing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from console.domain.scopes import Expression

PRIORITIES: Final = ("highest", "very-high", "high", "medium", "low", "very-low", "lowest")
_LONGEST_DEADLINE: Final = timedelta(days=5, minutes=15)
_LONGEST_ROUTE: Final = 249
_POOL: Final = re.compile(r"[a-zA-Z0-9-_]{1,38}/[a-z]([-a-z0-9]{0,36}[a-z0-9])?\Z")
_SLUG_ID: Final = re.compile(r"[A-Za-z0-9_-]{8}[Q-T][A-Za-z0-9_-][CGKOSWaeimquy26-][A-Za-z0-9_-]{10}[AQgw]\Z")
_SCOPE: Final = re.compile(r"[ -~]*\Z")
_SOURCE: Final = re.compile(r"https?://|ssh://|git@")
_METADATA: Final = ("name", "description", "owner", "source")

Wrong = tuple[str, tuple[str | int, ...]]
"""What the queue refuses, and the path of the value that it is about."""


def pool_of(task: Mapping[str, Any]) -> str:
    """The task queue, `proj-balrog/ci`; "?" stands for what the definition does not name."""
    queue_id = task.get("taskQueueId")
    if isinstance(queue_id, str):
        return queue_id
    return f"{task.get('provisionerId', '?')}/{task.get('workerType', '?')}"


def needed_scopes(task: Mapping[str, Any]) -> Expression:
    """The expression that whoever creates the task must satisfy.

    The pool is needed at the task's priority or a higher one, and the project as well, which is `none` if unset.
    """
    priority = task.get("priority", "lowest")
    enough = PRIORITIES[: PRIORITIES.index(priority) + 1] if priority in PRIORITIES else (str(priority),)
    return {
        "AllOf": [
            *_texts(task.get("scopes")),
            *(f"queue:route:{route}" for route in _texts(task.get("routes"))),
            f"queue:create-task:project:{task.get('projectId', 'none')}",
            f"queue:scheduler-id:{task.get('schedulerId', '-')}",
            {"AnyOf": [f"queue:create-task:{level}:{pool_of(task)}" for level in enough]},
        ]
    }


def lacking_scopes(tasks: Iterable[Mapping[str, Any]], held: Iterable[str]) -> tuple[str, ...]:
    """The least that must be added to what is held so that all tasks can be created, sorted.

    Args:
        tasks: definitions.
        held: expanded scopes.
    """
    held = list(held)
    needed = {scope for task in tasks for scope in _least(missing(needed_scopes(task), held))}
    return tuple(sorted(needed))


def _least(expression: Expression | None) -> Iterator[str]:
    """Of alternatives the last: they are ordered from the mightiest on."""
    if isinstance(expression, str):
        yield expression
    elif expression is not None and "AnyOf" in expression:
        yield from _least(expression["AnyOf"][-1])
    elif expression is not None:
        for part in expression["AllOf"]:
            yield from _least(part)


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def refusals(task_id: str, task: Mapping[str, Any], now: datetime) -> Iterator[Wrong]:
    """What the queue would refuse of a definition, as far as it has been met in task files.

    Args:
        task_id: its id.
        task: the definition.
        now: when it is created.
    """
    for name, value in (("taskId", task_id), ("taskGroupId", task.get("taskGroupId"))):
        if not isinstance(value, str) or not _SLUG_ID.match(value):
            yield f"`{name}` is {value!r}, which is no slug id: make one with as_slugid", (name,)
    yield from _wrong_pool(task)
    yield from _wrong_times(task, now)
    yield from _wrong_metadata(task.get("metadata"))
    if not isinstance(task.get("payload"), dict):
        yield "`payload` must be an object", ("payload",)
    priority = task.get("priority", "lowest")
    if priority not in PRIORITIES:
        yield f"`priority` is {priority!r}, and must be one of {', '.join(PRIORITIES)}", ("priority",)
    yield from _wrong_scopes(task)


def _wrong_pool(task: Mapping[str, Any]) -> Iterator[Wrong]:
    pool = pool_of(task)
    if "?" in pool.split("/"):
        yield "has no `taskQueueId`, such as proj-balrog/ci", ()
    elif not _POOL.match(pool):
        name = "taskQueueId" if "taskQueueId" in task else "provisionerId"
        yield f"`{name}` names no task queue: {pool!r}", (name,)


def _wrong_times(task: Mapping[str, Any], now: datetime) -> Iterator[Wrong]:
    deadline = time_of(task.get("deadline"))
    if deadline is None:
        yield "`deadline` must be a time: {$fromNow: '1 hour'}", ("deadline",)
    elif not now <= deadline <= now + _LONGEST_DEADLINE:
        yield "`deadline` must be within five days from now", ("deadline",)
    if "created" in task and time_of(task["created"]) is None:
        yield "`created` must be a time: {$fromNow: ''}", ("created",)
    expires = time_of(task.get("expires"))
    if "expires" in task and expires is None:
        yield "`expires` must be a time: {$fromNow: '1 year'}", ("expires",)
    if expires and deadline and expires < deadline:
        yield "`expires` must not be before `deadline`", ("expires",)


def time_of(value: object) -> datetime | None:
    """A time of a task's definition; None where it is none, or has no zone."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo else None


def _wrong_metadata(metadata: object) -> Iterator[Wrong]:
    if not isinstance(metadata, dict):
        yield f"`metadata` must be an object with {', '.join(_METADATA)}", ("metadata",)
        return
    for name in _METADATA:
        if not isinstance(metadata.get(name), str):
            yield f"`metadata.{name}` must be a text", ("metadata", name)
    source = metadata.get("source")
    if isinstance(source, str) and not _SOURCE.match(source):
        yield "`metadata.source` must begin with https://, http://, ssh:// or git@", ("metadata", "source")


def _wrong_scopes(task: Mapping[str, Any]) -> Iterator[Wrong]:
    scopes = task.get("scopes", [])
    if not isinstance(scopes, list):
        yield "`scopes` must be a list", ("scopes",)
        return
    for index, scope in enumerate(scopes):
        if not isinstance(scope, str) or not _SCOPE.match(scope):
            yield f"the scope {scope!r} is no printable ASCII text", ("scopes", index)
        elif scope.endswith("**"):
            yield f"the scope {scope} must not end with `**`", ("scopes", index)
    for index, route in enumerate(_texts(task.get("routes"))):
        if not 0 < len(route) <= _LONGEST_ROUTE:
            yield f"a route must have 1 to {_LONGEST_ROUTE} characters", ("routes", index)
