"""A role and the audit's entries, as auth keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from console.domain.access import Role


@dataclass(frozen=True, slots=True)
class RoleRecord:
    """A role with what auth adds to it.

    Args:
        role: its id, scopes and description.
        expanded: all that it holds, as the server has it; what a wider scope covers is left out.
        created: an ISO 8601 time.
        last_modified: an ISO 8601 time; an edit compares it.
    """

    role: Role
    expanded: tuple[str, ...]
    created: str
    last_modified: str


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what to an entity; the service keeps neither old nor new values.

    Args:
        action: `created`, `updated`, `deleted`, `expired` and others.
        client_id: who.
        time: an ISO 8601 time.
    """

    action: str
    client_id: str
    time: str
