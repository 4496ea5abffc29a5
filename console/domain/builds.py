"""What a list of builds shows of a push."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from console.domain.pusher import pusher_of
from console.domain.tasks import moment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from console.domain.tasks import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """What a list of builds shows in a row.

    Args:
        origin: `github`, `index`, `hook` or `group`: what told of it.
        group_id: its task group.
        task_id: the task that is meant, or "" for a whole group.
        state: `pending`, `running`, `success`, `failure`, `error`, `cancelled`, `exception` or `unknown`.
        name: the index namespace, the hook, or the task's name.
        repository: `OWNER/NAME`, or "".
        event: `push`, `tag`, `release`, `pull-request`, or as the origin calls it.
        branch: of a push; the tag of a tag or a release; `#12` of a pull request; "" where it is not known.
        commit: 40 digits, or "".
        who: an address or a name, or "".
        created: when it began.
        ended: when it ended, or None.
        tags: image tags with their states, as its statement has them.
        digest: `sha256:…` as published, or "".
        problem: what could not be done or read, or "".
    """

    origin: str
    group_id: str
    task_id: str = ""
    state: str
    name: str = ""
    repository: str = ""
    event: str = ""
    branch: str = ""
    commit: str = ""
    who: str = ""
    created: datetime | None = None
    ended: datetime | None = None
    tags: tuple[tuple[str, str], ...] = ()
    digest: str = ""
    problem: str = ""

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to come."""
        return self.state not in {"pending", "running", "unscheduled"}

    def seconds(self, now: datetime) -> float | None:
        """How long it took, or takes so far."""
        if self.created is None:
            return None
        end = self.ended if self.is_over else now
        return max(0.0, (end - self.created).total_seconds()) if end else None


def github_build(found: Mapping[str, Any]) -> Build:
    """A build as the github service tells of it: it writes `%` for a dot in names.

    Raises:
        KeyError: a member is missing.
        ValueError: a member is no time.
    """
    slug = f"{found['organization']}/{found['repository']}".replace("%", ".")
    state = str(found["state"])
    updated = moment(found["updated"])
    number = found.get("pullRequestNumber")
    return Build(
        origin="github",
        group_id=str(found["taskGroupId"]),
        state=state,
        repository=slug,
        event=str(found["eventType"]),
        branch=f"#{number}" if number else "",
        commit=str(found["sha"]),
        created=moment(found["created"]),
        ended=None if state == "pending" else updated,
    )


_STATES: Final = {"completed": "success", "failed": "failure"}


def build_of_tasks(tasks: tuple[Task, ...], *, origin: str, name: str = "", task_id: str = "") -> Build:
    """A row of the tasks of a group, or of one task.

    Args:
        tasks: at least one.
        origin: what told of it.
        name: as the origin calls it; else the task's name.
        task_id: the one that is meant, or "" for the group.
    """
    meant = next((task for task in tasks if task.task_id == task_id), tasks[0])
    created = [when for task in tasks if (when := moment((task.definition or {}).get("created")))]
    ends = [task.resolved for task in tasks if task.resolved]
    over = all(task.is_resolved for task in tasks)
    about = pusher_of(meant)
    return Build(
        origin=origin,
        group_id=meant.group_id,
        task_id=task_id,
        state=state_of(tasks),
        name=name or meant.name,
        repository=about.repository,
        event=about.event,
        branch=about.name,
        commit=about.commit,
        who=meant.owner,
        created=min(created, default=None),
        ended=max(ends, default=None) if over else None,
    )


def state_of(tasks: tuple[Task, ...]) -> str:
    """Of several tasks the one state: what runs before what waits, what went wrong before what went well."""
    states = {task.state for task in tasks}
    for state in ("running", "pending", "unscheduled"):
        if state in states:
            return "pending" if state == "unscheduled" else state
    for state in ("exception", "failed"):
        if state in states:
            cancelled = all(
                task.last_run is not None and task.last_run.why_resolved == "canceled"
                for task in tasks
                if task.state == "exception"
            )
            return "cancelled" if state == "exception" and cancelled else _STATES.get(state, state)
    return "success"


def tells_result(statement: object) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The digest and the tags of a statement's JSON (`public/docker-image.json`), "" and none where it is no such."""
    try:
        found = statement["predicate"]["lading"]  # type: ignore[index]
        published, tags = found["published"], found["tags"]
    except (KeyError, TypeError):
        return "", ()
    listed = tuple((str(tag), str(state)) for tag, state in tags.items()) if isinstance(tags, dict) else ()
    return str(published), listed
