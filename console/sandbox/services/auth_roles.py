"""auth: roles."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from console.domain.scopes import BadScope, RoleCycle, Roles, check_role, satisfies
from console.sandbox.call import Reply
from console.sandbox.deployment import dump
from console.sandbox.failures import conflict, input_error, not_found
from console.sandbox.paging import by_offset
from console.sandbox.services.auth_clients import SERVICE
from console.sandbox.validation import UNIQUE_SCOPES, Members, Text

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from console.sandbox.call import Call

_ROLE: Final = Members(
    of={"description": Text(most=10240), "scopes": UNIQUE_SCOPES}, required=("description", "scopes")
)
_SCHEMA: Final = "auth/v1/create-role-request.json#"
_PATTERNS: Final = {"roleId": r"^[\x20-\x7e]+$"}


def _row(call: Call, role_id: str) -> sqlite3.Row | None:
    return call.deployment.store.one("select * from roles where role_id = ?", role_id)


def _answer(call: Call, row: sqlite3.Row) -> dict[str, Any]:
    return {
        "roleId": row["role_id"],
        "scopes": json.loads(row["scopes"]),
        "expandedScopes": call.deployment.roles.expand([f"assume:{row['role_id']}"]),
        "description": row["description"],
        "lastModified": row["last_modified"],
        "created": row["created"],
    }


def _read(call: Call) -> dict[str, Any]:
    row = _row(call, call.params["roleId"])
    if row is None:
        raise not_found("Role not found")
    return _answer(call, row)


def _check(call: Call, scopes: Sequence[str]) -> None:
    """Refuse scopes that cannot be a role's, and roles that would assume one another."""
    role_id = call.params["roleId"]
    try:
        check_role(role_id, scopes)
        rows = call.deployment.store.all("select role_id, scopes from roles")
        Roles.of(
            {row["role_id"]: json.loads(row["scopes"]) for row in rows} | {role_id: scopes}
        ).check_cycles()
    except (BadScope, RoleCycle) as refusal:
        raise input_error(str(refusal)) from refusal


@SERVICE.endpoint("createRole", takes=_ROLE, schema=_SCHEMA, patterns=_PATTERNS)
async def create(call: Call) -> Any:
    """Create; the same again changes nothing, another under the same id is refused."""
    role_id, body, deployment = call.params["roleId"], call.payload, call.deployment
    call.authorize({"AllOf": [f"auth:create-role:{role_id}", *body["scopes"]]})
    scopes = body["scopes"]
    scopes.sort()  # in place: the service echoes them sorted
    _check(call, scopes)
    existing = _row(call, role_id)
    if existing is not None and (existing["description"], existing["scopes"]) != (
        body["description"],
        dump(scopes),
    ):
        raise conflict(f"Role with roleId '{role_id}' already exists")
    now = deployment.time()
    with deployment.store.transaction():
        deployment.store.run(
            "insert or ignore into roles values (?, ?, ?, ?, ?)",
            *(role_id, body["description"], dump(scopes), now, now),
        )
        deployment.audit("role", role_id, "created", call.client_id)
    deployment.roles_changed()
    return _read(call)


@SERVICE.endpoint("updateRole", takes=_ROLE, schema=_SCHEMA, patterns=_PATTERNS)
async def update(call: Call) -> Any:
    """Replace; a caller needs each scope that its scopes did not expand to."""
    role_id, body, deployment = call.params["roleId"], call.payload, call.deployment
    row = _row(call, role_id)
    if row is None:
        raise not_found(f"Role with roleId '{role_id}' not found")
    # Of its own scopes: what other roles give to its name does not count.
    held = deployment.roles.expand(json.loads(row["scopes"]))
    added = [scope for scope in body["scopes"] if not satisfies(held, scope)]
    call.authorize({"AllOf": [f"auth:update-role:{role_id}", *added]})
    scopes = sorted(body["scopes"])
    _check(call, scopes)
    with deployment.store.transaction():
        deployment.store.run(
            "update roles set description = ?, scopes = ?, last_modified = ? where role_id = ?",
            *(body["description"], dump(scopes), deployment.time(), role_id),
        )
        deployment.audit("role", role_id, "updated", call.client_id)
    deployment.roles_changed()
    return _read(call)


@SERVICE.endpoint("role", scopes="auth:get-role:<roleId>", patterns=_PATTERNS)
async def get(call: Call) -> Any:
    """One role, with what it expands to."""
    return _read(call)


@SERVICE.endpoint("deleteRole", scopes="auth:delete-role:<roleId>", patterns=_PATTERNS)
async def delete(call: Call) -> Any:
    """Delete, or do nothing where there is none."""
    with call.deployment.store.transaction():
        call.deployment.store.run("delete from roles where role_id = ?", call.params["roleId"])
        call.deployment.audit("role", call.params["roleId"], "deleted", call.client_id)
    call.deployment.roles_changed()
    return Reply(status=204)


def _all(call: Call) -> list[sqlite3.Row]:
    return call.deployment.store.all("select * from roles order by role_id")


@SERVICE.endpoint("listRoles", scopes="auth:list-roles")
async def list_all(call: Call) -> Any:
    """All roles at once."""
    return [_answer(call, row) for row in _all(call)]


@SERVICE.endpoint("listRoles2", scopes="auth:list-roles")
async def list_pages(call: Call) -> Any:
    """Roles by pages."""
    page, token = by_offset(_all(call), call.query)
    return {"roles": [_answer(call, row) for row in page], **token}


@SERVICE.endpoint("listRoleIds", scopes="auth:list-roles")
async def list_ids(call: Call) -> Any:
    """Role ids by pages."""
    page, token = by_offset(_all(call), call.query)
    return {"roleIds": [row["role_id"] for row in page], **token}
