"""What a trigger would do, before anything is created."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from console.domain.pusher import pusher_of
from console.domain.task_request import pool_of
from console.domain.tasks import Task, moment, texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# createTask takes a `created` of up to 15 minutes ago.
KEEPS: Final = timedelta(minutes=12)
_READS: Final = "secrets:get:"
_PUBLISHES: Final = re.compile(
    r"(?:\blading-runner['\"]?|-m runner) (?:publish|push|promote|index)\b|\bdocker(?: image)? push\b"
)
_REPORTS: Final = frozenset({"checks", "statuses"})


@dataclass(frozen=True, slots=True)
class PlannedTask:
    """A task that would be created.

    Args:
        task_id: its id, the same however often it is sent; "" where a hook chooses it.
        definition: its whole body, the same too.
    """

    task_id: str
    definition: Mapping[str, Any]

    @property
    def name(self) -> str:
        """As its definition calls it."""
        metadata = self.definition.get("metadata")
        return str(metadata.get("name", "")) if isinstance(metadata, dict) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerPlan:
    """A trigger.

    Args:
        title: what it is, in words.
        tasks: in the order in which they are created; of a hook, what it makes by itself, as far as that is known.
        made: when, by the server's clock; it holds for `KEEPS`.
        effects: what else happens than that tasks run: pushes, index entries, reports.
        lacking: scopes that the caller lacks, or None where that cannot be told.
        refusals: why the queue would not take it.
        warnings: what may surprise.
        typed: what must be typed before it is done, such as a release's tag, or None.
        hook: `GROUP/HOOK`, or None.
        payload: the hook's.
        schema: of the hook's payload, as far as it may be read.
    """

    title: str
    tasks: tuple[PlannedTask, ...]
    made: datetime
    effects: tuple[str, ...]
    lacking: tuple[str, ...] | None
    refusals: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    typed: str | None = None
    hook: str | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)
    schema: Mapping[str, Any] = field(default_factory=dict)

    @property
    def can_be_done(self) -> bool:
        """Whether nothing is known to stand against it."""
        return not self.refusals and not self.lacking and bool(self.tasks or self.hook)

    @property
    def obstacles(self) -> tuple[str, ...]:
        """What is known to stand against it, in words."""
        return (*self.refusals, *(f"You lack {scope}." for scope in self.lacking or ()))

    @property
    def scopes(self) -> tuple[str, ...]:
        """What the tasks may do, each scope once."""
        found = (scope for task in self.tasks for scope in texts(task.definition, "scopes"))
        return tuple(dict.fromkeys(found))


def effects_of(definition: Mapping[str, Any]) -> Iterator[str]:
    """What a task does beside running, as far as its definition shows."""
    secrets = [
        scope.removeprefix(_READS) for scope in texts(definition, "scopes") if scope.startswith(_READS)
    ]
    if _PUBLISHES.search(_commands(definition)):
        by = f" with the secret {', '.join(secrets)}" if secrets else ""
        yield f"it pushes an image{by}: tags on the registry may move"
    elif secrets:
        yield f"it may read the secret {', '.join(secrets)}, and use what is in it"
    for route in texts(definition, "routes"):
        if route.startswith("index."):
            yield f"once it completes, the index entry {route.removeprefix('index.')} leads to it"
        elif route in _REPORTS:
            yield f"route {route}: Taskcluster-Github hears of it, and reports on groups that it created alone"
        else:
            yield f"route {route}: whoever listens to it is told"
    payload = definition.get("payload")
    if isinstance(payload, dict) and payload.get("cache"):
        yield f"it writes to caches of {pool_of(definition)}"


def _commands(definition: Mapping[str, Any]) -> str:
    """All that a task runs, as one text: a command may be a shell's text, or words of their own."""

    def words(value: Any) -> Iterator[str]:
        if isinstance(value, str):
            yield value
        for each in value if isinstance(value, list) else ():
            yield from words(each)

    payload = definition.get("payload")
    return " ".join(words(payload.get("command"))) if isinstance(payload, dict) else ""


def release_of(definition: Mapping[str, Any]) -> str | None:
    """The tag or release that a task publishes, or None: what somebody must type."""
    task = Task("", "", (), "", "", "", None, None, definition)
    about = pusher_of(task)
    return about.name or about.event if about.event in {"tag", "release"} else None


def again(
    definition: Mapping[str, Any], now: datetime, *, task_id: str, group_id: str | None
) -> dict[str, Any]:
    """A definition to be created once more: its times begin now, and members that are null are left out.

    Args:
        definition: as the queue answers it.
        now: the server's time.
        task_id: the new task's.
        group_id: of the group to put it in, or None for one of its own.

    Raises:
        KeyError: it has no `created` or no `deadline`.
        ValueError: they are no times.
    """
    copy = {key: value for key, value in definition.items() if value is not None}
    created = moment(copy["created"])
    for key in ("deadline", "expires"):
        then = moment(copy.get(key))
        if created is not None and then is not None:
            copy[key] = stamp(now + (then - created))
    copy["created"] = stamp(now)
    copy["taskGroupId"] = group_id or task_id
    # Deprecated names that the queue answers beside `taskQueueId`, and takes only if they agree.
    if "taskQueueId" in copy:
        copy.pop("provisionerId", None)
        copy.pop("workerType", None)
    return copy


def stamp(when: datetime) -> str:
    """A time as Taskcluster writes it."""
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
