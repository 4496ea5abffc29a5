"""Who the connection is, as the deployment sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.failures import MissingScopes
from console.services import auth

if TYPE_CHECKING:
    from console.connection import Connection, ConnectionSettings


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks.

    Args:
        settings: of the connection, with the credentials and their origin.
        held: its scopes, expanded, or None where it may not ask for them.
    """

    settings: ConnectionSettings
    held: tuple[str, ...] | None


async def who_am_i(connection: Connection) -> Identity:
    """Ask auth, which refuses credentials that are wrong or over.

    Raises:
        SignInNeeded: it does not accept them.
        RunnerError: it does not answer.
    """
    try:
        held = await auth.current_scopes(connection.taskcluster)
    except MissingScopes:
        held = None
    return Identity(connection.settings, held)
