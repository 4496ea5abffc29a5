"""Find all who hold a scope."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.actions.read_access import read_access
from console.domain.who_can import Holders, who_can

if TYPE_CHECKING:
    from console.connection import Connection


async def find_holders(connection: Connection, scope: str) -> Holders:
    """The roles and clients that hold a scope, as far as they could be read.

    Raises:
        SignInNeeded: the credentials are not accepted.
    """
    return who_can(await read_access(connection), scope)
