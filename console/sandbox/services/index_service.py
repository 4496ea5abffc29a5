"""index: names for tasks, in a tree of namespaces."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from console.sandbox.authentication import bewit
from console.sandbox.deployment import INDEX_CLIENT, dump
from console.sandbox.failures import not_found
from console.sandbox.moments import DAY, canonical, iso, parse
from console.sandbox.paging import by_offset
from console.sandbox.routing import PAGED, Service
from console.sandbox.services.object_service import see_other
from console.sandbox.validation import DATE, OBJECT, SLUG, Listing, Members, Number, Text

if TYPE_CHECKING:
    import sqlite3

    from console.sandbox.call import Call
    from console.sandbox.deployment import Deployment
    from console.sandbox.services.queue_model import Task

SERVICE: Final = Service("index")
_PATH: Final = r"^([a-zA-Z0-9_!~*'()%-]+\.)*[a-zA-Z0-9_!~*'()%-]+$"
_PATTERNS: Final = {"namespace": _PATH, "indexPath": _PATH}
_LIST_PATTERNS: Final = {"namespace": r"^(([a-zA-Z0-9_!~*'()%-]+\.)*[a-zA-Z0-9_!~*'()%-]+)?$"}
_INSERT: Final = Members(
    of={"data": OBJECT, "expires": DATE, "rank": Number(), "taskId": SLUG},
    required=("taskId", "rank", "data", "expires"),
)
_AT: Final = Members(of={"indexes": Listing(of=Text(), default=[])})
_ROUTE: Final = "index."
NAMESPACE_GRACE: Final = DAY
"""A namespace's expiry is not its entries' own; by how much it is later was not recorded."""


def _answer(row: sqlite3.Row) -> dict[str, Any]:
    rank = row["rank"]
    return {
        "namespace": row["path"],
        "taskId": row["task_id"],
        "rank": int(rank) if rank == int(rank) else rank,
        "data": json.loads(row["data"]),
        "expires": row["expires"],
    }


def _insert(deployment: Deployment, path: str, entry: dict[str, Any]) -> sqlite3.Row | None:
    """Put the task there, unless what is there has a higher rank."""
    store, expires = deployment.store, canonical(entry["expires"])
    with store.transaction():
        old = store.one("select * from indexed_tasks where path = ?", path)
        if old is not None and old["rank"] > entry["rank"]:
            return old
        parent = path.rpartition(".")[0]
        until = iso(parse(expires) + NAMESPACE_GRACE)
        store.run(
            "insert or replace into indexed_tasks values (?, ?, ?, ?, ?, ?)",
            *(path, parent, entry["taskId"], entry["rank"], dump(entry["data"]), expires),
        )
        while parent:
            store.run(
                "insert into namespaces values (?, ?, ?) on conflict (path)"
                " do update set expires = max(expires, excluded.expires)",
                *(parent, parent.rpartition(".")[0], until),
            )
            parent = parent.rpartition(".")[0]
    return store.one("select * from indexed_tasks where path = ?", path)


def index_by_routes(deployment: Deployment, task: Task) -> None:
    """What the index does when a task with routes `index.<path>` has been completed."""
    wanted = task.definition["extra"].get("index", {})
    entry = {
        "taskId": task.task_id,
        "rank": wanted.get("rank", 0),
        "data": wanted.get("data", {}),
        "expires": wanted.get("expires", task.definition["expires"]),
    }
    for route in task.definition["routes"]:
        if route.startswith(_ROUTE):
            _insert(deployment, route.removeprefix(_ROUTE), entry)


def _found(call: Call, path: str) -> sqlite3.Row:
    row = call.deployment.store.one(
        "select * from indexed_tasks where path = ? and expires > ?", path, call.deployment.time()
    )
    if row is None:
        raise not_found("Indexed task not found")
    return row


@SERVICE.endpoint(
    "insertTask",
    scopes="index:insert-task:<namespace>",
    takes=_INSERT,
    schema="index/v1/insert-task-request.json#",
    patterns=_PATTERNS,
)
async def insert_task(call: Call) -> Any:
    """A lower rank than what is there is answered with what is there."""
    row = _insert(call.deployment, call.params["namespace"], call.payload)
    return _answer(row) if row is not None else {}


@SERVICE.endpoint("findTask", scopes="index:find-task:<indexPath>", patterns=_PATTERNS)
async def find_task(call: Call) -> Any:
    """The task of that name."""
    return _answer(_found(call, call.params["indexPath"]))


@SERVICE.endpoint("findTasksAtIndex", takes=_AT, schema="index/v1/list-tasks-at-index.json#")
async def find_tasks(call: Call) -> Any:
    """Of several names those that exist, expired ones included."""
    paths = call.payload["indexes"]
    call.authorize({"AllOf": [f"index:find-task:{path}" for path in paths]})
    store = call.deployment.store
    rows = [store.one("select * from indexed_tasks where path = ?", path) for path in dict.fromkeys(paths)]
    page, token = by_offset([_answer(row) for row in rows if row is not None], call.query)
    return {"tasks": page, **token}


@SERVICE.endpoint("deleteTask", scopes="index:delete-task:<namespace>", patterns=_PATTERNS)
async def delete_task(call: Call) -> Any:
    """Delete, or do nothing where there is none."""
    call.deployment.store.run("delete from indexed_tasks where path = ?", call.params["namespace"])
    return {}


@SERVICE.endpoint(
    "listTasks", scopes="index:list-tasks:<namespace>", patterns=_LIST_PATTERNS, splats=("namespace",)
)
async def list_tasks(call: Call) -> Any:
    """Those directly in the namespace."""
    rows = call.deployment.store.all(
        "select * from indexed_tasks where parent = ? and expires > ? order by path",
        *(call.params["namespace"], call.deployment.time()),
    )
    page, token = by_offset(rows, call.query)
    return {"tasks": [_answer(row) for row in page], **token}


@SERVICE.endpoint(
    "listNamespaces",
    scopes="index:list-namespaces:<namespace>",
    patterns=_LIST_PATTERNS,
    splats=("namespace",),
)
async def list_namespaces(call: Call) -> Any:
    """Those directly in the namespace."""
    rows = call.deployment.store.all(
        "select * from namespaces where parent = ? and expires > ? order by path",
        *(call.params["namespace"], call.deployment.time()),
    )
    page, token = by_offset(rows, call.query)
    listed = [
        {"namespace": row["path"], "name": row["path"].rpartition(".")[2], "expires": row["expires"]}
        for row in page
    ]
    return {"namespaces": listed, **token}


SERVICE.also("listTasks", "POST", "/tasks/<namespace>", PAGED)
SERVICE.also("listNamespaces", "POST", "/namespaces/<namespace>", PAGED)


@SERVICE.endpoint(
    "findArtifactFromTask", scopes="queue:get-artifact:<name>", patterns=_PATTERNS, splats=("name",)
)
async def find_artifact(call: Call) -> Any:
    """A redirect to the queue, signed by the index."""
    task_id = _found(call, call.params["indexPath"])["task_id"]
    path = f"/api/queue/v1/task/{task_id}/artifacts/{quote(call.params['name'], safe='')}"
    deployment = call.deployment
    return see_other(bewit(deployment.statics[INDEX_CLIENT], deployment.root_url, path, deployment.now()))
