"""Registry accounts out of Taskcluster secrets, as a task would find them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.actions.secret_read import show_secret
from console.domain.secret_shape import credentials_in
from runner.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from console.connection import Connection
    from runner.credentials import RegistryCredentials


async def registry_accounts(
    connection: Connection, secrets: Iterable[str], username: str
) -> list[tuple[str, RegistryCredentials]]:
    """The account in each secret; it is for the registry that the secret names, and to be sent to no other.

    Args:
        connection: an open connection.
        secrets: their names.
        username: of whom, where a secret holds a password alone.

    Raises:
        Absent: there is no such secret.
        MissingScopes: one may not be read.
        Refused: one holds no account.
        UsageError: a task could not read it either.
    """
    found = []
    for name in secrets:
        credentials = credentials_in((await show_secret(connection, name)).record.body, username)
        if credentials is None:
            raise Refused(
                f"The secret `{name}` holds no registry account.",
                action=f"Set one: `lading secret set {name} dockerhub_password`.",
            )
        found.append((name, credentials))
    return found
