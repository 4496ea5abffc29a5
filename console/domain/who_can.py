"""Who holds a scope, among all roles and clients of a deployment."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from console.domain.grants import parameters_for
from console.domain.principal import client, role
from console.domain.reach import Reach
from console.domain.scope_search import ENDLESS, Search
from console.domain.scopes import ASSUME, Roles

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from console.domain.access import Access, Client
    from console.domain.principal import Principal
    from console.domain.scope_search import Chain, Link

_NOBODY: Final = "\0"  # in no role id or scope: they are printable ASCII
_TRIES: Final = 100  # a parameter before a star has many values


@dataclass(frozen=True, slots=True)
class Holder:
    """A role or a client that holds the scope.

    Args:
        principal: who.
        chain: the shortest way to the scope.
        member: None, or, for a role whose id ends in `*` and of which not every name holds the scope: one that does,
            or "" where none was found: then the scope comes from a role below, which the wildcard takes in.
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
    census = _Census(access, scope)
    roles = [holder for role_id in census.reach.role_ids() if (holder := census.role(role_id))]
    clients = [holder for client in census.reach.clients() if (holder := census.client(client))]
    clients.sort(key=lambda holder: (bool(holder.cannot_sign_in), holder.principal.name))
    unread = (access.roles_unread, access.clients_unread, "" if census.is_complete else ENDLESS)
    reasons = dict.fromkeys(reason for reason in unread if reason)
    return Holders(scope, tuple(roles), tuple(clients), tuple(reasons))


class _Census:
    def __init__(self, access: Access, scope: str) -> None:
        self._access = access
        self._scope = scope
        self._part = access.grants.bearing_on(scope)
        self._scopes = {rule.pattern: rule.scopes for rule in self._part.rules}
        self.reach = Reach(access, self._part, scope)
        self.is_complete = True

    def role(self, role_id: str) -> Holder | None:
        held = ASSUME + role_id
        if role_id.endswith("*"):
            return self._pattern(held)
        chain = self._chain(self._part, held)
        return Holder(role(role_id), chain) if chain else None

    def client(self, one: Client) -> Holder | None:
        principal = client(one.client_id)
        chain = self._chain(self._part, *self._access.held_by(principal))
        cannot_sign_in = "disabled" if one.is_disabled else "expired" if one.is_expired else ""
        return Holder(principal, chain, cannot_sign_in=cannot_sign_in) if chain else None

    def _only(self, role_ids: Iterable[str]) -> Roles:
        patterns = {ASSUME + role_id for role_id in role_ids}
        return Roles({pattern: self._scopes[pattern] for pattern in sorted(patterns)})

    def _chain(self, part: Roles, *held: str) -> Chain | None:
        search = Search(part, held)
        self.is_complete &= search.is_complete
        return search.chain(self._scope)

    def _pattern(self, held: str) -> Holder | None:
        """What the names that a star role matches are given; its wildcard also takes in the roles below it."""
        principal = role(held.removeprefix(ASSUME))
        # A name that nobody has shows what every name is given.
        every = self._chain(self._part, held[:-1] + _NOBODY)
        if every is not None:
            chain = self._chain(self._only(every.role_ids), held)
            return Holder(principal, chain or every)
        named = self._named(held)
        if named is not None:
            return Holder(principal, named, member=named.held.removeprefix(ASSUME))
        chain = self._chain(self._part, held)
        return Holder(principal, chain, member="") if chain else None

    def _named(self, held: str) -> Chain | None:
        """How one of the names comes to the scope by its `<..>`."""
        for rule in self._part.matching(held):
            if not (rule.is_star and held[:-1].startswith(rule.stem)):
                continue  # a role below, not one that the names match
            for stated, granted in zip(rule.scopes, rule.granted_to(held), strict=True):
                chain = self._chain(self._part, granted)
                needed = _needed(chain.links, self._scope) if chain else ()
                names = (rule.stem + parameter for one in needed for parameter in parameters_for(stated, one))
                for name in islice(names, _TRIES):
                    found = self._chain(self._part, name) if _is_name(name, held) else None
                    if found:
                        return found
        return None


def _is_name(scope: str, pattern: str) -> bool:
    return scope.startswith(pattern[:-1]) and scope != ASSUME and not scope.endswith("*")


def _needed(links: tuple[Link, ...], wanted: str) -> Iterator[str]:
    """What the first scope of a chain must satisfy for its last one to satisfy the wanted scope."""
    if not links:
        yield wanted
        return
    *earlier, last = links
    stem = ASSUME + last.role_id.removesuffix("*")
    parameters = [""] if last.parameter is None else parameters_for(last.stated, wanted)
    for parameter in parameters:
        yield from _needed((*earlier,), stem + parameter)
