"""auth: clients."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from console.domain.scopes import BadScope, check_scope, satisfies
from console.sandbox.call import Reply
from console.sandbox.deployment import FAR_FUTURE, dump
from console.sandbox.failures import conflict, input_error, not_found
from console.sandbox.moments import canonical
from console.sandbox.paging import by_offset
from console.sandbox.routing import Service
from console.sandbox.store import collation
from console.sandbox.validation import DATE, UNIQUE_SCOPES, Flag, Members, Text

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from console.sandbox.call import Call
    from console.sandbox.deployment import Client, Deployment

SERVICE: Final = Service("auth")
_CLIENT: Final = Members(
    of={
        "description": Text(most=10240),
        "expires": DATE,
        "scopes": UNIQUE_SCOPES,
        "deleteOnExpiration": Flag(default=False),
    },
    required=("expires", "description"),
)
CLIENT_ID: Final = r"^[A-Za-z0-9!@/:.+|_-]+$"
_PATTERNS: Final = {"clientId": CLIENT_ID}
_SCHEMA: Final = "auth/v1/create-client-request.json#"


def _found(call: Call) -> sqlite3.Row:
    row = call.deployment.store.one("select * from clients where client_id = ?", call.params["clientId"])
    if row is None:
        raise not_found("Client not found")
    return row


def _answer(call: Call, client_id: str) -> dict[str, Any]:
    if client_id in call.deployment.statics:
        return _static(call, call.deployment.statics[client_id])
    row = call.deployment.store.one("select * from clients where client_id = ?", client_id)
    if row is None:
        raise not_found("Client not found")
    scopes = json.loads(row["scopes"])
    return {
        "clientId": client_id,
        "description": row["description"],
        "expires": row["expires"],
        "created": row["created"],
        "lastModified": row["last_modified"],
        "lastDateUsed": row["last_date_used"],
        "lastRotated": row["last_rotated"],
        "deleteOnExpiration": bool(row["delete_on_expiration"]),
        "scopes": scopes,
        "expandedScopes": call.deployment.roles.expand(scopes),
        "disabled": bool(row["disabled"]),
    }


def _static(call: Call, client: Client) -> dict[str, Any]:
    never = "1970-01-01T00:00:00.000Z"
    return {
        "clientId": client.client_id,
        "description": "Static client of the sandbox",
        "expires": FAR_FUTURE,
        **dict.fromkeys(("created", "lastModified", "lastDateUsed", "lastRotated"), never),
        "deleteOnExpiration": False,
        "scopes": list(client.scopes),
        "expandedScopes": call.deployment.roles.expand(client.scopes),
        "disabled": False,
    }


def _check(call: Call) -> None:
    client_id = call.params["clientId"]
    if client_id.startswith("static/"):
        raise input_error(
            f'clientId "{client_id}" starts with "static/" which is reserved for statically configured '
            "clients. Contact your administrator to change static clients."
        )
    for scope in (call.payload or {}).get("scopes", ()):
        try:
            check_scope(scope)
        except BadScope as refusal:
            raise input_error(str(refusal)) from refusal


@SERVICE.endpoint("createClient", takes=_CLIENT, schema=_SCHEMA, patterns=_PATTERNS)
async def create(call: Call) -> Any:
    """Create; the same again is answered with a new token, another under the same id is refused."""
    client_id, body = call.params["clientId"], call.payload
    scopes = sorted(body.get("scopes", []))
    call.authorize({"AllOf": [f"auth:create-client:{client_id}", *body.get("scopes", [])]})
    _check(call)
    token = new_client(call.deployment, client_id, {**body, "scopes": scopes}, by=call.client_id)
    return {**_answer(call, client_id), "accessToken": token}


def new_client(deployment: Deployment, client_id: str, body: Mapping[str, Any], *, by: str) -> str:
    """Create a client that its caller has been found to be allowed; returns its token.

    Args:
        deployment: whose.
        client_id: the new one's.
        body: `description`, `expires`, `scopes` (sorted) and `deleteOnExpiration`.
        by: the client that does it, for the audit.

    Raises:
        ApiError: RequestConflict, if another client has the id.
    """
    store, now, token = deployment.store, deployment.time(), deployment.token()
    expires, scopes = canonical(body["expires"]), dump(body["scopes"])
    with store.transaction():
        existing = store.one("select * from clients where client_id = ?", client_id)
        if existing is not None:
            given = (body["description"], expires, scopes, body["deleteOnExpiration"], False)
            columns = ("description", "expires", "scopes", "delete_on_expiration", "disabled")
            if tuple(existing[column] for column in columns) != given:
                raise conflict("Client already exists")
            store.run("update clients set token = ? where client_id = ?", token, client_id)
        else:
            store.run(
                "insert into clients values (?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?)",
                *(client_id, token, body["description"], scopes, expires, body["deleteOnExpiration"]),
                *(now, now, now, now),
            )
        deployment.audit("client", client_id, "created", by)
    return token


@SERVICE.endpoint("client", scopes="auth:get-client:<clientId>", patterns=_PATTERNS)
async def get(call: Call) -> Any:
    """One client, without its token."""
    return _answer(call, call.params["clientId"])


@SERVICE.endpoint("listClients", scopes="auth:list-clients")
async def list_all(call: Call) -> Any:
    """All clients, static ones included."""
    prefix = call.query.get("prefix", "")
    rows = call.deployment.store.all("select client_id from clients")
    ids = [*call.deployment.statics, *(row["client_id"] for row in rows)]
    wanted = sorted((client_id for client_id in ids if client_id.startswith(prefix)), key=collation)
    page, token = by_offset(wanted, call.query)
    return {"clients": [_answer(call, client_id) for client_id in page], **token}


@SERVICE.endpoint("updateClient", takes=_CLIENT, schema=_SCHEMA, patterns=_PATTERNS)
async def update(call: Call) -> Any:
    """Change; a caller needs each scope that the client did not have."""
    client_id, body = call.params["clientId"], call.payload
    _check(call)
    row = _found(call)
    scopes = sorted(body["scopes"]) if "scopes" in body else json.loads(row["scopes"])
    held = call.deployment.roles.expand(json.loads(row["scopes"]))
    added = [scope for scope in body.get("scopes", ()) if not satisfies(held, scope)]
    call.authorize({"AllOf": [f"auth:update-client:{client_id}", *added]})
    with call.deployment.store.transaction():
        call.deployment.store.run(
            "update clients set description = ?, expires = ?, scopes = ?, delete_on_expiration = ?,"
            " last_modified = ? where client_id = ?",
            *(body["description"], canonical(body["expires"]), dump(scopes), body["deleteOnExpiration"]),
            *(call.deployment.time(), client_id),
        )
        call.deployment.audit("client", client_id, "updated", call.client_id)
    return _answer(call, client_id)


@SERVICE.endpoint("resetAccessToken", scopes="auth:reset-access-token:<clientId>", patterns=_PATTERNS)
async def reset(call: Call) -> Any:
    """A new token in place of the old one."""
    client_id, token = call.params["clientId"], call.deployment.token()
    _check(call)
    _found(call)
    with call.deployment.store.transaction():
        call.deployment.store.run(
            "update clients set token = ?, last_rotated = ? where client_id = ?",
            *(token, call.deployment.time(), client_id),
        )
        call.deployment.audit("client", client_id, "access token reset", call.client_id)
    return {**_answer(call, client_id), "accessToken": token}


def _set_disabled(call: Call, disabled: bool) -> Any:
    _check(call)
    _found(call)
    action = "client disabled" if disabled else "client enabled"
    with call.deployment.store.transaction():
        call.deployment.store.run(
            "update clients set disabled = ?, last_modified = ? where client_id = ?",
            *(disabled, call.deployment.time(), call.params["clientId"]),
        )
        call.deployment.audit("client", call.params["clientId"], action, call.client_id)
    return _answer(call, call.params["clientId"])


@SERVICE.endpoint("disableClient", scopes="auth:disable-client:<clientId>", patterns=_PATTERNS)
async def disable(call: Call) -> Any:
    """Its credentials stop working."""
    return _set_disabled(call, disabled=True)


@SERVICE.endpoint("enableClient", scopes="auth:enable-client:<clientId>", patterns=_PATTERNS)
async def enable(call: Call) -> Any:
    """They work again."""
    return _set_disabled(call, disabled=False)


@SERVICE.endpoint("deleteClient", scopes="auth:delete-client:<clientId>", patterns=_PATTERNS)
async def delete(call: Call) -> Any:
    """Delete, or do nothing where there is none."""
    _check(call)
    with call.deployment.store.transaction():
        call.deployment.store.run("delete from clients where client_id = ?", call.params["clientId"])
        call.deployment.audit("client", call.params["clientId"], "deleted", call.client_id)
    return Reply(status=204)
