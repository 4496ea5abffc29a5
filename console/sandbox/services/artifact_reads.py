"""queue: artifacts are read, described and listed."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from console.sandbox.call import Reply
from console.sandbox.deployment import QUEUE_CLIENT
from console.sandbox.failures import ApiError, input_error, not_found
from console.sandbox.paging import by_key
from console.sandbox.services.artifact_create import find, object_name
from console.sandbox.services.object_service import simple_url
from console.sandbox.services.queue_model import PATTERNS, SERVICE, load
from console.sandbox.storage import artifact_key
from console.sandbox.temporary import issue

if TYPE_CHECKING:
    import sqlite3

    from console.sandbox.call import Call

_DOWNLOAD: Final = timedelta(hours=1)
_NAMED: Final = {"patterns": PATTERNS, "splats": ("name",)}
_OF_RUN: Final = {"scopes": "queue:list-artifacts:<taskId>:<runId>", "patterns": PATTERNS}
_OF_TASK: Final = {"scopes": "queue:list-artifacts:<taskId>", "patterns": PATTERNS}
_ABSENT: Final = "Artifact not found"


def _latest_run(call: Call) -> int:
    task = load(call.deployment.store, call.params["taskId"])
    if task is None:
        raise not_found("Task not found")
    if not task.runs:
        raise not_found("Task doesn't have any runs")
    return len(task.runs) - 1


def _followed(call: Call, run_id: int) -> sqlite3.Row:
    """The artifact, links followed; the caller must be allowed to read every name on the way."""
    names = [call.params["name"]]
    while True:
        call.authorize({"AllOf": [f"queue:get-artifact:{name}" for name in names]})
        row = find(call, call.params["taskId"], run_id, names[-1])
        if row is None or not row["present"]:
            raise not_found(_ABSENT)
        if row["expires"] < call.deployment.time():
            raise ApiError("ResourceExpired", "Artifact expired")
        if row["storage_type"] != "link":
            return row
        target = json.loads(row["details"])["artifact"]
        if target in names:
            raise input_error("Artifact leads to a link cycle")
        names.append(target)


def _url(call: Call, row: sqlite3.Row) -> str:
    kind, name = row["storage_type"], row["name"]
    if kind == "reference":
        return str(json.loads(row["details"])["url"])
    if kind == "s3":
        stored = artifact_key(row["task_id"], row["run_id"], name)
        return call.deployment.storage.download_url(stored, public=name.startswith("public/"))
    return simple_url(call.deployment, object_name(row["task_id"], row["run_id"], name))


def _redirect(call: Call, run_id: int) -> Reply:
    row = _followed(call, run_id)
    kind = row["storage_type"]
    headers = {"x-taskcluster-artifact-storage-type": kind}
    if kind == "error":
        return Reply(json.loads(row["details"]), 424, headers)
    url = _url(call, row)
    return Reply({"storageType": kind, "url": url}, 303, {**headers, "Location": url})


@SERVICE.endpoint("getArtifact", **_NAMED)
async def get_artifact(call: Call) -> Any:
    """A redirect to the bytes."""
    return _redirect(call, int(call.params["runId"]))


@SERVICE.endpoint("getLatestArtifact", **_NAMED)
async def get_latest_artifact(call: Call) -> Any:
    """Of the last run; who may not read the name is not told whether the task exists."""
    call.authorize({"AllOf": [f"queue:get-artifact:{call.params['name']}"]})
    return _redirect(call, _latest_run(call))


def _content(call: Call, run_id: int) -> dict[str, Any]:
    row = _followed(call, run_id)
    kind = row["storage_type"]
    if kind == "error":
        return {"storageType": kind, **json.loads(row["details"])}
    if kind != "object":
        return {"storageType": kind, "url": _url(call, row)}
    stored = object_name(row["task_id"], row["run_id"], row["name"])
    now = call.deployment.now()
    credentials = issue(
        call.deployment,
        QUEUE_CLIENT,
        f"artifact-download/{row['task_id']}/{row['run_id']}/{row['name']}",
        [f"object:download:{stored}"],
        start=now,
        expiry=now + _DOWNLOAD,
    )
    return {"storageType": kind, "name": stored, "credentials": credentials}


@SERVICE.endpoint("artifact", **_NAMED)
async def content(call: Call) -> Any:
    """How to get the bytes."""
    return _content(call, int(call.params["runId"]))


@SERVICE.endpoint("latestArtifact", **_NAMED)
async def latest_content(call: Call) -> Any:
    """Of the last run."""
    return _content(call, _latest_run(call))


def _described(row: sqlite3.Row) -> dict[str, Any]:
    described = {
        "storageType": row["storage_type"],
        "name": row["name"],
        "expires": row["expires"],
        "contentType": row["content_type"],
    }
    length = row["content_length"]
    return described if length is None else {**described, "contentLength": length}


def _info(call: Call, run_id: int) -> dict[str, Any]:
    row = find(call, call.params["taskId"], run_id, call.params["name"])
    if row is None or not row["present"]:
        raise not_found(_ABSENT)
    return _described(row)


@SERVICE.endpoint("artifactInfo", splats=("name",), **_OF_RUN)
async def info(call: Call) -> Any:
    """What it is; a link is not followed."""
    return _info(call, int(call.params["runId"]))


@SERVICE.endpoint("latestArtifactInfo", splats=("name",), **_OF_TASK)
async def latest_info(call: Call) -> Any:
    """Of the last run."""
    return _info(call, _latest_run(call))


def _listed(call: Call, run_id: int) -> dict[str, Any]:
    rows = call.deployment.store.all(
        "select * from artifacts where task_id = ? and run_id = ? order by name",
        *(call.params["taskId"], run_id),
    )
    page, token = by_key(rows, call.query, lambda row: [row["name"]])
    return {"artifacts": [_described(row) for row in page], **token}


@SERVICE.endpoint("listArtifacts", **_OF_RUN)
async def listing(call: Call) -> Any:
    """All of a run, unfinished ones included."""
    run_id, last = int(call.params["runId"]), _latest_run(call)
    if run_id > last:
        task_id = call.params["taskId"]
        raise not_found(f"Task with taskId: `{task_id}` has no run with runId: {run_id}")
    return _listed(call, run_id)


@SERVICE.endpoint("listLatestArtifacts", **_OF_TASK)
async def latest_listing(call: Call) -> Any:
    """Of the last run."""
    return _listed(call, _latest_run(call))
