"""Show a role, and who changed it last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.failures import Absent, MissingScopes
from console.services import auth
from runner.errors import Unavailable

if TYPE_CHECKING:
    from console.connection import Connection
    from console.domain.role_record import AuditEntry, RoleRecord


@dataclass(frozen=True, slots=True)
class ShownRole:
    """A role and its audit.

    Args:
        record: the role.
        history: its audit, oldest first, or None where it could not be read.
        history_unread: why, or "".
    """

    record: RoleRecord
    history: tuple[AuditEntry, ...] | None
    history_unread: str = ""


async def show_role(connection: Connection, role_id: str) -> ShownRole:
    """Read a role; its audit is read where the caller may.

    Raises:
        Absent: there is none.
        RunnerError: it cannot be read.
    """
    try:
        record = await auth.role(connection.taskcluster, role_id)
    except Absent as error:
        raise Absent(f"There is no role {role_id}.", action="`lading role list` names all.") from error
    try:
        return ShownRole(record, await auth.history(connection.taskcluster, "role", role_id))
    except (MissingScopes, Unavailable) as error:
        return ShownRole(record, None, error.what)
