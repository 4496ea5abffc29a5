"""List the secrets: names first, for a name costs one request; expiry and last change as they are known."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from console.actions.secret_read import last_change
from console.domain.secret_record import HiddenSecret, SecretRecord
from console.failures import MissingScopes
from console.services import secret_store
from runner.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable
    from datetime import datetime

    from console.connection import Connection
    from console.domain.role_record import AuditEntry

# The service tells an expiry only with the value: nobody reads thousands of values for their dates.
DETAILED: Final = 100


@dataclass(frozen=True, slots=True)
class SecretLine:
    """A secret as a list shows it.

    Args:
        name: its name.
        expires: when, or None where it may not be read, or is gone.
        last: its newest audit entry, or None where there is none or it may not be read.
        unread: why the expiry is not known, or "".
    """

    name: str
    expires: datetime | None
    last: AuditEntry | None
    unread: str = ""


async def list_secrets(connection: Connection) -> list[str]:
    """The names of all secrets, in order.

    Raises:
        MissingScopes: without `secrets:list-secrets`; a secret can be named all the same.
        RunnerError: they cannot be read.
    """
    try:
        return sorted(await secret_store.names(connection.taskcluster))
    except MissingScopes as error:
        raise MissingScopes(
            error.what,
            error.missing,
            cause="You may still read or set one whose name you know.",
            action="Name it: `lading secret get NAME`.",
        ) from error


async def secret_lines(connection: Connection, names: Iterable[str]) -> AsyncGenerator[SecretLine, None]:
    """Expiry and last change of each, as they are known; the values are read and dropped at once.

    Raises:
        RunnerError: signed out, or nothing answers.
    """
    reading = [asyncio.create_task(_told(connection, name)) for name in names]
    try:
        for done in asyncio.as_completed(reading):
            yield await done
    finally:
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)


async def _told(connection: Connection, name: str) -> SecretLine:
    try:
        found = await secret_store.state(connection.taskcluster, name)
        last = await last_change(connection, name)
    except Unavailable as error:
        return SecretLine(name, None, None, error.what)
    match found:
        case SecretRecord():
            return SecretLine(name, found.expires, last)
        case HiddenSecret():
            return SecretLine(name, None, last, f"you lack {found.scope}")
        case _:
            return SecretLine(name, None, last, "gone")
