"""object: named bytes with hashes, uploaded in one go or by URL."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, Final

from console.sandbox.call import Reply
from console.sandbox.deployment import dump
from console.sandbox.failures import ApiError, conflict, input_error, not_found
from console.sandbox.moments import canonical, iso
from console.sandbox.routing import Service
from console.sandbox.storage import DOWNLOAD_TIME, UPLOAD_TIME, Blob
from console.sandbox.validation import DATE, SLUG, Flag, Members, Number, Shape, Text

if TYPE_CHECKING:
    import sqlite3

    from console.sandbox.call import Call
    from console.sandbox.deployment import Deployment

SERVICE: Final = Service("object")
_PROJECT: Final = Text(pattern=r"^([a-zA-Z0-9._/-]*)$", least=1, most=500)
_HASHES: Final = Members(
    of={"sha256": Text(pattern=r"^[a-z0-9]{64}$"), "sha512": Text(pattern=r"^[a-z0-9]{128}$")},
    others=Shape(),
)
_INLINE: Final = Members(
    of={
        "contentType": Text(),
        "objectData": Text(most=10926),
    },
    required=("contentType", "objectData"),
)
_PUT_URL: Final = Members(
    of={"contentType": Text(), "contentLength": Number(integer=True)},
    required=("contentType", "contentLength"),
)
_METHODS: Final[dict[str, Shape]] = {"dataInline": _INLINE, "putUrl": _PUT_URL}
_UPLOAD: Final = Members(
    of={
        "expires": DATE,
        "hashes": _HASHES,
        "projectId": _PROJECT,
        "proposedUploadMethods": Members(of=_METHODS),
        "uploadId": SLUG,
    },
    required=("projectId", "uploadId", "expires", "proposedUploadMethods"),
)
_FINISH: Final = Members(
    of={"hashes": _HASHES, "projectId": _PROJECT, "uploadId": SLUG}, required=("uploadId", "projectId")
)
_ACCEPTED: Final[dict[str, Shape]] = {"getUrl": Flag(always=True), "simple": Flag(always=True)}
_DOWNLOAD: Final = Members(
    of={"acceptDownloadMethods": Members(of=_ACCEPTED)}, required=("acceptDownloadMethods",)
)


def key(name: str) -> str:
    """Where an object's bytes are."""
    return f"object/{name}"


def simple_url(deployment: Deployment, name: str) -> str:
    """Where a finished object can be read for a while."""
    return deployment.storage.download_url(key(name))


def is_finished(deployment: Deployment, name: str) -> bool:
    """Whether the object is whole."""
    row = _row(deployment, name)
    return row is not None and bool(row["finished"])


def reserve(deployment: Deployment, name: str, project_id: str, upload_id: str, expires: str) -> None:
    """Lock an object's name, project, upload and expiry in, before any bytes come."""
    deployment.store.run(
        "insert or ignore into objects values (?, ?, ?, ?, '{}', 0)", name, project_id, upload_id, expires
    )


def _row(deployment: Deployment, name: str) -> sqlite3.Row | None:
    return deployment.store.one("select * from objects where name = ?", name)


def _absent(name: str) -> ApiError:
    return not_found(f'Object "{name}" not found')


@SERVICE.endpoint("createUpload", takes=_UPLOAD, schema="object/v1/create-upload-request.json#")
async def create_upload(call: Call) -> Any:
    """Announce an object and choose how its bytes come; the same again is answered again."""
    name, body, deployment = call.params["name"], call.payload, call.deployment
    call.authorize(f"object:upload:{body['projectId']}:{name}")
    expires = canonical(body["expires"])
    row = _row(deployment, name)
    mine = (body["projectId"], body["uploadId"], expires, False)
    if row is None:
        deployment.store.run(
            "insert into objects values (?, ?, ?, ?, ?, 0)",
            *(name, body["projectId"], body["uploadId"], expires, dump(body.get("hashes", {}))),
        )
    elif (row["project_id"], row["upload_id"], row["expires"], bool(row["finished"])) != mine:
        raise conflict("Object already exists")
    else:
        _add_hashes(deployment, row, body.get("hashes", {}))
    method = _receive(call, name, body["proposedUploadMethods"])
    return {
        "projectId": body["projectId"],
        "uploadId": body["uploadId"],
        "expires": body["expires"],
        "uploadMethod": method,
    }


