"""auth: what scopes are worth, the audit, and the endpoints by which others authenticate."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from console.domain.scopes import Roles, normalise
from console.sandbox.authentication import SKEW, Directory, Signed, authenticate
from console.sandbox.call import check_scopes
from console.sandbox.deployment import FAR_FUTURE, Client
from console.sandbox.failures import ApiError
from console.sandbox.moments import iso
from console.sandbox.paging import by_offset
from console.sandbox.services.auth_clients import SERVICE
from console.sandbox.temporary import AuthenticationFailed
from console.sandbox.validation import SCOPES, Listing, Members, Number, Text
from runner.masking import Masked

if TYPE_CHECKING:
    import sqlite3

    from console.sandbox.call import Call

_SCOPE_SET: Final = Members(of={"scopes": SCOPES}, required=("scopes",))
_TEST: Final = Members(
    of={"clientScopes": Listing(of=Text(), default=[]), "requiredScopes": Listing(of=Text(), default=[])}
)
_HAWK: Final = Members(
    of={
        "method": Text(one_of=("get", "post", "put", "head", "delete", "options", "trace", "copy", "patch")),
        "resource": Text(),
        "host": Text(),
        "port": Number(integer=True),
        "authorization": Text(),
        "sourceIp": Text(),
    },
    required=("method", "resource", "host", "port"),
)
# A published account of the deployment's own test endpoint (the manual, "Testing authentication").
_TESTER: Final = "tester"
_TESTER_TOKEN: Final = Masked("no-secret")


@SERVICE.endpoint(
    "expandScopes", scopes="auth:expand-scopes", takes=_SCOPE_SET, schema="auth/v1/scopeset.json#"
)
async def expand(call: Call) -> Any:
    """The scopes with all that roles add."""
    return {"scopes": call.deployment.roles.expand(call.payload["scopes"])}


@SERVICE.endpoint("currentScopes", scopes="auth:current-scopes")
async def current(call: Call) -> Any:
    """What the caller holds."""
    return {"scopes": call.identity.scopes}


def _history(call: Call, rows: list[sqlite3.Row]) -> Any:
    page, token = by_offset(rows, call.query)
    columns = {
        "clientId": "client_id",
        "actionType": "action",
        "created": "created",
        "entityId": "entity_id",
        "entityType": "entity_type",
    }
    return {
        "auditHistory": [{name: row[column] for name, column in columns.items()} for row in page],
        **token,
    }


@SERVICE.endpoint(
    "getEntityHistory",
    scopes="auth:audit-history:<entityType>",
    patterns={"entityType": r"^(client|role|secret|hook|worker-pool)$"},
)
async def entity_history(call: Call) -> Any:
    """Who did what to an entity, oldest first."""
    rows = call.deployment.store.all(
        "select * from audit where entity_type = ? and entity_id = ? order by id",
        *(call.params["entityType"], call.params["entityId"]),
    )
    return _history(call, rows)


@SERVICE.endpoint("listAuditHistory", scopes="auth:client-audit-history:<clientId>")
async def client_history(call: Call) -> Any:
    """What a client did, oldest first."""
    rows = call.deployment.store.all(
        "select * from audit where client_id = ? order by id", call.params["clientId"]
    )
    return _history(call, rows)


def _test(call: Call, client_scopes: list[str], required: list[str]) -> Any:
    tester = Client(_TESTER, _TESTER_TOKEN, tuple(client_scopes), FAR_FUTURE)
    directory = Directory({_TESTER: tester}.get, Roles({}), call.deployment.now())
    try:
        identity = authenticate(call.signed, directory)
    except AuthenticationFailed as refusal:
        raise ApiError("AuthenticationFailed", str(refusal)) from refusal
    check_scopes(identity, {"AllOf": required})
    return {"clientId": identity.client_id or "anonymous", "scopes": normalise(identity.scopes)}


@SERVICE.endpoint("testAuthenticate", takes=_TEST, schema="auth/v1/test-authenticate-request.json#")
async def test_authenticate(call: Call) -> Any:
    """For the tests of clients: signed as `tester`, holding what the body says."""
    return _test(call, call.payload["clientScopes"], call.payload["requiredScopes"])


@SERVICE.endpoint("testAuthenticateGet")
async def test_authenticate_get(call: Call) -> Any:
    """The same by GET, with fixed scopes."""
    return _test(call, ["test:*", "auth:create-client:test:*"], ["test:authenticate-get"])


@SERVICE.endpoint("authenticateHawk", takes=_HAWK, schema="auth/v1/authenticate-hawk-request.json#")
async def authenticate_hawk(call: Call) -> Any:
    """How a service asks auth about a request that it got."""
    body, deployment = call.payload, call.deployment
    signed = Signed(
        method=body["method"].upper(),
        name=body["resource"],
        host=body["host"],
        port=str(body["port"]),
        authorization=body.get("authorization"),
    )
    try:
        identity = authenticate(signed, Directory(deployment.client, deployment.roles, deployment.now()))
    except AuthenticationFailed as refusal:
        return {"status": "auth-failed", "message": str(refusal)}
    if identity.client_id is None:
        until = iso(deployment.now() + timedelta(seconds=SKEW))
        return {"status": "no-auth", "scheme": "none", "scopes": identity.scopes, "expires": until}
    answer = {
        "status": "auth-success",
        "scheme": "hawk",
        "clientId": identity.client_id,
        "scopes": identity.scopes,
        "expires": identity.expires,
    }
    return {**answer, "hash": identity.payload_hash} if identity.payload_hash else answer
