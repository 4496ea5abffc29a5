"""The recent builds of a repository's images, from all that tell of them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from console.actions.artifact_list import list_artifacts
from console.actions.build_hooks import hooks_of, last_fires
from console.actions.build_report import STATEMENT, named, read_json
from console.domain.builds import Build, build_of_tasks, github_build, tells_result
from console.failures import Absent, MissingScopes
from console.services import tasks
from runner.errors import RunnerError, Unavailable
from runner.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.actions.repository import Repository
    from console.connection import Connection
    from console.domain.tasks import Task

_AT_ONCE: Final = 4
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
# Tasks of a group that are looked at for what was published.
_LOOKED_AT: Final = 20
# Tasks of a namespace that are read.
_INDEXED: Final = 200


@dataclass(frozen=True, slots=True)
class Where:
    """Where builds are looked for.

    Args:
        slug: the repository, `OWNER/NAME`, whose builds the github service is asked for, and whose hooks are found; or
            "".
        namespaces: of the index, whose tasks and those below `.sha256` are listed.
        hooks: `GROUP/HOOK`, of others whose last fires are listed.
        groups: ids of task groups.
    """

    slug: str = ""
    namespaces: tuple[str, ...] = ()
    hooks: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


def where_of(repository: Repository) -> Where:
    """What the builds of a checkout's images are asked of."""
    images = [image for image in repository.images if isinstance(image, Settings)]
    return Where(
        slug=repository.slug,
        namespaces=tuple(dict.fromkeys(image.index for image in images if image.index)),
    )


@dataclass(frozen=True, slots=True)
class BuildList:
    """What was found.

    Args:
        builds: the last first.
        unread: what could not be asked, in words.
    """

    builds: tuple[Build, ...]
    unread: tuple[str, ...]


async def list_builds(connection: Connection, where: Where, limit: int = 30) -> BuildList:
    """The last builds.

    Args:
        connection: whom to ask.
        where: where they are looked for; what may not be read is told, and does not hinder the rest.
        limit: how many.

    Raises:
        Unavailable: nothing at all could be asked.
    """
    found: list[Build] = []
    unread: list[str] = []
    asked = [
        *([partial(_of_github, connection, where.slug, limit)] if where.slug else []),
        *(partial(_of_index, connection, namespace, unread.append) for namespace in where.namespaces),
        *([partial(_of_hooks, connection, where, limit)] if where.slug or where.hooks else []),
        *(partial(_of_group, connection, group_id) for group_id in where.groups),
    ]
    for question in asked:
        try:
            found.extend(await question())
        except RunnerError as error:
            unread.append(str(error))
    builds = sorted(_merged(found), key=lambda build: build.created or _LONG_AGO, reverse=True)
    return BuildList(tuple(builds[:limit]), tuple(unread))


async def list_whole(connection: Connection, where: Where, limit: int = 30) -> BuildList:
    """The last builds with what their tasks tell; as `list_builds`."""
    found = await list_builds(connection, where, limit)
    gate = asyncio.Semaphore(_AT_ONCE)

    async def told(build: Build) -> Build:
        async with gate:
            return await with_details(connection, build)

    return replace(found, builds=tuple(await asyncio.gather(*map(told, found.builds))))


def _merged(found: list[Build]) -> list[Build]:
    """A build that several tell of, once: the first that does, with the digest that another knows."""
    merged: dict[str, Build] = {}
    for build in found:
        known = merged.get(build.group_id)
        if known is None:
            merged[build.group_id] = build
        elif known.task_id == build.task_id or not known.task_id:
            merged[build.group_id] = replace(
                known,
                digest=known.digest or build.digest,
                who=known.who or build.who,
                branch=known.branch or build.branch,
                name=known.name or build.name,
            )
        else:
            merged[f"{build.group_id} {build.task_id}"] = build
    return list(merged.values())