def _receive(call: Call, name: str, proposed: dict[str, Any]) -> dict[str, Any]:
    storage = call.deployment.storage
    if inline := proposed.get("dataInline"):
        data = base64.b64decode(inline["objectData"])
        storage.put(key(name), Blob(inline["contentType"], None, data))
        return {"dataInline": True}
    if wanted := proposed.get("putUrl"):
        headers = {
            "Content-Type": wanted["contentType"],
            "Content-Length": str(wanted["contentLength"]),
            "Content-Encoding": "identity",
        }
        url = storage.upload_url(key(name), wanted["contentType"])
        expires = iso(call.deployment.now() + UPLOAD_TIME)
        return {"putUrl": {"url": url, "expires": expires, "headers": headers}}
    return {}


def _add_hashes(deployment: Deployment, row: sqlite3.Row, further: dict[str, str]) -> None:
    hashes = json.loads(row["hashes"])
    if any(hashes.get(kind, value) != value for kind, value in further.items()):
        raise conflict("Content hash already exists with a different value")
    deployment.store.run(
        "update objects set hashes = ? where name = ?", dump({**hashes, **further}), row["name"]
    )


@SERVICE.endpoint("finishUpload", takes=_FINISH, schema="object/v1/finish-upload-request.json#")
async def finish_upload(call: Call) -> Any:
    """The bytes are all there; hashes may be added, never changed."""
    name, body, deployment = call.params["name"], call.payload, call.deployment
    call.authorize(f"object:upload:{body['projectId']}:{name}")
    row = _row(deployment, name)
    if row is None:
        raise _absent(name)
    if row["project_id"] != body["projectId"]:
        raise input_error(f'Object "{name}" does not have projectId {body["projectId"]}')
    if row["finished"]:
        _check_hashes(row, body.get("hashes", {}))
        return {}
    if row["upload_id"] != body["uploadId"]:
        raise conflict(f'Object "{name}" does not have uploadId {body["uploadId"]}')
    with deployment.store.transaction():
        _add_hashes(deployment, row, body.get("hashes", {}))
        deployment.store.run("update objects set finished = 1 where name = ?", name)
    return {}


def _check_hashes(row: sqlite3.Row, given: dict[str, str]) -> None:
    """Finishing again may say less than is known, not more."""
    known = json.loads(row["hashes"])
    for kind, value in given.items():
        if kind not in known:
            lack = f"without hash algorithm {kind}"
        elif known[kind] != value:
            lack = f"with a different hash for algorithm {kind}"
        else:
            continue
        raise conflict(f'Object "{row["name"]}" is already finished, but {lack}')


def _whole(call: Call) -> sqlite3.Row:
    row = _row(call.deployment, call.params["name"])
    if row is None or not row["finished"]:
        raise _absent(call.params["name"])
    return row


@SERVICE.endpoint(
    "startDownload",
    scopes="object:download:<name>",
    takes=_DOWNLOAD,
    schema="object/v1/download-object-request.json#",
)
async def start_download(call: Call) -> Any:
    """By the best method that the caller takes."""
    row, accepted = _whole(call), call.payload["acceptDownloadMethods"]
    url = simple_url(call.deployment, row["name"])
    if "getUrl" in accepted:
        expires = iso(call.deployment.now() + DOWNLOAD_TIME)
        return {"method": "getUrl", "url": url, "expires": expires, "hashes": json.loads(row["hashes"])}
    if "simple" in accepted:
        return {"method": "simple", "url": url}
    raise ApiError("NoMatchingMethod", "Object supports methods simple, getUrl")


@SERVICE.endpoint("object", scopes="object:download:<name>", splats=("name",))
async def metadata(call: Call) -> Any:
    """What is known of it."""
    row = _whole(call)
    return {"projectId": row["project_id"], "expires": row["expires"], "hashes": json.loads(row["hashes"])}


@SERVICE.endpoint("download", scopes="object:download:<name>", splats=("name",))
async def download(call: Call) -> Any:
    """A redirect to the bytes."""
    return see_other(simple_url(call.deployment, _whole(call)["name"]))


def see_other(url: str) -> Reply:
    """303, as the framework of the services words it."""
    return Reply(status=303, headers={"Location": url}, text=f"See Other. Redirecting to {url}")
