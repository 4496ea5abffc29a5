"""The hooks that build a repository's images, and what they fired last."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from console.domain.builds import Build
from console.domain.tasks import moment
from console.failures import Absent

if TYPE_CHECKING:
    from collections.abc import Collection

    from console.connection import Connection

_STATES: Final = {"completed": "success", "failed": "failure", "unscheduled": "pending"}


async def hooks_of(connection: Connection, slug: str, namespaces: Collection[str]) -> tuple[str, ...]:
    """The hooks whose task names the repository, or where its images are indexed, as `GROUP/HOOK`.

    A deployment has hundreds of groups of hooks: looked through are those that are called after the repository or its
    owner, as `project-balrog`.

    Raises:
        RunnerError: as `Taskcluster.call`.
    """
    words = {word.casefold() for word in slug.split("/")}
    marks = [slug, *namespaces]
    groups = (await connection.taskcluster.call("hooks", "listHookGroups"))["groups"]
    found = []
    for group in groups:
        if words.isdisjoint(re.split("[^a-z0-9]+", group.casefold())) and group.casefold() not in words:
            continue
        for hook in (await connection.taskcluster.call("hooks", "listHooks", group))["hooks"]:
            told = json.dumps(hook.get("task"))
            if any(mark in told for mark in marks):
                found.append(f"{group}/{hook['hookId']}")
    return tuple(found)


async def last_fires(connection: Connection, hook: str, limit: int) -> list[Build]:
    """What a hook fired last, the last first; none where it is not there or never fired.

    Args:
        connection: whom to ask.
        hook: `GROUP/HOOK`.
        limit: how many, about.

    Raises:
        RunnerError: as `Taskcluster.pages`.
    """
    group, _, name = hook.partition("/")
    found: list[Build] = []
    try:
        async for page in connection.taskcluster.pages(
            "hooks", "listLastFires", group, name, key="lastFires"
        ):
            for fire in page:
                task_id, state = str(fire["taskId"]), str(fire.get("taskState", "unknown"))
                good = fire["result"] == "success"
                found.append(
                    Build(
                        origin="hook",
                        group_id=task_id,
                        task_id=task_id if good else "",
                        state=_STATES.get(state, state) if good else "error",
                        name=hook,
                        event=str(fire["firedBy"]),
                        created=moment(fire["taskCreateTime"]),
                        problem="" if good else " ".join(str(fire.get("error", "")).split()),
                    )
                )
            if len(found) >= limit:
                break
    except Absent:
        return []
    return found[:limit]
