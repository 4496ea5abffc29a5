"""Builds as values: tasks, their runs, and what a list of builds shows of a push."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from console.domain.task_request import pool_of
from runner.task.event import parse_repository

if TYPE_CHECKING:
    from collections.abc import Mapping

COMPLETED: Final = "completed"
RESOLVED: Final = frozenset({"completed", "failed", "exception"})
_PUSHER: Final = re.compile(
    r"assume:repo:(?P<host>[^/:]+)/(?P<slug>[^/:]+/[^/:]+):(?P<kind>branch|tag|release|pull-request)(?::(?P<name>.+))?\Z"
)
_SOURCE: Final = re.compile(
    r"https://github\.com/(?P<slug>[^/]+/[^/]+)/(?:commit|blob|raw|tree)/(?P<commit>[0-9a-f]{40})"
)


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


@dataclass(frozen=True, slots=True)
class Pusher:
    """What a task says of the push that it is of; its own claims, but for what its scopes say.

    Args:
        repository: `OWNER/NAME`, or "".
        event: `push`, `tag`, `release` or `pull-request`, or "".
        name: the branch or the tag, or "".
        commit: 40 digits, or "".
    """

    repository: str = ""
    event: str = ""
    name: str = ""
    commit: str = ""


def pusher_of(task: Task) -> Pusher:
    """What can be told of the push: by the variables that a build is given, by scopes, by its source link."""
    definition = task.definition or {}
    payload = definition.get("payload")
    env = payload.get("env") if isinstance(payload, dict) else None
    variables = {k: v for k, v in env.items() if isinstance(v, str)} if isinstance(env, dict) else {}
    assumed = next((found for scope in task.scopes if (found := _PUSHER.match(scope))), None)
    metadata = definition.get("metadata")
    link = _SOURCE.match(str(metadata.get("source", ""))) if isinstance(metadata, dict) else None
    event = _first(variables, "LADING_EVENT", "GITHUB_EVENT").partition(".")[0].replace("_", "-")
    tag = _first(variables, "LADING_TAG", "GITHUB_HEAD_TAG")
    branch = _first(variables, "LADING_BRANCH", "GITHUB_BRANCH", "GITHUB_HEAD_BRANCH")
    named = parse_repository(_first(variables, "LADING_REPOSITORY", "GITHUB_HEAD_REPO_URL"))
    slug = named[1] if named and named[0] == "github.com" else ""
    if assumed is not None:
        kind, name = assumed["kind"], assumed["name"] or ""
        event = event or ("push" if kind == "branch" else kind)
        slug = slug or assumed["slug"]
        branch = branch or (name if kind == "branch" else "")
        tag = tag or (name if kind == "tag" else "")
    if event.startswith("github-"):
        event = event.removeprefix("github-")
    if event == "push" and tag:
        event = "tag"
    return Pusher(
        repository=slug or (link["slug"] if link else ""),
        event=event,
        name=tag or branch,
        commit=_first(variables, "LADING_REVISION", "GITHUB_HEAD_SHA") or (link["commit"] if link else ""),
    )


def _first(variables: Mapping[str, str], *names: str) -> str:
    return next((variables[name] for name in names if variables.get(name)), "")


def tells_result(statement: object) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The digest and the tags of a statement's JSON (`public/docker-image.json`), "" and none where it is no such."""
    try:
        found = statement["predicate"]["lading"]  # type: ignore[index]
        published, tags = found["published"], found["tags"]
    except (KeyError, TypeError):
        return "", ()
    listed = tuple((str(tag), str(state)) for tag, state in tags.items()) if isinstance(tags, dict) else ()
    return str(published), listed
