"""Read one secret, with what the audit tells of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.domain.secret_record import HiddenSecret, NoSecret
from console.failures import Absent, MissingScopes
from console.services import auth, secret_store
from runner.errors import Unavailable

if TYPE_CHECKING:
    from console.connection import Connection
    from console.domain.role_record import AuditEntry
    from console.domain.secret_record import SecretRecord


@dataclass(frozen=True, slots=True)
class ShownSecret:
    """A secret and its audit.

    Args:
        name: its name.
        record: what the service has.
        history: its audit, oldest first, or None where it could not be read.
        history_unread: why, or "".
    """

    name: str
    record: SecretRecord
    history: tuple[AuditEntry, ...] | None
    history_unread: str = ""


async def show_secret(connection: Connection, name: str) -> ShownSecret:
    """Read a secret; its audit is read where the caller may.

    Raises:
        Absent: there is none that has not expired.
        MissingScopes: it may not be read, and may be there or not.
        RunnerError: it cannot be read.
    """
    found = await secret_store.state(connection.taskcluster, name)
    if isinstance(found, HiddenSecret):
        raise MissingScopes(
            f"You lack `{found.scope}`.",
            found.scope,
            cause="Whether there is such a secret is not told to you.",
            action="It can be set without being read, with the scope "
            f"`secrets:set:{name}`: `lading secret set`; or ask an administrator for the scope.",
        )
    if isinstance(found, NoSecret):
        raise await absent(connection, name)
    try:
        return ShownSecret(name, found, await auth.history(connection.taskcluster, "secret", name))
    except (MissingScopes, Unavailable) as error:
        return ShownSecret(name, found, None, error.what)


async def absent(connection: Connection, name: str) -> Absent:
    """The error for a secret that is not there; the audit may know why."""
    entry = await last_change(connection, name)
    cause = "It was never set, was deleted, or has expired: the service does not say which."
    if entry is not None and entry.action in {"deleted", "expired"}:
        cause = f"The audit says: {entry.action} at {entry.time} by {entry.client_id}."
    elif entry is not None:
        cause = f"The audit says: {entry.action} at {entry.time} by {entry.client_id}; it has expired since."
    return Absent(
        f"There is no secret {name}.",
        cause=cause,
        action="`lading secret list` names all; `lading secret rotate` makes one.",
    )


async def last_change(connection: Connection, name: str) -> AuditEntry | None:
    """The newest audit entry, or None where there is none or it may not be read."""
    try:
        history = await auth.history(connection.taskcluster, "secret", name)
    except (MissingScopes, Unavailable):
        return None
    return max(history, key=lambda entry: entry.time, default=None)
