"""Prepare a change of a secret: what is there, what would be, and what cannot be known; nothing is changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from console.actions.secret_read import last_change
from console.domain.secret_change import changes, with_key
from console.domain.secret_expiry import NEVER, expiry
from console.domain.secret_record import HiddenSecret, SecretBody, SecretRecord
from console.domain.secret_shape import obstacles, with_account
from console.failures import ReadOnly
from console.services import secret_store
from runner.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.connection import Connection
    from console.domain.role_record import AuditEntry
    from console.domain.secret_change import Fingerprints, LeafChange
    from console.domain.secret_record import SecretState
    from console.domain.secret_shape import Account
    from runner.masking import Masked


@dataclass(frozen=True, slots=True)
class SecretDraft:
    """A change that was prepared.

    Args:
        name: the secret's.
        before: what was read.
        audit: the newest audit entry when it was read, or None where there is none or it may not be read.
        after: what would be written.
        changes: what becomes of each value, by fingerprints.
        warnings: what is lost, or not known, or does nothing in a task.
    """

    name: str
    before: SecretState
    audit: AuditEntry | None
    after: SecretRecord
    changes: tuple[LeafChange, ...]
    warnings: tuple[str, ...]

    @property
    def changes_nothing(self) -> bool:
        """Whether what is there is what would be written."""
        return self.before == self.after


@dataclass(frozen=True, slots=True)
class Start:
    """What a change starts from.

    Args:
        name: the secret's.
        state: what is there.
        audit: the newest audit entry, or None.
        now: the server's time.
    """

    name: str
    state: SecretState
    audit: AuditEntry | None
    now: datetime

    @property
    def body(self) -> SecretBody:
        """What is there as far as it is known."""
        return self.state.body if isinstance(self.state, SecretRecord) else SecretBody({})


async def start(connection: Connection, name: str) -> Start:
    """Read what a change of a secret starts from.

    Raises:
        ReadOnly: nothing may be changed by this connection.
        RunnerError: what is there cannot be read, for another reason than a missing scope.
    """
    if connection.settings.read_only:
        raise ReadOnly(
            "This connection is read-only: the secret is not changed.",
            action="Leave out --read-only to make the change.",
        )
    if not name or len(name) > 1000:
        raise UsageError("A secret's name has 1 to 1,000 characters.")
    state = await secret_store.state(connection.taskcluster, name)
    audit = await last_change(connection, name)
    return Start(name, state, audit, datetime.fromtimestamp(connection.taskcluster.time(), UTC))


def draft_key(
    begun: Start, key: str, value: Masked, expires: str | None, fingerprints: Fingerprints
) -> SecretDraft:
    """One key's value set, all others kept.

    Args:
        begun: what is there.
        key: which.
        value: its new value.
        expires: what was typed, or None to keep the expiry that is there.
        fingerprints: of this session.

    Raises:
        UsageError: the value does not suit the key, or an expiry is missing or past.
    """
    if not key:
        raise UsageError("A key has a name.")
    return _draft(begun, lambda body: with_key(body, key, value), expires, fingerprints)


def draft_account(
    begun: Start, account: Account, expires: str | None, fingerprints: Fingerprints
) -> SecretDraft:
    """Other registry credentials, in the shape in use; else as `draft_key`.

    Raises:
        UsageError: the shape cannot hold them, or an expiry is missing or past.
    """
    return _draft(begun, lambda body: with_account(body, account), expires, fingerprints)


def _draft(
    begun: Start, change: Callable[[SecretBody], SecretBody], expires: str | None, fingerprints: Fingerprints
) -> SecretDraft:
    known = isinstance(begun.state, SecretRecord)
    body = change(begun.body)
    after = SecretRecord(body, _expiry(begun, expires))
    told = changes(begun.name, begun.body if known else None, body, fingerprints)
    warnings = list(obstacles(body))
    if isinstance(begun.state, HiddenSecret):
        warnings.append(
            f"You lack `{begun.state.scope}`: whatever else the secret holds is replaced, "
            "and whether somebody else changes it meanwhile cannot be checked"
        )
    return SecretDraft(begun.name, begun.state, begun.audit, after, told, tuple(warnings))


def _expiry(begun: Start, expires: str | None) -> datetime:
    if expires is not None:
        return expiry(expires, begun.now)
    if isinstance(begun.state, SecretRecord):
        return min(begun.state.expires, NEVER)
    raise UsageError(
        "When the secret expires has to be said: there is none yet whose expiry could be kept."
        if not isinstance(begun.state, HiddenSecret)
        else "When the secret expires has to be said: what is there cannot be read.",
        action="Give --expires 90d, 1y, never or a date.",
    )
