"""Who holds a scope, among all roles and clients of a deployment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from console.domain.access import Access
    from console.domain.principal import Principal
    from console.domain.scope_search import Chain


@dataclass(frozen=True, slots=True)
class Holder:
    """A role or a client that holds the scope.

    Args:
        principal: who.
        chain: the shortest way to the scope.
        member: None, or, for a role whose id ends in `*` and of which not every name holds the scope: one that does,
            or "" where the scope comes only from another role that the wildcard takes in.
        cannot_sign_in: `disabled`, `expired` or "", for a client.
    """

    principal: Principal
    chain: Chain
    member: str | None = None
    cannot_sign_in: str = ""

    @property
    def is_pattern(self) -> bool:
        """Whether this stands for every role name of one beginning."""
        return self.principal.is_wildcard

    @property
    def through(self) -> tuple[str, ...]:
        """The roles between the principal and the scope; none where it holds it directly."""
        return tuple(role_id for role_id in self.chain.role_ids if role_id != self.principal.name)


@dataclass(frozen=True, slots=True)
class Holders:
    """All who hold a scope, as far as could be read.

    Args:
        scope: the scope.
        roles: in order of their ids; the role `anonymous` means everyone.
        clients: in order of their ids; those that can use it first.
        unread: why there may be more, fit to show; empty where these are all.
    """

    scope: str
    roles: tuple[Holder, ...]
    clients: tuple[Holder, ...]
    unread: tuple[str, ...] = ()

    @property
    def is_everyone(self) -> bool:
        """Whether a request without credentials holds it too."""
        return any(holder.principal.name == "anonymous" for holder in self.roles)


def who_can(access: Access, scope: str) -> Holders:
    """The roles and clients that hold the scope."""
    raise NotImplementedError