async def _of_github(connection: Connection, slug: str, limit: int) -> list[Build]:
    owner, _, name = slug.partition("/")
    # The service keeps names with `%` for a dot.
    query = {"organization": owner, "repository": name.replace(".", "%"), "limit": str(min(limit, 100))}
    found: list[Build] = []
    async for page in connection.taskcluster.pages("github", "builds", key="builds", query=query):
        try:
            found.extend(github_build(item) for item in page)
        except (KeyError, TypeError, ValueError) as error:
            raise Unavailable("github tells of builds in a shape that is not known.") from error
        if len(found) >= limit:
            break
    return found[:limit]


async def _of_index(connection: Connection, namespace: str, tell: Callable[[str], None]) -> list[Build]:
    """The index knows no order of time: all its tasks are read, or as many as a list of builds is worth."""
    found: list[Build] = []
    for place in (namespace, f"{namespace}.sha256"):
        entries: dict[str, str] = {}
        async for page in connection.taskcluster.pages("index", "listTasks", place, key="tasks"):
            entries.update({item["taskId"]: item["namespace"] for item in page})
            if len(entries) > _INDEXED:
                tell(f"Of the index {place} only the first {_INDEXED} tasks by name were read: it has more.")
                break
        read = await tasks.several(connection.taskcluster, [*entries][:_INDEXED])
        for task_id, task in read.items():
            build = build_of_tasks((task,), origin="index", name=entries[task_id], task_id=task_id)
            digest = entries[task_id].rpartition(".sha256.")[2] if ".sha256." in entries[task_id] else ""
            found.append(replace(build, digest=f"sha256:{digest}" if digest else ""))
    return found


async def _of_hooks(connection: Connection, where: Where, limit: int) -> list[Build]:
    """Of those that are named, and of those that are found."""
    found = await hooks_of(connection, where.slug, where.namespaces) if where.slug else ()
    hooks = dict.fromkeys((*where.hooks, *found))
    return [build for hook in hooks for build in await last_fires(connection, hook, limit)]


async def _of_group(connection: Connection, group_id: str) -> list[Build]:
    """One row, whatever the group's size: of its later pages one task of each result is kept, the last to end."""
    first: list[Task] = []
    others: dict[str, Task] = {}
    async for page in tasks.group(connection.taskcluster, group_id):
        if not first:
            first = page
            continue
        for task in page:
            known = others.get(task.result)
            if known is None or (known.resolved or _LONG_AGO) < (task.resolved or _LONG_AGO):
                others[task.result] = task
    return [build_of_tasks((*first, *others.values()), origin="group")] if first else []


async def with_details(connection: Connection, build: Build) -> Build:
    """The build with its branch, who, tags and digest, as its tasks tell; what cannot be read stays open.

    Raises:
        RunnerError: as `Taskcluster.call`, but for what is absent or may not be read.
    """
    try:
        found = await _tasks_of(connection, build)
    except (Absent, MissingScopes) as error:
        return replace(build, problem=build.problem or error.what)
    if not found:
        return build
    about = build_of_tasks(tuple(found), origin=build.origin, task_id=build.task_id)
    running = build.state == "pending" and about.state == "running"
    build = replace(
        build,
        state="running" if running else build.state,
        name=build.name or about.name,
        repository=build.repository or about.repository,
        branch=build.branch or about.branch,
        commit=build.commit or about.commit,
        who=build.who or about.who,
        event=build.event or about.event,
        ended=build.ended or about.ended,
    )
    for task in found[:_LOOKED_AT]:
        if task.state != "completed":
            continue
        digest, tags = await _published(connection, task.task_id)
        if digest or tags:
            return replace(build, digest=build.digest or digest, tags=tags)
    return build


async def _tasks_of(connection: Connection, build: Build) -> list[Task]:
    if build.task_id:
        return [await tasks.task(connection.taskcluster, build.task_id)]
    async for page in tasks.group(connection.taskcluster, build.group_id):
        return page
    return []


async def _published(connection: Connection, task_id: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    try:
        found = named(await list_artifacts(connection, task_id), STATEMENT)
    except (Absent, MissingScopes):
        return "", ()
    for artifact in found[:1]:
        statement, _problem = await read_json(connection, artifact)
        return tells_result(statement)
    return "", ()
