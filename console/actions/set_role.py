"""Edit a role: prepare shows what it would do, apply does it if nobody was faster.

auth replaces a role whole and has no precondition: the role is read again right before it is written. A window of
one request remains.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.actions.read_access import read_access
from console.domain.generated_role import configuration_grant
from console.domain.role_preview import Preview, preview
from console.failures import Absent, MissingScopes, Unconfirmed
from console.services import auth
from runner.errors import Conflict, Refused, Unavailable, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from console.connection import Connection
    from console.domain.access import Access
    from console.domain.role_record import RoleRecord


@dataclass(frozen=True, slots=True)
class RoleEdit:
    """An edit that was prepared.

    Args:
        before: the role as it was read, or None where there is none yet.
        description: what will be sent: as it was.
        preview: what the edit would do.
        configuration: for a generated role, the text for the configuration repository instead; else "".
    """

    before: RoleRecord | None
    description: str
    preview: Preview
    configuration: str

    def check(self) -> None:
        """Refuse what auth would refuse, or what would not last.

        Raises:
            UsageError: auth would refuse it, whoever asks.
            Refused: the role is generated, or the editor lacks scopes.
        """
        looked_at = self.preview
        if looked_at.cycle:
            path = " -> ".join(looked_at.cycle)
            raise UsageError(f"The roles would assume one another: {path}.", action="Take out one of them.")
        if looked_at.refusals:
            raise UsageError(f"auth would refuse this: {'; '.join(looked_at.refusals)}.")
        if looked_at.is_generated:
            raise Refused(
                f"Role {looked_at.role_id} is generated: the next run of ci-admin would undo an edit.",
                action="Change the configuration repository instead.",
            )
        if looked_at.lacking:
            listed = ", ".join(f"`{scope}`" for scope in looked_at.lacking)
            raise MissingScopes(
                f"You lack what this edit needs: {listed}.",
                {"AllOf": list(looked_at.lacking)},
                action="Ask somebody who has it to make the edit, or leave those scopes out.",
            )


@dataclass(frozen=True, slots=True)
class Basis:
    """What edits of one role start from.

    Args:
        role_id: the role.
        before: the role as it was read, or None where there is none yet.
        access: all roles and clients, as far as they could be read.
        editor: what the editor holds, expanded, or None where it could not be read.
    """

    role_id: str
    before: RoleRecord | None
    access: Access
    editor: tuple[str, ...] | None

    def edit(self, scopes: Iterable[str]) -> RoleEdit:
        """Judge an edit; with thousands of roles it takes long enough to be run in a thread.

        Args:
            scopes: all that the role is to state.
        """
        looked_at = preview(self.access, self.role_id, scopes, self.editor)
        configuration = ""
        if looked_at.is_generated and looked_at.added:
            configuration = configuration_grant(self.role_id, looked_at.added)
        description = self.before.role.description if self.before else ""
        return RoleEdit(self.before, description, looked_at, configuration)


async def read_basis(connection: Connection, role_id: str) -> Basis:
    """Read what edits of a role would start from; nothing is changed.

    Args:
        connection: whom to ask.
        role_id: the role; it would be created where there is none.

    Raises:
        RunnerError: the role itself cannot be read.
    """
    before = await _read(connection, role_id)
    access = await read_access(connection, known=before.role if before else None)
    try:
        editor: tuple[str, ...] | None = await auth.current_scopes(connection.taskcluster)
    except (MissingScopes, Unavailable):
        editor = None
    return Basis(role_id, before, access, editor)


async def prepare(connection: Connection, role_id: str, scopes: Iterable[str]) -> RoleEdit:
    """Read what an edit would start from, and judge it; nothing is changed.

    Args:
        connection: whom to ask.
        role_id: the role; it would be created where there is none.
        scopes: all that it is to state.

    Raises:
        RunnerError: the role itself cannot be read.
    """
    return await asyncio.to_thread((await read_basis(connection, role_id)).edit, tuple(scopes))


async def apply(connection: Connection, edit: RoleEdit) -> RoleRecord:
    """Write a prepared edit, if the role is still as it was.

    Raises:
        UsageError: as `RoleEdit.check`.
        Refused: as `RoleEdit.check`, or auth refuses.
        Conflict: somebody changed, created or deleted the role meanwhile; nothing was written.
        Unconfirmed: it was sent, and the role cannot be read back.
    """
    edit.check()
    role_id, scopes = edit.preview.role_id, edit.preview.scopes
    _check_unchanged(edit, await _read(connection, role_id))
    try:
        return await auth.write_role(
            connection.taskcluster, role_id, scopes, edit.description, is_new=edit.before is None
        )
    except Unconfirmed:
        # After a time limit the state is unknown: the role says whether the write arrived.
        found = await _read(connection, role_id)
        if found is not None and (found.role.scopes, found.role.description) == (scopes, edit.description):
            return found
        raise


async def _read(connection: Connection, role_id: str) -> RoleRecord | None:
    try:
        return await auth.role(connection.taskcluster, role_id)
    except Absent:
        return None


def _check_unchanged(edit: RoleEdit, now: RoleRecord | None) -> None:
    before = edit.before
    if before == now or (before and now and _state(before) == _state(now)):
        return
    if before is None or now is None:
        happened = "was created" if before is None else "was deleted"
    else:
        gone = sorted(set(before.role.scopes) - set(now.role.scopes))
        new = sorted(set(now.role.scopes) - set(before.role.scopes))
        parts = [f"added {', '.join(new)}"] * bool(new) + [f"removed {', '.join(gone)}"] * bool(gone)
        happened = f"was changed at {now.last_modified} ({'; '.join(parts) or 'the description'})"
    raise Conflict(
        f"Role {edit.preview.role_id} {happened} since it was read: nothing was written.",
        action="Look at it again, and repeat the edit.",
    )


def _state(record: RoleRecord) -> object:
    return record.last_modified, record.role
