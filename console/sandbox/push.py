"""`lading sandbox push`: what GitHub and Taskcluster-Github do when somebody pushes, against a sandbox."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import aiohttp

from console.domain.taskcluster_yml import FILE_NAME, BadTaskclusterYml, read
from console.sandbox.pushed_hooks import trigger_hooks
from console.sandbox.signed_http import Api, Credentials, TaskclusterFailure
from runner.errors import Conflict, Refused, Unavailable, UsageError
from runner.masking import Masked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from console.sandbox.pushed import Push
    from runner.errors import RunnerError

_FORBIDDEN: Final = 403
_CONFLICT: Final = 409
_LOOPBACK: Final = ("127.0.0.1", "localhost")


async def push(pushed: Push, environment: Mapping[str, str]) -> dict[str, Any]:
    """Trigger the hooks and create the tasks of a push, with the scopes of its role and no others; record the builds.

    A hook that cannot be triggered keeps no task from being created.

    Returns:
        `taskGroupId`, and `tasks`: of each its `taskId` and `name`; `hooks`: of each its `taskId` and the `hook`.

    Raises:
        UsageError: the variables of a sandbox are not set, the task file does not become tasks, or a hook does not
            take the event.
        Refused: the role does not grant what the tasks and hooks need.
        Conflict: a task exists already.
        Unavailable: the sandbox does not answer.
    """
    import taskcluster  # a third of a second, for this command only

    root_url, credentials = _deployment(environment)
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    try:
        rendering = read(pushed.task_file).render(
            pushed.event, root_url=root_url, now=now, new_id=taskcluster.slugId
        )
    except BadTaskclusterYml as error:
        raise UsageError(f"{error}.") from error
    try:
        async with aiohttp.ClientSession() as session:
            own = Api(session, root_url, credentials)
            triggering = trigger_hooks(own, rendering, root_url=root_url, now=now, new_id=taskcluster.slugId)
            hooks, failure = await _triggered(own, pushed, triggering)
            api = Api(session, root_url, credentials, rendering.scopes)
            for task_id, task in rendering.tasks.items():
                await api.call("PUT", "queue", "task", task_id, payload={"created": now, **task})
            if rendering.group is not None:
                await _record(own, pushed, rendering.group)
    except TaskclusterFailure as error:
        raise _translated(error, rendering.role or "") from error
    except aiohttp.ClientError as error:
        raise Unavailable(
            f"{root_url} does not answer.", cause=f"{error}.", action="Start it: lading sandbox"
        ) from error
    if failure is not None:
        raise failure
    named = [{"taskId": task_id, "name": _name(task)} for task_id, task in rendering.tasks.items()]
    return {"taskGroupId": rendering.group, "tasks": named, "hooks": hooks}


async def _triggered(
    own: Api, pushed: Push, triggering: AsyncIterator[tuple[str, str]]
) -> tuple[list[dict[str, str]], RunnerError | None]:
    made = []
    try:
        async for hook, task_id in triggering:
            made.append({"taskId": task_id, "hook": hook})
            await _record(own, pushed, task_id)
    except (Refused, UsageError) as error:
        return made, error
    return made, None


async def _record(own: Api, pushed: Push, group: str) -> None:
    organization, _, repository = pushed.event.slug.partition("/")
    build: dict[str, Any] = {
        "organization": organization,
        "repository": repository,
        "sha": pushed.revision,
        "ref": pushed.ref,
        "taskGroupId": group,
        "eventType": pushed.event.name,
    }
    if pushed.pull_request is not None:
        build["pullRequestNumber"] = pushed.pull_request
    await own.call("POST", "github", "sandbox", "builds", payload=build)


def _name(task: Mapping[str, Any]) -> str:
    return str(task.get("metadata", {}).get("name", ""))


def _deployment(environment: Mapping[str, str]) -> tuple[str, Credentials]:
    names = ("TASKCLUSTER_ROOT_URL", "TASKCLUSTER_CLIENT_ID", "TASKCLUSTER_ACCESS_TOKEN")
    missing = [name for name in names if not environment.get(name)]
    if missing:
        raise UsageError(
            f"{', '.join(missing)} is not set.",
            action="Read them from the file that `lading sandbox --env-file FILE` wrote.",
        )
    root_url, client_id, token = (environment[name] for name in names)
    if urlsplit(root_url).hostname not in _LOOPBACK:
        # Real ones have a GitHub of their own, and tasks made by hand would run there.
        raise UsageError(f"{root_url} is no sandbox: those are at {_LOOPBACK[0]}.")
    return root_url, Credentials(client_id, Masked(token))


def _translated(error: TaskclusterFailure, role: str) -> Refused | Conflict | UsageError | Unavailable:
    if error.status == _FORBIDDEN:
        return Refused(
            f"The tasks may not be created: {error}",
            action=f"Add what is missing to the role {role}, or take it out of {FILE_NAME}.",
        )
    if error.status == _CONFLICT:
        return Conflict(f"A task was not created: {error}")
    if error.status < _FORBIDDEN:
        return UsageError(f"{FILE_NAME} makes a task that the queue does not take: {error}")
    return Unavailable(f"The queue did not create the tasks: {error}")


def as_text(answer: Mapping[str, Any], *, as_json: bool) -> str:
    """The answer for standard output: JSON, or a line for each task and hook."""
    if as_json:
        return json.dumps(answer, indent=2) + "\n"
    lines = [f"{task['taskId']} {task['name']}" for task in answer["tasks"]]
    lines += [f"{hook['taskId']} hook {hook['hook']}" for hook in answer["hooks"]]
    return "".join(f"{line}\n" for line in lines)
