"""Delete a secret."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.actions.secret_draft import start
from console.actions.secret_read import absent
from console.domain.secret_record import HiddenSecret, NoSecret
from console.services import secret_store

if TYPE_CHECKING:
    from console.connection import Connection


@dataclass(frozen=True, slots=True)
class Deleted:
    """A secret that is not there any more.

    Args:
        name: its name.
        was_there: whether it was; None where that could not be read.
    """

    name: str
    was_there: bool | None


async def delete_secret(connection: Connection, name: str) -> Deleted:
    """Delete a secret; what it held is gone.

    Raises:
        ReadOnly: nothing may be changed by this connection.
        Absent: there is none.
        RunnerError: the service refuses.
    """
    begun = await start(connection, name)
    if isinstance(begun.state, NoSecret):
        raise await absent(connection, name)
    await secret_store.remove(connection.taskcluster, name)
    return Deleted(name, None if isinstance(begun.state, HiddenSecret) else True)
