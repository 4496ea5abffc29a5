"""queue: createArtifact and finishArtifact."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from console.sandbox.call import Reply
from console.sandbox.deployment import QUEUE_CLIENT, dump
from console.sandbox.failures import ApiError, conflict, input_error, not_found
from console.sandbox.moments import DAY, MINUTE, canonical, iso, parse
from console.sandbox.services.object_service import is_finished, reserve
from console.sandbox.services.queue_model import PATTERNS, SERVICE, load
from console.sandbox.storage import UPLOAD_TIME, artifact_key
from console.sandbox.temporary import issue
from console.sandbox.validation import DATE, SLUG, Members, Number, OneOf, Shape, Text

if TYPE_CHECKING:
    import sqlite3

    from console.sandbox.call import Call
    from console.sandbox.services.queue_model import Run, Task

AFTER_EXCEPTION: Final = 25 * MINUTE
"""How long a run that ended in an exception still takes artifacts."""
_DRIFT: Final = 15 * MINUTE
_DEFAULT_TYPE: Final = "application/binary"
_REASONS: Final = (
    *("file-missing-on-worker", "invalid-resource-on-worker"),
    *("too-large-file-on-worker", "file-not-readable-on-worker"),
)


def _kind(name: str, required: tuple[str, ...] = (), **more: Shape) -> Members:
    of: dict[str, Shape] = {"storageType": Text(one_of=(name,)), "expires": DATE, **more}
    return Members(of=of, required=("storageType", "expires", *required))


_TYPE: Final = Text(most=255)
_LENGTH: Final = Number(integer=True, least=0)
_ARTIFACT: Final = OneOf(
    of=(
        _kind("s3", ("contentType",), contentLength=_LENGTH, contentType=_TYPE),
        _kind("object", ("contentType",), contentLength=_LENGTH, contentType=_TYPE),
        _kind("reference", ("url", "contentType"), contentType=_TYPE, url=Text(is_uri=True)),
        _kind("link", ("artifact",), artifact=Text(), contentType=_TYPE),
        _kind("error", ("reason", "message"), message=Text(most=4096), reason=Text(one_of=_REASONS)),
    )
)
_ENDPOINT: Final = {
    "scopes": "queue:create-artifact:<taskId>/<runId>",
    "patterns": PATTERNS,
    "splats": ("name",),
}


def object_name(task_id: str, run_id: int, name: str) -> str:
    """What an object artifact is called in the object service."""
    return f"t/{task_id}/{run_id}/{name}"


@SERVICE.endpoint(
    "createArtifact", takes=_ARTIFACT, schema="queue/v1/post-artifact-request.json#", **_ENDPOINT
)
async def create_artifact(call: Call) -> Any:
    """Announce an artifact; what it is decides where its bytes go, if it has any."""
    body, name, run_id = call.payload, call.params["name"], int(call.params["runId"])
    deployment = call.deployment
    expires = canonical(body["expires"])
    if parse(expires) < deployment.now() - _DRIFT:
        raise input_error("Expires must be in the future")
    task = load(deployment.store, call.params["taskId"])
    if task is None:
        raise input_error("Task not found")
    if run_id >= len(task.runs):
        raise input_error("Run not found")
    run = task.runs[run_id]
    if expires > task.definition["expires"]:
        raise input_error(
            f"Artifact expires ({expires}) after the task expiration {task.definition['expires']} "
            "(task.expires < expires) - this is not allowed, artifacts may not expire after the task they "
            "belong to expires"
        )
    if "workerId" not in run:
        raise input_error("Run was not claimed by a worker and so no artifacts can exist")
    _check_open(call, task, run)
    row = _stored(call, task, run_id, name)
    return _answer(call, task, run, row)


def _check_open(call: Call, task: Task, run: Run) -> None:
    if run["state"] == "running":
        return
    if run["state"] == "exception" and parse(run["resolved"]) > call.deployment.now() - AFTER_EXCEPTION:
        return
    raise conflict(
        "Artifacts cannot be created for a task after it is resolved, unless it is resolved 'exception', "
        "and even in this case only up to 25 min past resolution.This to ensure that artifacts have been "
        "uploaded before a task is 'completed' and output is consumed by a dependent task\n\nTask status: "
        + json.dumps(task.status(), indent=2, ensure_ascii=False)
    )


def _details(call: Call) -> dict[str, Any]:
    names = {"reference": ("url",), "link": ("artifact",), "error": ("reason", "message")}
    return {name: call.payload[name] for name in names.get(call.payload["storageType"], ())}


def find(call: Call, task_id: str, run_id: int, name: str) -> sqlite3.Row | None:
    """The artifact, uploaded or not."""
    return call.deployment.store.one(
        "select * from artifacts where task_id = ? and run_id = ? and name = ?", task_id, run_id, name
    )


def _stored(call: Call, task: Task, run_id: int, name: str) -> sqlite3.Row:
    """The artifact as it is after the request: new, the same, or replaced where that is allowed."""
    body, details = call.payload, _details(call)
    kind, expires = body["storageType"], canonical(body["expires"])
    old = find(call, task.task_id, run_id, name)
    if old is None:
        if kind == "object":
            upload_id = details["uploadId"] = call.deployment.slugid()
            stored = object_name(task.task_id, run_id, name)
            reserve(call.deployment, stored, task.project_id, upload_id, expires)
        content_type, present = body.get("contentType", _DEFAULT_TYPE), kind != "object"
        length = body.get("contentLength")
    else:
        _check_replaceable(old, body, details, expires)
        details = json.loads(old["details"]) if old["storage_type"] == "object" else details
        present, length = bool(old["present"]), old["content_length"]
        content_type = old["content_type"]
    call.deployment.store.run(
        "insert or replace into artifacts values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        *(task.task_id, run_id, name, kind, content_type, expires, length, present, dump(details)),
    )
    row = find(call, task.task_id, run_id, name)
    if row is None:
        raise ApiError("InternalServerError", "The artifact was not stored")
    return row


def _check_replaceable(old: sqlite3.Row, body: dict[str, Any], details: dict[str, Any], expires: str) -> None:
    """A reference may be replaced, by a link too; anything else only by itself, to live longer."""
    kind, wanted = old["storage_type"], body["storageType"]
    has_same_type = wanted == "link" or body.get("contentType", _DEFAULT_TYPE) == old["content_type"]
    has_same_details = kind in {"object", "reference"} or details == json.loads(old["details"])
    becomes_link = (kind, wanted) == ("reference", "link")
    is_allowed = becomes_link or (kind == wanted and has_same_details)
    if is_allowed and has_same_type and expires >= old["expires"]:
        return
    told = {"storageType": kind, "contentType": old["content_type"], "expires": old["expires"]}
    raise conflict(
        "Artifact already exists with different properties, and none of the allowed exceptions apply: "
        + json.dumps(told, indent=2, ensure_ascii=False)
    )


def _answer(call: Call, task: Task, run: Run, row: sqlite3.Row) -> dict[str, Any]:
    deployment, kind, name = call.deployment, row["storage_type"], row["name"]
    if kind == "s3":
        stored = artifact_key(task.task_id, run["runId"], name)
        return {
            "storageType": kind,
            "contentType": row["content_type"],
            "expires": iso(deployment.now() + UPLOAD_TIME),
            "putUrl": deployment.storage.upload_url(stored, row["content_type"]),
        }
    if kind != "object":
        return {"storageType": kind}
    stored = object_name(task.task_id, run["runId"], name)
    worker = f"{run['workerGroup']}/{run['workerId']}"
    return {
        "storageType": kind,
        "name": stored,
        "projectId": task.project_id,
        "uploadId": json.loads(row["details"])["uploadId"],
        "expires": row["expires"],
        "credentials": issue(
            deployment,
            QUEUE_CLIENT,
            f"artifact-upload/{task.task_id}/{run['runId']}/on/{worker}",
            [f"object:upload:{task.project_id}:{stored}"],
            start=deployment.now(),
            expiry=min(deployment.now() + DAY, parse(row["expires"])),
        ),
    }


@SERVICE.endpoint(
    "finishArtifact",
    takes=Members(of={"uploadId": SLUG}, required=("uploadId",)),
    schema="queue/v1/finish-artifact-request.json#",
    **_ENDPOINT,
)
async def finish_artifact(call: Call) -> Any:
    """An object artifact's bytes are all in the object service."""
    task_id, run_id, name = call.params["taskId"], int(call.params["runId"]), call.params["name"]
    row = find(call, task_id, run_id, name)
    if row is None:
        raise not_found(f"Artifact with taskId `{task_id}`, runId {run_id}, name `{name}` not found")
    if row["storage_type"] != "object":
        raise input_error("Only object artifacts can be finished")
    if row["present"]:
        return Reply(status=204)
    if json.loads(row["details"])["uploadId"] != call.payload["uploadId"]:
        raise input_error("given uploadId does not match that for the artifact")
    if not is_finished(call.deployment, object_name(task_id, run_id, name)):
        raise input_error("Object storing artifact data does not exist")
    call.deployment.store.run(
        "update artifacts set present = 1 where task_id = ? and run_id = ? and name = ?",
        *(task_id, run_id, name),
    )
    return Reply(status=204)
