"""List the roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.services import auth

if TYPE_CHECKING:
    from console.connection import Connection
    from console.domain.access import Role


async def list_roles(connection: Connection) -> list[Role]:
    """All roles, in order of their ids.

    Raises:
        RunnerError: they cannot all be read.
    """
    return sorted([role async for role in auth.roles(connection.taskcluster)], key=lambda role: role.role_id)
