"""The Secrets service as values. It keeps no version: the last write wins, and there is no precondition."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from console.domain.secret_expiry import sent
from console.domain.secret_record import HiddenSecret, NoSecret, SecretBody, SecretRecord
from console.failures import Absent, MissingScopes
from runner.errors import Unavailable

if TYPE_CHECKING:
    from console.domain.secret_record import SecretState
    from console.services.taskcluster import Taskcluster


async def names(taskcluster: Taskcluster) -> list[str]:
    """All secrets that have not expired.

    Raises:
        RunnerError: as `Taskcluster.pages`.
    """
    found = await taskcluster.items("secrets", "list", key="secrets")
    if not all(isinstance(name, str) for name in found):
        raise _unknown_shape()
    return found


async def state(taskcluster: Taskcluster, name: str) -> SecretState:
    """What can be told of a secret.

    Raises:
        RunnerError: as `Taskcluster.call`, but for 403 and 404.
    """
    try:
        found = await taskcluster.call("secrets", "get", name)
    except MissingScopes:
        return HiddenSecret(f"secrets:get:{name}")
    except Absent:
        return NoSecret()
    try:
        content, expires = found["secret"], datetime.fromisoformat(found["expires"])
        if isinstance(content, dict) and expires.tzinfo is not None:
            return SecretRecord(SecretBody(content), expires)
    except (KeyError, TypeError, ValueError):
        # Without the cause, whose text may show what was answered.
        raise _unknown_shape() from None
    raise _unknown_shape()


async def write(taskcluster: Taskcluster, name: str, record: SecretRecord) -> None:
    """Create it or replace it whole.

    Raises:
        RunnerError: as `Taskcluster.call`.
    """
    payload = {"secret": record.body.reveal(), "expires": sent(record.expires)}
    await taskcluster.call("secrets", "set", name, payload=payload)


async def remove(taskcluster: Taskcluster, name: str) -> None:
    """Delete it; the service is content where there is none.

    Raises:
        RunnerError: as `Taskcluster.call`.
    """
    await taskcluster.call("secrets", "remove", name)


def _unknown_shape() -> Unavailable:
    return Unavailable(
        "secrets answers in a shape that is not known.",
        cause="It may be no Taskcluster, or a newer one.",
    )
