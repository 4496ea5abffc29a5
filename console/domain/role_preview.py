"""What an edit of a role would do, before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from console.domain.access import Access
    from console.domain.principal import Principal


@dataclass(frozen=True, slots=True)
class Change:
    """What somebody's expansion gains and loses.

    Args:
        principal: a role or a client.
        gained: scopes that nothing held before satisfied, sorted.
        lost: scopes that nothing left satisfies, sorted.
    """

    principal: Principal
    gained: tuple[str, ...]
    lost: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """An edit of a role, judged.

    Args:
        role_id: the role.
        scopes: its new scopes as they will be sent: trimmed, sorted, each once.
        is_new: there is no such role yet.
        is_generated: its description says that a program writes it; an edit will be undone.
        added: scopes that the role did not state before.
        removed: scopes that it states no more.
        own: what its own expansion gains and loses.
        others: other roles, then clients, whose expansion changes.
        needed: scopes that auth asks of the editor for this.
        lacking: those that the editor lacks, or None where its scopes are not known.
        refusals: why auth would refuse it, whoever asks.
        cycle: the path of `assume:` scopes where roles would assume one another, else empty.
        unread: why `others` may not be all, fit to show.
    """

    role_id: str
    scopes: tuple[str, ...]
    is_new: bool
    is_generated: bool
    added: tuple[str, ...]
    removed: tuple[str, ...]
    own: Change
    others: tuple[Change, ...]
    needed: tuple[str, ...]
    lacking: tuple[str, ...] | None
    refusals: tuple[str, ...]
    cycle: tuple[str, ...]
    unread: tuple[str, ...]

    @property
    def changes_nothing(self) -> bool:
        """Whether the role states the same scopes as before."""
        return not (self.is_new or self.added or self.removed)


def scopes_from_text(text: str) -> tuple[str, ...]:
    """One scope a line, as an editor hands it over: blank lines and trailing spaces dropped, sorted, each once."""
    return tuple(sorted({line.rstrip() for line in text.splitlines() if line.strip()}))


def preview(
    access: Access, role_id: str, new_scopes: Iterable[str], editor_scopes: Iterable[str] | None
) -> Preview:
    """What replacing a role's scopes would do; the role is created where there is none.

    Args:
        access: roles and clients of the deployment.
        role_id: the role.
        new_scopes: all that it is to state.
        editor_scopes: what the editor holds, expanded, as `auth.currentScopes` tells it; None where unknown.
    """
    raise NotImplementedError
