"""Tasks and their runs, as the queue tells of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from console.domain.task_request import pool_of

if TYPE_CHECKING:
    from collections.abc import Mapping

COMPLETED: Final = "completed"
RESOLVED: Final = frozenset({"completed", "failed", "exception"})


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a task.

    Args:
        run_id: from 0 on.
        state: `pending`, `running`, `completed`, `failed` or `exception`.
        why_created: `scheduled`, `retry`, `task-retry`, `rerun` or `exception`.
        why_resolved: `completed`, `failed`, `canceled`, `deadline-exceeded` and so on, or "".
        scheduled: when it began to wait.
        started: when a worker took it.
        resolved: when it ended.
        worker: `GROUP/ID`, or "".
    """

    run_id: int
    state: str
    why_created: str = ""
    why_resolved: str = ""
    scheduled: datetime | None = None
    started: datetime | None = None
    resolved: datetime | None = None
    worker: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """A task with its runs.

    Args:
        task_id: its id.
        state: `unscheduled`, `pending`, `running`, `completed`, `failed` or `exception`.
        runs: in their order.
        group_id: of the group that it is in.
        scheduler_id: `taskcluster-github` for a push.
        priority: `lowest` to `highest`.
        deadline: until when it must be resolved.
        expires: when it and its artifacts go away.
        definition: as the queue keeps it, or None where only the status was read.
    """

    task_id: str
    state: str
    runs: tuple[Run, ...]
    group_id: str
    scheduler_id: str
    priority: str
    deadline: datetime | None
    expires: datetime | None
    definition: Mapping[str, Any] | None = None

    @property
    def is_resolved(self) -> bool:
        """Whether it has ended; a rerun can still begin."""
        return self.state in RESOLVED

    @property
    def name(self) -> str:
        """As its creator called it."""
        return str(self._metadata.get("name", "")) or self.task_id

    @property
    def owner(self) -> str:
        """Whom its creator named, an address."""
        return str(self._metadata.get("owner", ""))

    @property
    def _metadata(self) -> Mapping[str, Any]:
        found = (self.definition or {}).get("metadata")
        return found if isinstance(found, dict) else {}

    @property
    def pool(self) -> str:
        """The task queue, `PROVISIONER/WORKER-TYPE`."""
        return pool_of(self.definition or {})

    @property
    def routes(self) -> tuple[str, ...]:
        """What else is told of it, and where it is indexed."""
        return texts(self.definition, "routes")

    @property
    def scopes(self) -> tuple[str, ...]:
        """What it may do."""
        return texts(self.definition, "scopes")

    @property
    def dependencies(self) -> tuple[str, ...]:
        """The tasks that it waits for."""
        return texts(self.definition, "dependencies")

    @property
    def needs_success(self) -> bool:
        """Whether it waits for its dependencies to complete, not just to end."""
        return bool((self.definition or {}).get("requires", "all-completed") == "all-completed")

    @property
    def last_run(self) -> Run | None:
        """The run that its state is of."""
        return self.runs[-1] if self.runs else None

    @property
    def result(self) -> str:
        """Its state, with the reason of an exception: `exception (canceled)`."""
        run = self.last_run
        if self.state == "exception" and run is not None and run.why_resolved:
            return f"exception ({run.why_resolved})"
        return self.state

    @property
    def started(self) -> datetime | None:
        """When a worker first took it."""
        return next((run.started for run in self.runs if run.started), None)

    @property
    def resolved(self) -> datetime | None:
        """When it ended, or None where it has not."""
        run = self.last_run
        return run.resolved if run is not None and self.is_resolved else None


def task_of(status: Mapping[str, Any], definition: Mapping[str, Any] | None = None) -> Task:
    """A task as the queue tells of it.

    Args:
        status: the member `status` of its answers.
        definition: the task's, where it was read too.

    Raises:
        KeyError: a member is missing.
        TypeError: a member is of another type.
        ValueError: a member is no time.
    """
    return Task(
        task_id=str(status["taskId"]),
        state=str(status["state"]),
        runs=tuple(_run(run) for run in status["runs"]),
        group_id=str(status["taskGroupId"]),
        scheduler_id=str(status["schedulerId"]),
        priority=str(status.get("priority") or (definition or {}).get("priority", "lowest")),
        deadline=moment(status.get("deadline")),
        expires=moment(status.get("expires")),
        definition=definition,
    )


def _run(run: Mapping[str, Any]) -> Run:
    worker = "/".join(str(run[key]) for key in ("workerGroup", "workerId") if key in run)
    return Run(
        run_id=int(run["runId"]),
        state=str(run["state"]),
        why_created=str(run.get("reasonCreated", "")),
        why_resolved=str(run.get("reasonResolved", "")),
        scheduled=moment(run.get("scheduled")),
        started=moment(run.get("started")),
        resolved=moment(run.get("resolved")),
        worker=worker,
    )


def moment(text: object) -> datetime | None:
    """A time as Taskcluster writes it, with `Z` or an offset, or None.

    Raises:
        ValueError: it is a text, and no time.
    """
    return datetime.fromisoformat(text) if isinstance(text, str) else None


def texts(definition: Mapping[str, Any] | None, key: str) -> tuple[str, ...]:
    """A member that is a list of texts."""
    found = (definition or {}).get(key)
    return tuple(item for item in found if isinstance(item, str)) if isinstance(found, list) else ()
