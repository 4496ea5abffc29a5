"""auth's roles, clients, scopes and audit as values."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from console.domain.access import Client, Role
from console.domain.role_record import AuditEntry, RoleRecord
from runner.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

    from console.services.taskcluster import Taskcluster


async def roles(taskcluster: Taskcluster) -> AsyncIterator[Role]:
    """All roles, as their pages arrive.

    Raises:
        RunnerError: as `Taskcluster.pages`; what came before it is good.
    """
    async for page in taskcluster.pages("auth", "listRoles2", key="roles"):
        for found in page:
            with _expected("a role"):
                role = _role(found)
            yield role


async def role(taskcluster: Taskcluster, role_id: str) -> RoleRecord:
    """One role.

    Raises:
        Absent: there is none.
        RunnerError: as `Taskcluster.call`.
    """
    return _record(await taskcluster.call("auth", "role", role_id))


async def write_role(
    taskcluster: Taskcluster, role_id: str, scopes: Iterable[str], description: str, *, is_new: bool
) -> RoleRecord:
    """Create or replace a role; auth has no precondition, the last write wins.

    Raises:
        Conflict: it was to be new, and there is another.
        RunnerError: as `Taskcluster.call`.
    """
    payload = {"description": description, "scopes": list(scopes)}
    entry = "createRole" if is_new else "updateRole"
    return _record(await taskcluster.call("auth", entry, role_id, payload=payload))


async def clients(taskcluster: Taskcluster) -> AsyncIterator[Client]:
    """All clients, as their pages arrive; as `roles`."""
    async for page in taskcluster.pages("auth", "listClients", key="clients"):
        for found in page:
            with _expected("a client"):
                client = _client(found, taskcluster.time())
            yield client


async def client(taskcluster: Taskcluster, client_id: str) -> Client:
    """One client.

    Raises:
        Absent: there is none.
        RunnerError: as `Taskcluster.call`.
    """
    found = await taskcluster.call("auth", "client", client_id)
    with _expected("a client"):
        return _client(found, taskcluster.time())


async def current_scopes(taskcluster: Taskcluster) -> tuple[str, ...]:
    """What the caller holds, expanded.

    Raises:
        RunnerError: as `Taskcluster.call`.
    """
    found = await taskcluster.call("auth", "currentScopes")
    with _expected("the current scopes"):
        return _scopes(found["scopes"])


async def expand(taskcluster: Taskcluster, scopes: Iterable[str]) -> tuple[str, ...]:
    """What the server makes of scopes by its roles; scopes that a wider one covers are left out.

    Raises:
        RunnerError: as `Taskcluster.call`.
    """
    found = await taskcluster.call("auth", "expandScopes", payload={"scopes": list(scopes)})
    with _expected("expanded scopes"):
        return _scopes(found["scopes"])


async def history(taskcluster: Taskcluster, kind: str, name: str) -> tuple[AuditEntry, ...]:
    """The audit of a `client`, `role`, `secret`, `hook` or `worker-pool`, oldest first.

    A deployment keeps 30 days of it by default: nothing there does not mean that nothing was done.

    Raises:
        RunnerError: as `Taskcluster.pages`.
    """
    found = await taskcluster.items("auth", "getEntityHistory", kind, name, key="auditHistory")
    with _expected("an audit entry"):
        return tuple(
            AuditEntry(str(entry["actionType"]), str(entry["clientId"]), str(entry["created"]))
            for entry in found
        )


@contextmanager
def _expected(what: str) -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unavailable(
            f"auth answers with {what} of a shape that is not known.",
            cause="It may be no Taskcluster, or a newer one.",
        ) from error


def _scopes(found: object) -> tuple[str, ...]:
    if not isinstance(found, list) or not all(isinstance(scope, str) for scope in found):
        raise TypeError(found)
    return tuple(found)


def _role(found: Any) -> Role:
    return Role(str(found["roleId"]), _scopes(found["scopes"]), str(found.get("description", "")))


def _record(found: Any) -> RoleRecord:
    with _expected("a role"):
        return RoleRecord(
            _role(found),
            _scopes(found["expandedScopes"]),
            str(found["created"]),
            str(found["lastModified"]),
        )


def _client(found: Any, now: float) -> Client:
    expires = datetime.fromisoformat(found["expires"])
    return Client(
        str(found["clientId"]),
        _scopes(found["scopes"]),
        is_disabled=bool(found.get("disabled")),
        is_expired=expires <= datetime.fromtimestamp(now, UTC),
    )
