"""Write a prepared change of a secret, and take it back.

The service has no precondition: what is there is read again right before the write, and after it. A window of one
request remains, so this is no compare-and-set.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from console.actions.secret_read import last_change
from console.domain.secret_change import differences
from console.domain.secret_record import HiddenSecret, NoSecret, SecretRecord
from console.failures import Unconfirmed
from console.services import secret_store
from runner.errors import Conflict, Refused, Unavailable, UsageError

if TYPE_CHECKING:
    from console.actions.secret_draft import SecretDraft
    from console.connection import Connection
    from console.domain.role_record import AuditEntry
    from console.domain.secret_record import SecretState


@dataclass(frozen=True, slots=True)
class Saved:
    """A change that was made.

    Args:
        name: the secret's.
        before: what was there.
        after: what is there now.
        is_verified: whether it was read back; it cannot be without the scope to read it.
    """

    name: str
    before: SecretState
    after: SecretRecord
    is_verified: bool

    @property
    def can_be_undone(self) -> bool:
        """Whether it is known what to go back to."""
        return not isinstance(self.before, HiddenSecret)


async def save(connection: Connection, draft: SecretDraft) -> Saved:
    """Write, if the secret is still as it was read.

    Raises:
        Conflict: somebody changed it meanwhile and nothing was written, or right afterwards.
        Unconfirmed: it was sent, no answer came, and it cannot be read back.
        Unavailable: it was not written.
        RunnerError: the service refuses.
    """
    await _check_unchanged(connection, draft)
    return await _write(connection, draft.name, draft.before, draft.after)


async def undo(connection: Connection, saved: Saved) -> Saved | None:
    """Put back what was there, if what was written is still there.

    Returns:
        The change that this was, or None where the secret was deleted, as there was none before.

    Raises:
        UsageError: what was there is not known, or would have expired.
        Conflict: somebody changed it since; nothing was written.
        RunnerError: as `save`.
    """
    if isinstance(saved.before, HiddenSecret):
        raise UsageError("This cannot be undone: what was there before could not be read.")
    now = await secret_store.state(connection.taskcluster, saved.name)
    _refuse(saved.name, differences(saved.after, now), "was saved", None)
    if isinstance(saved.before, NoSecret):
        await secret_store.remove(connection.taskcluster, saved.name)
        return None
    if saved.before.expires <= datetime.fromtimestamp(connection.taskcluster.time(), UTC):
        raise UsageError("This cannot be undone: what was there before has expired.")
    return await _write(connection, saved.name, saved.after, saved.before)


async def _check_unchanged(connection: Connection, draft: SecretDraft) -> None:
    now = await secret_store.state(connection.taskcluster, draft.name)
    audit = None
    changed = differences(draft.before, now)
    if changed or isinstance(now, HiddenSecret):
        # Who did it; and where the secret cannot be read, whether anybody did.
        audit = await last_change(connection, draft.name)
    if not changed and audit is not None and draft.audit is not None and audit != draft.audit:
        changed = ("what, cannot be read",)
    _refuse(draft.name, changed, "was read", audit)


def _refuse(name: str, changed: tuple[str, ...], since: str, audit: AuditEntry | None) -> None:
    if not changed:
        return
    by = f" by {audit.client_id} at {audit.time}" if audit else ""
    raise Conflict(
        f"Secret {name} was changed{by} since it {since} ({', '.join(changed)}): nothing was written.",
        action="Look at it again, and repeat the change.",
    )


async def _write(connection: Connection, name: str, before: SecretState, after: SecretRecord) -> Saved:
    lost: Unconfirmed | None = None
    try:
        await secret_store.write(connection.taskcluster, name, after)
    except Unconfirmed as error:
        # After a time limit the state is unknown: what is there says whether the write arrived.
        lost = error
    try:
        now = await secret_store.state(connection.taskcluster, name)
    except (Unavailable, Refused) as error:
        raise lost or Unconfirmed(
            f"Secret {name} was written, and cannot be read back: {error.what}",
            action="Look at it again in a while.",
        ) from error
    if isinstance(now, HiddenSecret):
        if lost is not None:
            raise lost
        return Saved(name, before, after, is_verified=False)
    changed = differences(after, now)
    if not changed:
        return Saved(name, before, after, is_verified=True)
    if lost is not None and before == now:
        raise Unavailable(
            f"Secret {name} was not changed: the write did not arrive.", action="Try again in a while."
        ) from lost
    raise Conflict(
        f"Secret {name} was written, and holds something else already ({', '.join(changed)}).",
        cause="Somebody else wrote it at the same time.",
        action="Look at it again.",
    )
