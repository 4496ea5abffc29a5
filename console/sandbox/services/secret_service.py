"""secrets: a JSON object under a name, until it expires."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from console.sandbox.deployment import dump
from console.sandbox.failures import not_found
from console.sandbox.moments import canonical
from console.sandbox.paging import by_offset
from console.sandbox.routing import Service
from console.sandbox.store import collation
from console.sandbox.validation import DATE, OBJECT, Members

if TYPE_CHECKING:
    from console.sandbox.call import Call

SERVICE: Final = Service("secrets")
_SECRET: Final = Members(of={"secret": OBJECT, "expires": DATE}, required=("secret", "expires"))


@SERVICE.endpoint(
    "set",
    scopes="secrets:set:<name>",
    splats=("name",),
    takes=_SECRET,
    schema="secrets/v1/secret.json#",
    hides=("secret",),
)
async def put_secret(call: Call) -> Any:
    """Create or replace."""
    store, name = call.deployment.store, call.params["name"]
    with store.transaction():
        replaced = store.one("select 1 from secrets where name = ?", name)
        store.run(
            "insert or replace into secrets (name, secret, expires) values (?, ?, ?)",
            *(name, dump(call.payload["secret"]), canonical(call.payload["expires"])),
        )
        call.deployment.audit("secret", name, "updated" if replaced else "created", call.client_id)
    return {}


@SERVICE.endpoint("remove", scopes="secrets:set:<name>", splats=("name",))
async def remove(call: Call) -> Any:
    """Delete, or do nothing where there is none."""
    with call.deployment.store.transaction():
        call.deployment.store.run("delete from secrets where name = ?", call.params["name"])
        call.deployment.audit("secret", call.params["name"], "deleted", call.client_id)
    return {}


@SERVICE.endpoint("get", scopes="secrets:get:<name>", splats=("name",))
async def get(call: Call) -> Any:
    """Read; an expired secret is not there (404, whatever the manual says)."""
    row = call.deployment.store.one(
        "select * from secrets where name = ? and expires > ?", call.params["name"], call.deployment.time()
    )
    if row is None:
        raise not_found("Secret not found")
    return {"secret": json.loads(row["secret"]), "expires": row["expires"]}


@SERVICE.endpoint("list", scopes="secrets:list-secrets")
async def list_names(call: Call) -> Any:
    """Names only."""
    rows = call.deployment.store.all("select name from secrets where expires > ?", call.deployment.time())
    page, token = by_offset(sorted((row["name"] for row in rows), key=collation), call.query)
    return {"secrets": page, **token}
