"""What came nearest to a scope that somebody does not hold."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from console.domain.scopes import ASSUME

if TYPE_CHECKING:
    from console.domain.grants import Grants

_MOST: Final = 200  # of scopes with one beginning, how many are compared


@dataclass(frozen=True, slots=True)
class Miss:
    """The granted scope nearest to the wanted one.

    Args:
        granted: the scope, as the roles state it.
        role_ids: the roles that state it, those most like the principal first.
        suffices: it would satisfy the wanted scope; it is only granted to others.
        only_case: it differs in upper and lower case alone.
        common: how many characters it shares with the wanted scope from the beginning.
    """

    granted: str
    role_ids: tuple[str, ...]
    suffices: bool
    only_case: bool
    common: int


def nearest_misses(grants: Grants, name: str, wanted: str) -> tuple[Miss, ...]:
    """What comes nearest among all grants, nearest first.

    That is a grant that would satisfy the scope, and one that would not where it resembles the scope more.

    Args:
        grants: of the deployment.
        name: of the principal, to name first who resembles it; "" for none.
        wanted: the scope that it does not hold.
    """
    sufficing = [stated for stated in grants.possibly(wanted) if grants.suffices(stated, wanted)]
    similar = [stated for stated in _alike(grants, wanted) if not grants.suffices(stated, wanted)]
    found = [
        _miss(grants, name, wanted, max(stated, key=lambda one: _likeness(one, wanted)))
        for stated in (sufficing, similar)
        if stated
    ]
    found.sort(key=lambda miss: (-miss.common, not miss.suffices))
    return tuple(found[: 1 + (not found[0].suffices)]) if found else ()


def _miss(grants: Grants, name: str, wanted: str, stated: str) -> Miss:
    role_ids = {rule.pattern.removeprefix(ASSUME) for rule in grants.granting[stated]}
    return Miss(
        granted=stated,
        role_ids=tuple(
            sorted(role_ids, key=lambda role_id: ([-part for part in _likeness(role_id, name)], role_id))
        ),
        suffices=grants.suffices(stated, wanted),
        only_case=stated != wanted and stated.casefold() == wanted.casefold(),
        common=_common(stated, wanted),
    )


def _alike(grants: Grants, wanted: str) -> list[str]:
    """The grants that share most of their beginning with the wanted scope, at least its first word."""
    folded = wanted.casefold()
    index = bisect_left(grants.folded, (folded, ""))
    neighbours = grants.folded[max(index - 1, 0) : index + 1]
    common = max((_common(one, folded) for one, _stated in neighbours), default=0)
    if common <= max(wanted.find(":"), 0):
        return []
    start = bisect_left(grants.folded, (folded[:common], ""))
    block = islice(grants.folded, start, start + _MOST)
    return [stated for one, stated in block if one.startswith(folded[:common])]


def _likeness(one: str, other: str) -> tuple[int, int, int]:
    """How long a beginning two names share, then how long an end, then how little their lengths differ."""
    return (
        _common(one.casefold(), other.casefold()),
        _common(one[::-1], other[::-1]),
        -abs(len(one) - len(other)),
    )


def _common(one: str, other: str) -> int:
    differing = (index for index, (mine, yours) in enumerate(zip(one, other, strict=False)) if mine != yours)
    return next(differing, min(len(one), len(other)))
