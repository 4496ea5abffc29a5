"""github: which pushes became which task groups, and how those stand.

A push comes from `lading sandbox push`, which tells it to `recordBuild`: GitHub's webhook in its place. A
repository has the integration installed once it was pushed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from console.sandbox.call import Reply
from console.sandbox.failures import ApiError, input_error, not_found
from console.sandbox.paging import by_offset
from console.sandbox.routing import Endpoint, Service
from console.sandbox.services.queue_model import RESOLVED, from_row
from console.sandbox.services.queue_resolve import ended
from console.sandbox.validation import SLUG, Members, Number, Text

if TYPE_CHECKING:
    import sqlite3

    from console.sandbox.call import Call
    from console.sandbox.deployment import Deployment
    from console.sandbox.services.queue_model import Task

SERVICE: Final = Service("github")
_NAME: Final = r"^([a-zA-Z0-9-_%]*)$"
_REPOSITORY: Final = r"^([a-zA-Z0-9-_%.]*)$"
_PATTERNS: Final = {"owner": _NAME, "repo": _REPOSITORY, "number": r"^([0-9]+)$"}
_STATUS: Final = Members(
    of={
        "state": Text(one_of=("pending", "success", "error", "failure")),
        "target_url": Text(),
        "description": Text(),
        "context": Text(),
    },
    required=("state",),
)
_COMMENT: Final = Members(of={"body": Text()}, required=("body",))
_BUILD: Final = Members(
    of={
        "organization": Text(pattern=_NAME, least=1, most=100),
        "repository": Text(pattern=_REPOSITORY, least=1, most=100),
        "sha": Text(pattern=r"^[0-9a-f]{40}$"),
        "ref": Text(),
        "taskGroupId": SLUG,
        "eventType": Text(least=1),
        "pullRequestNumber": Number(integer=True, least=1),
    },
    required=("organization", "repository", "sha", "ref", "taskGroupId", "eventType"),
)
_FILTERS: Final = {
    "organization": "",
    "repository": "organization",
    "sha": "repository",
    "pullRequest": "repository",
}
"""Each filter, and the one that it needs."""


def _check_filters(call: Call) -> None:
    patterns = {"organization": _NAME, "repository": _NAME, "pullRequest": r"^([0-9]*)$"}
    wrong = [
        f'Query-string parameter: {key}="{call.query[key]}" does not match expression: /{pattern}/'
        for key, pattern in patterns.items()
        if not re.search(pattern, call.query.get(key, ""))
    ]
    if wrong:
        raise ApiError("InvalidRequestArguments", "\n".join(wrong))
    for key, needed in _FILTERS.items():
        if needed and call.query.get(key) and not call.query.get(needed):
            raise input_error(f"Must provide `{needed}` if querying `{key}`")


def _stored(name: str) -> str:
    """As builds name a repository: with `%` for a dot."""
    return name.replace(".", "%")


def _matching(call: Call, **filters: str | None) -> list[sqlite3.Row]:
    given = {column: value for column, value in filters.items() if value}
    where = " and ".join(("1", *(f"{column} = ?" for column in given)))
    return call.deployment.store.all(
        f"select rowid, * from builds where {where}",  # noqa: S608 - the columns are this module's own
        *given.values(),
    )


def _answer(deployment: Deployment, row: sqlite3.Row) -> dict[str, Any]:
    state, updated = _standing(deployment, row)
    number = row["pull_request"]
    return {
        "organization": row["organization"],
        "repository": row["repository"],
        "sha": row["sha"],
        "state": state,
        "taskGroupId": row["group_id"],
        "eventType": row["event_type"],
        "eventId": row["event_id"],
        "created": row["created"],
        "updated": updated,
        **({"pullRequestNumber": number} if number else {}),
    }


def _tasks(deployment: Deployment, row: sqlite3.Row) -> list[Task]:
    rows = deployment.store.all("select * from tasks where group_id = ?", row["group_id"])
    return [from_row(found) for found in rows]


def _standing(deployment: Deployment, row: sqlite3.Row) -> tuple[str, str]:
    """State and since when: pending until all of its tasks are resolved, a failure if one did not complete."""
    if row["cancelled"]:
        return "cancelled", row["cancelled"]
    tasks = _tasks(deployment, row)
    if not all(task.state in RESOLVED for task in tasks):
        return "pending", row["created"]
    ends = [str(run["resolved"]) for task in tasks for run in task.runs if "resolved" in run]
    is_good = all(task.state == "completed" for task in tasks)
    return "success" if is_good else "failure", max([row["created"], *ends])


@SERVICE.endpoint("builds", scopes="github:list-builds")
async def builds(call: Call) -> Any:
    """Those that the filters leave, the one that changed last first."""
    _check_filters(call)
    rows = _matching(
        call,
        organization=call.query.get("organization"),
        repository=call.query.get("repository"),
        sha=call.query.get("sha"),
        pull_request=call.query.get("pullRequest"),
    )
    found = sorted((_answer(call.deployment, row) for row in rows), key=lambda b: b["updated"], reverse=True)
    page, token = by_offset(found, call.query)
    return {"builds": page, **token}


@SERVICE.endpoint("cancelBuilds", scopes="github:cancel-builds:<owner>:<repo>", patterns=_PATTERNS)
async def cancel(call: Call) -> Any:
    """Seal and cancel the groups of the builds that are pending."""
    deployment = call.deployment
    rows = _matching(
        call,
        organization=call.params["owner"],
        repository=_stored(call.params["repo"]),
        sha=call.query.get("sha"),
        pull_request=call.query.get("pullRequest"),
    )
    pending = [row for row in rows if _standing(deployment, row)[0] == "pending"]
    if not pending:
        raise not_found("No cancellable builds found")
    now = deployment.time()
    answered = [{**_answer(deployment, row), "state": "cancelled"} for row in pending]
    with deployment.store.transaction():
        for row in pending:
            deployment.store.run(
                "update task_groups set sealed = coalesce(sealed, ?) where group_id = ?", now, row["group_id"]
            )
            for task in _tasks(deployment, row):
                if not task.is_resolved:
                    task.resolve("exception", "canceled", now)
                    ended(deployment, task)
            deployment.store.run("update builds set cancelled = ? where group_id = ?", now, row["group_id"])
    return {"builds": answered}


def _is_installed(call: Call) -> bool:
    return bool(_matching(call, organization=call.params["owner"], repository=_stored(call.params["repo"])))


@SERVICE.endpoint("repository", scopes="github:get-repository:<owner>:<repo>", patterns=_PATTERNS)
async def repository(call: Call) -> Any:
    """Whether the integration is installed there."""
    return {"installed": _is_installed(call)}


@SERVICE.endpoint("latest", scopes="github:latest-status:<owner>:<repo>:<branch>", patterns=_PATTERNS)
async def latest(call: Call) -> Any:
    """Where the newest build of a branch is shown."""
    rows = _matching(
        call,
        organization=call.params["owner"],
        repository=_stored(call.params["repo"]),
        ref=f"refs/heads/{call.params['branch']}",
    )
    if not rows:
        raise not_found("Status not found")
    newest = max(rows, key=lambda row: (row["created"], row["rowid"]))
    url = f"{call.deployment.root_url}/tasks/groups/{newest['group_id']}"
    return Reply(status=302, headers={"Location": url}, text=f"Found. Redirecting to {url}")


@SERVICE.endpoint(
    "createStatus",
    scopes="github:create-status:<owner>/<repo>",
    takes=_STATUS,
    schema="github/v1/create-status.json#",
    patterns=_PATTERNS,
)
async def create_status(call: Call) -> Any:
    """Taken where the integration is installed; there is no GitHub that would show it."""
    if not _is_installed(call):
        raise not_found("Installation not found")
    return {}


@SERVICE.endpoint(
    "createComment",
    scopes="github:create-comment:<owner>/<repo>",
    takes=_COMMENT,
    schema="github/v1/create-comment.json#",
    patterns=_PATTERNS,
)
async def create_comment(call: Call) -> Any:
    """The same."""
    if not _is_installed(call):
        raise not_found("Issue not found")
    return {}


async def record(call: Call) -> Any:
    """What GitHub's webhook and the service's own handlers do: a build exists once its tasks do."""
    body, deployment = call.payload, call.deployment
    deployment.store.run(
        "insert or replace into builds (group_id, organization, repository, sha, ref, event_type, event_id,"
        " pull_request, created) values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        *(body["taskGroupId"], body["organization"], _stored(body["repository"]), body["sha"], body["ref"]),
        *(body["eventType"], _event_id(deployment), body.get("pullRequestNumber"), deployment.time()),
    )
    return {}


def _event_id(deployment: Deployment) -> str:
    """In the form of GitHub's `X-GitHub-Delivery`."""
    digits = deployment.random(16).hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


SERVICE.unpublished.append(
    Endpoint(
        name="recordBuild",
        handler=record,
        scopes="sandbox:record-build",
        takes=_BUILD,
        schema="github/v1/sandbox-build.json#",
        method="POST",
        route="/sandbox/builds",
    )
)
