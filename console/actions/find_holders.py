"""Find all who hold a scope."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from console.actions.read_access import read_access
from console.domain.who_can import who_can

if TYPE_CHECKING:
    from console.connection import Connection
    from console.domain.access import Access
    from console.domain.who_can import Holders


async def find_holders(connection: Connection, scope: str, *, access: Access | None = None) -> Holders:
    """The roles and clients that hold a scope, as far as they could be read.

    Args:
        connection: whom to ask.
        scope: the scope in question.
        access: roles and clients that were read already, or None to read them.

    Raises:
        SignInNeeded: the credentials are not accepted.
    """
    return await asyncio.to_thread(who_can, access or await read_access(connection), scope)
