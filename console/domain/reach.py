"""Whose answer to a question about a scope may be yes: few of many, found without asking all."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from console.domain.access import EVERYONE
from console.domain.scopes import ASSUME, covers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.domain.access import Access, Client
    from console.domain.scopes import Roles

_LAST: Final = chr(0x10FFFF)  # after every character of a role id


class Reach:
    """The roles and clients that the part of a deployment which bears on a scope may concern.

    Args:
        access: all roles and clients.
        part: what bears on the scope.
        wanted: the scope.
    """

    def __init__(self, access: Access, part: Roles, wanted: str) -> None:
        self._access = access
        self._part = part
        self._wanted = wanted
        self._known: dict[str, bool] = {}

    def role_ids(self) -> list[str]:
        """Those roles, in order of their ids."""
        ordered = self._access.role_ids
        found = {role_id for role_id in self._access.star_role_ids if self._concerns(ASSUME + role_id)}
        for pattern in [rule.pattern for rule in self._part.rules] + [self._wanted]:
            prefix = pattern.removeprefix(ASSUME)
            if not pattern.endswith("*"):
                found |= {prefix} & self._access.roles.keys()
                continue
            start = bisect_left(ordered, prefix[:-1])
            end = bisect_left(ordered, prefix[:-1] + _LAST)
            found.update(ordered[start:end])
        return sorted(found)

    def clients(self) -> Iterator[Client]:
        """Those clients, in the order in which they were read."""
        is_for_all = self._concerns(EVERYONE)
        for client in self._access.clients.values():
            if is_for_all or any(map(self._concerns, client.scopes)):
                yield client

    def _concerns(self, scope: str) -> bool:
        # Clients hold many scopes of which few differ.
        known = self._known.get(scope)
        if known is None:
            known = covers(scope, self._wanted) or any(True for _ in self._part.matching(scope))
            self._known[scope] = known
        return known
