"""Whose expansion changes with a role, and by what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.domain.principal import client, role
from console.domain.reach import Reach
from console.domain.scope_search import Search
from console.domain.scopes import ASSUME, PARAMETER, Roles, satisfies

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

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


class Effects:
    """An edit of one role, compared before and after.

    Args:
        before: the deployment as it is.
        after: the same with the edited role.
        role_id: the edited role.
    """

    def __init__(self, before: Access, after: Access, role_id: str) -> None:
        self._before = before
        self._after = after
        self._role_id = role_id
        self._pattern = ASSUME + role_id
        # What the edited role grants leads to itself in a cycle only, so that the index of before will do.
        bearing = before.grants.leading_to(self._pattern)
        self._edited = Roles({self._pattern: ()})
        self._part = Roles({rule.pattern: rule.scopes for rule in (*self._edited.rules, *bearing.rules)})
        stated = [
            {*access.roles[role_id].scopes} if role_id in access.roles else set()
            for access in (before, after)
        ]
        changed = stated[0] ^ stated[1]
        is_star = role_id.endswith("*")
        self._changed = {
            scope.partition(PARAMETER)[0] + "*" if is_star and PARAMETER in scope else scope
            for scope in changed
        }

    def own(self) -> Change:
        """What the role itself gains and loses."""
        held = (self._pattern,)
        return self._change(role(self._role_id), held, held)

    def others(self) -> Iterator[Change]:
        """Roles, then clients, whose expansion changes.

        A role that ends in `*` is what it gives to the names that it matches, not the roles that its wildcard takes
        in: whoever holds that wildcard is told apart.
        """
        reach = Reach(self._before, self._part, self._pattern)
        for role_id in reach.role_ids():
            if role_id != self._role_id and self._is_led_to_it(_given(self._part, role_id)):
                before, after = (_given(access.rules, role_id) for access in (self._before, self._after))
                yield from self._if_any(self._change(role(role_id), before, after))
        for one in reach.clients():
            held = self._before.held_by(client(one.client_id))
            if self._is_led_to_it(held):
                yield from self._if_any(self._change(client(one.client_id), held, held))

    def _is_led_to_it(self, held: Iterable[str]) -> bool:
        return any(True for scope in Search(self._part, held).reached for _ in self._edited.matching(scope))

    @staticmethod
    def _if_any(change: Change) -> Iterator[Change]:
        if change.gained or change.lost:
            yield change

    def _change(self, principal: Principal, held_before: Sequence[str], held_after: Sequence[str]) -> Change:
        if all(satisfies(held_before, scope) and satisfies(held_after, scope) for scope in self._changed):
            return Change(principal, (), ())
        before = self._before.rules.expand(held_before)
        after = self._after.rules.expand(held_after)
        return Change(principal, gained=_beyond(after, before), lost=_beyond(before, after))


def _given(rules: Roles, role_id: str) -> tuple[str, ...]:
    """What a role stands for: its name, or what every name that a star role matches is given."""
    held = ASSUME + role_id
    if not role_id.endswith("*"):
        return (held,)
    return tuple(
        granted
        for rule in rules.matching(held)
        if rule.is_star and held[:-1].startswith(rule.stem)
        for granted in rule.granted_to(held)
    )


def _beyond(scopes: Iterable[str], others: list[str]) -> tuple[str, ...]:
    """Those that the others do not satisfy."""
    known = set(others)
    return tuple(scope for scope in scopes if scope not in known and not satisfies(others, scope))
