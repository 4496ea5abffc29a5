"""What the screens of secrets share: this program's salt, and what it saved and can take back."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from console.actions.prove import plan_secret_proof
from console.actions.secret_use import use_of
from console.domain.secret_change import Fingerprints
from runner.errors import RunnerError

if TYPE_CHECKING:
    from console.actions.secret_save import Saved
    from console.actions.secret_use import SecretUse
    from console.domain.build_plan import TriggerPlan
    from console.shell import Session, Shell


class SecretDesk:
    """Lives as long as the program: nothing of it is written down."""

    def __init__(self) -> None:
        self.fingerprints = Fingerprints(secrets.token_bytes(32))
        self.saved: dict[str, Saved] = {}
        self.changes = 0
        """How often anything was changed: who shows secrets reads again when it grew."""

    def keep(self, saved: Saved) -> None:
        """Remember a change that was made."""
        self.saved[saved.name] = saved
        self.changes += 1

    def drop(self, name: str) -> None:
        """Forget it: it was taken back, or the secret is gone."""
        self.saved.pop(name, None)
        self.changes += 1


_DESKS: WeakKeyDictionary[Shell, SecretDesk] = WeakKeyDictionary()


def desk_of(shell: Shell) -> SecretDesk:
    """The program's one."""
    return _DESKS.setdefault(shell, SecretDesk())


async def use_in(session: Session, name: str) -> SecretUse:
    """What the session's checkout uses a secret for."""
    return await asyncio.to_thread(use_of, session.folder, name)


async def proof_in(session: Session, name: str, path: str) -> TriggerPlan | str:
    """The task that would prove a secret that was saved, or why there can be none."""
    try:
        plan = await plan_secret_proof(session.connection, session.folder, path, name)
    except RunnerError as error:
        return error.what
    return plan if plan.can_be_done else " ".join(plan.obstacles)
