"""queue: a task, its runs, and how they are stored."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from console.sandbox.deployment import dump
from console.sandbox.failures import not_found
from console.sandbox.moments import parse
from console.sandbox.routing import Service
from console.sandbox.validation import SLUGID

if TYPE_CHECKING:
    import sqlite3
    from datetime import datetime

    from console.sandbox.deployment import Deployment
    from console.sandbox.store import Store

SERVICE: Final = Service("queue")

PRIORITIES: Final = ("highest", "very-high", "high", "medium", "low", "very-low", "lowest")
RESOLVED: Final = ("completed", "failed", "exception")
QUEUE_ID: Final = r"^[a-zA-Z0-9-_]{1,38}/[a-z]([-a-z0-9]{0,36}[a-z0-9])?$"
PATTERNS: Final = {
    "taskId": SLUGID,
    "taskGroupId": SLUGID,
    "runId": r"^[1-9]*[0-9]+$",
    "taskQueueId": QUEUE_ID,
    "name": r"^[\x20-\x7e]+$",
}

Run = dict[str, Any]
_RUN_MEMBERS: Final = (
    *("runId", "state", "reasonCreated", "reasonResolved", "workerGroup", "workerId"),
    *("takenUntil", "scheduled", "started", "resolved"),
)
"""In the order in which the queue tells them, which shows where a message holds a status."""


@dataclass(slots=True)
class Task:
    """A task as the queue keeps it; `definition` has its defaults filled in and holds the priority."""

    task_id: str
    definition: dict[str, Any]
    retries_left: int
    runs: list[Run] = field(default_factory=list)

    @property
    def queue_id(self) -> str:
        """`provisionerId/workerType`."""
        return str(self.definition["taskQueueId"])

    @property
    def group_id(self) -> str:
        """`taskGroupId`."""
        return str(self.definition["taskGroupId"])

    @property
    def scheduler_id(self) -> str:
        """`schedulerId`."""
        return str(self.definition["schedulerId"])

    @property
    def project_id(self) -> str:
        """`projectId`."""
        return str(self.definition["projectId"])

    @property
    def deadline(self) -> datetime:
        """When it must be resolved."""
        return parse(self.definition["deadline"])

    @property
    def state(self) -> str:
        """Of the last run; without runs `unscheduled`."""
        return str(self.runs[-1]["state"]) if self.runs else "unscheduled"

    @property
    def is_resolved(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.state in RESOLVED

    def status(self) -> dict[str, Any]:
        """As the API tells it."""
        told = (
            *("provisionerId", "workerType", "taskQueueId", "schedulerId", "projectId", "taskGroupId"),
            *("priority", "deadline", "expires"),
        )
        return {
            "taskId": self.task_id,
            **{name: self.definition[name] for name in told},
            "retriesLeft": self.retries_left,
            "state": self.state,
            "runs": [{name: run[name] for name in _RUN_MEMBERS if name in run} for run in self.runs],
        }

    def schedule(self, reason: str, now: str) -> None:
        """Add a run that is pending."""
        self.runs.append(
            {"runId": len(self.runs), "state": "pending", "reasonCreated": reason, "scheduled": now}
        )

    def resolve(self, state: str, reason: str, now: str) -> None:
        """End the last run; a task that had none gets one that says why."""
        if not self.runs:
            self.schedule("exception", now)
        self.runs[-1].update(state=state, reasonResolved=reason, resolved=now)


def load(store: Store, task_id: str) -> Task | None:
    """The task, if there is one."""
    row = store.one("select * from tasks where task_id = ?", task_id)
    return from_row(row) if row is not None else None


def from_row(row: sqlite3.Row) -> Task:
    """The task of a row."""
    return Task(row["task_id"], json.loads(row["definition"]), row["retries_left"], json.loads(row["runs"]))


def save(deployment: Deployment, task: Task) -> None:
    """Store the task; those who listen are told, and if it is pending now, those who wait for one."""
    before = load(deployment.store, task.task_id) if deployment.pulse.is_heard else None
    last = task.runs[-1] if task.runs else {}
    is_running = last.get("state") == "running"
    deployment.store.run(
        "insert or replace into tasks values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        *(task.task_id, task.queue_id, task.group_id, task.scheduler_id, task.project_id),
        *(task.definition["priority"], task.definition["deadline"], task.definition["expires"]),
        *(task.retries_left, dump(task.runs), dump(task.definition), task.state),
        last.get("scheduled") if task.state == "pending" else None,
        last.get("takenUntil") if is_running else None,
    )
    if deployment.pulse.is_heard:
        for listener in deployment.on_changed:
            listener(deployment, before, task)
    if task.state == "pending":
        deployment.arrivals.announce(task.queue_id)


def run_of(task: Task, run_id: int) -> Run:
    """The run of that number.

    Raises:
        ApiError: 404.
    """
    if run_id >= len(task.runs):
        raise not_found(f"Run {run_id} not found on task `{task.task_id}`.")
    return task.runs[run_id]
