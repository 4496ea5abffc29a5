"""Read who holds what, as far as the caller may see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from console.domain.access import Access, Client, Role
from console.failures import Absent, MissingScopes
from console.services import auth
from runner.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from console.connection import Connection

Item = TypeVar("Item")


async def read_access(
    connection: Connection, *, clients: bool = True, client_id: str = "", known: Role | None = None
) -> Access:
    """The roles, and the clients, of a deployment; what cannot be read is said in the value.

    Args:
        connection: whom to ask.
        clients: read all clients.
        client_id: read this client alone, or "".
        known: a role that was read already: it is there even where the roles cannot be listed.

    Raises:
        SignInNeeded: the credentials are not accepted.
    """
    taskcluster = connection.taskcluster
    roles: list[Role] = []
    found: list[Client] = []
    roles_unread = await _gathered(auth.roles(taskcluster), roles, "the roles")
    if known is not None:
        roles.append(known)  # the later of two is taken
    clients_unread = ""
    if clients:
        clients_unread = await _gathered(auth.clients(taskcluster), found, "the clients")
    elif client_id:
        clients_unread = await _one_client(connection, client_id, found)
    return Access(roles, found, roles_unread=roles_unread, clients_unread=clients_unread)


async def _gathered(source: AsyncIterator[Item], into: list[Item], what: str) -> str:
    try:
        async for item in source:
            into.append(item)  # noqa: PERF401 - those before an error are kept
    except (MissingScopes, Unavailable) as error:
        return f"{what} could not all be read: {error.what}"
    return ""


async def _one_client(connection: Connection, client_id: str, into: list[Client]) -> str:
    try:
        into.append(await auth.client(connection.taskcluster, client_id))
    except Absent:
        return ""
    except (MissingScopes, Unavailable) as error:
        return f"the client could not be read: {error.what}"
    return ""
