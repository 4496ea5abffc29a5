"""Who holds what in a deployment, as far as it could be read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from console.domain.grants import Grants
from console.domain.principal import Kind, Principal
from console.domain.scopes import ASSUME, Roles

EVERYONE: Final = "assume:anonymous"
"""What each client, and a request without credentials, holds beside its own."""


@dataclass(frozen=True, slots=True)
class Role:
    """A role as auth tells it.

    Args:
        role_id: without `assume:`.
        scopes: its own, `<..>` not replaced.
        description: how it came to be; generated ones say so in it.
    """

    role_id: str
    scopes: tuple[str, ...]
    description: str = ""


@dataclass(frozen=True, slots=True)
class Client:
    """A client as auth tells it.

    Args:
        client_id: its name.
        scopes: its own, without those of `anonymous`.
        is_disabled: it cannot authenticate until somebody enables it.
        is_expired: it cannot authenticate any more.
    """

    client_id: str
    scopes: tuple[str, ...]
    is_disabled: bool = False
    is_expired: bool = False


class Access:
    """The roles and clients of a deployment; indexed when first asked, then as often as needed.

    Args:
        roles: all that could be read.
        clients: all that could be read.
        roles_unread: why the roles are not complete, or "" where they are.
        clients_unread: why the clients are not complete, or "" where they are.
    """

    def __init__(
        self,
        roles: tuple[Role, ...] | list[Role],
        clients: tuple[Client, ...] | list[Client] = (),
        *,
        roles_unread: str = "",
        clients_unread: str = "",
    ) -> None:
        self.roles: Final = {role.role_id: role for role in roles}
        self.clients: Final = {client.client_id: client for client in clients}
        self.clients_unread: Final = clients_unread
        self.roles_unread: Final = roles_unread

    def with_role(self, role: Role) -> Access:
        """The same with one role added or replaced."""
        return Access(
            [*(self.roles | {role.role_id: role}).values()],
            [*self.clients.values()],
            roles_unread=self.roles_unread,
            clients_unread=self.clients_unread,
        )

    @cached_property
    def rules(self) -> Roles:
        """The roles as rules."""
        return Roles.of({role.role_id: role.scopes for role in self.roles.values()})

    @cached_property
    def role_ids(self) -> list[str]:
        """All role ids, in order."""
        return sorted(self.roles)

    @cached_property
    def star_role_ids(self) -> list[str]:
        """Those that end with a wildcard, in order."""
        return [role_id for role_id in self.role_ids if role_id.endswith("*")]

    @cached_property
    def grants(self) -> Grants:
        """What the rules grant, indexed by scope."""
        return Grants(self.rules)

    def held_by(self, principal: Principal) -> tuple[str, ...]:
        """What a principal holds before roles add to it.

        Raises:
            LookupError: a client that is not among those read; the message is fit to show.
        """
        if principal.kind is Kind.SCOPE:
            return (principal.name,)
        if principal.kind is Kind.ROLE:
            return (ASSUME + principal.name,)
        client = self.clients.get(principal.name)
        if client is None:
            unread = f" ({self.clients_unread})" if self.clients_unread else ""
            raise LookupError(f"no client {principal.name} is listed{unread}")
        return (*client.scopes, EVERYONE)
