"""Whether the task that publishes has an engine to build with: `dind` is no more, and a container has none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from console.domain.findings import Diagnosis, Link, broken, ok
from console.domain.findings_fix import NEW_TASK_FILE, Edit, How
from console.domain.findings_task import RUNS_LADING, object_of
from console.domain.scopes import satisfies
from console.domain.taskcluster_yml_advice import advise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.domain.findings_task import PublishTask

_IS_GONE: Final = ("dind", "dockerSave")
_PRIVILEGED: Final = "docker-worker:capability:privileged"


def engine_findings(task: PublishTask) -> Iterator[Diagnosis]:
    """Whether the task has an engine to build with."""
    features = object_of(task.payload.get("features"))
    gone = [name for name in _IS_GONE if features.get(name)]
    if gone:
        advice = {one.subject: one.instead for one in advise(task.file)}
        path = ("payload", "features", gone[0])
        yield broken(
            Link.ENGINE,
            "engine-is-gone",
            f"{task.line_of(*path)}: the feature `{gone[0]}` is gone since Taskcluster v89: the task ends as "
            "malformed-payload.",
            f"Take `{gone[0]}` out. {advice.get(gone[0], '')}".strip(),
            # A container has no other engine.
            task.edit(*(Edit(("payload", "features", name), How.REMOVE) for name in gone))
            if task.is_native
            else NEW_TASK_FILE,
        )
        return
    yield from _native_engine(task) if task.is_native else _container_engine(task)


def _native_engine(task: PublishTask) -> Iterator[Diagnosis]:
    groups = task.payload.get("osGroups")
    if not isinstance(groups, list) or "docker" not in groups:
        yield ok(Link.ENGINE, f"Docker of {task.pool}, as the worker's own user")
        return
    scope = f"generic-worker:os-group:{task.pool}/docker"
    if satisfies(task.scopes, scope):
        yield ok(Link.ENGINE, f"Docker of {task.pool}, by its group `docker`")
        return
    yield broken(
        Link.ENGINE,
        "task-lacks-engine-group",
        f"{task.line_of('payload', 'osGroups')}: the task asks for the group `docker`, and its scopes lack `{scope}`: "
        "the worker ends it as malformed-payload.",
        f"Add `{scope}` to the task's `scopes`.",
        task.edit(Edit(("scopes",), How.ADD, scope)),
    )


def _container_engine(task: PublishTask) -> Iterator[Diagnosis]:
    runs = {found["verb"] for found in RUNS_LADING.finditer(task.commands)}
    if "DOCKER_HOST" in task.environment or runs == {"push"}:
        yield ok(Link.ENGINE, "not needed: a layout is pushed" if runs == {"push"} else "by DOCKER_HOST")
        return
    if not object_of(task.payload.get("capabilities")).get("privileged"):
        yield broken(
            Link.ENGINE,
            "engine-not-there",
            f"{task.line_of('payload', 'image')}: the task runs in a container, and in none of them is there a "
            "Docker Engine.",
            "Use the worker's own: `lading task init --print` shows such a task.",
            task.edit(
                Edit(("payload", "image"), How.REMOVE),
                Edit(("payload", "osGroups"), How.SET, ["docker"]),
                Edit(("scopes",), How.ADD, f"generic-worker:os-group:{task.pool}/docker"),
            ),
        )
        return
    if satisfies(task.scopes, _PRIVILEGED) or satisfies(task.scopes, f"{_PRIVILEGED}:{task.pool}"):
        yield ok(Link.ENGINE, "a privileged container, which must start a dockerd of its own")
        return
    yield broken(
        Link.ENGINE,
        "task-lacks-privilege",
        f"{task.line_of('payload', 'capabilities')}: the task asks for a privileged container, and its scopes lack "
        f"`{_PRIVILEGED}`.",
        f"Add `{_PRIVILEGED}:{task.pool}` to the task's `scopes`.",
        task.edit(Edit(("scopes",), How.ADD, f"{_PRIVILEGED}:{task.pool}")),
    )
