"""Why a principal holds a scope, or why not: the path that no Taskcluster tool tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from console.domain.nearest_miss import Miss, nearest_misses
from console.domain.principal import Principal
from console.domain.scope_search import ENDLESS, Chain, Search
from console.domain.scopes import ASSUME

if TYPE_CHECKING:
    from collections.abc import Iterable

    from console.domain.access import Access


@dataclass(frozen=True, slots=True)
class Yes:
    """The principal holds the scope.

    Args:
        chain: the shortest way to it.
        others: how many other ways there are.
    """

    chain: Chain
    others: int


@dataclass(frozen=True, slots=True)
class No:
    """The principal does not hold the scope.

    Args:
        matched: the roles that what it holds matches by itself, in order of their ids.
        misses: what came nearest, nearest first; empty where nothing in the deployment resembles the scope.
    """

    matched: tuple[str, ...]
    misses: tuple[Miss, ...]


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nothing that could be read says yes, and not all could be read.

    Args:
        reason: what is missing, fit to show.
    """

    reason: str


Answer: TypeAlias = "Yes | No | Unknown"


def explain(access: Access, principal: Principal | Iterable[str], scope: str) -> Answer:
    """Whether a principal, or whoever holds the scopes, holds the scope, and why.

    A NO is given only where all roles could be read.
    """
    if isinstance(principal, Principal):
        try:
            held = access.held_by(principal)
        except LookupError as absent:
            return Unknown(str(absent))
        name = principal.name
    else:
        held = tuple(principal)
        name = ""
    search = Search(access.grants.bearing_on(scope), held)
    chain = search.chain(scope)
    if chain is not None:
        return Yes(chain, search.ways(scope) - 1)
    if access.roles_unread or not search.is_complete:
        return Unknown(access.roles_unread or ENDLESS)
    matched = {rule.pattern.removeprefix(ASSUME) for one in held for rule in access.rules.matching(one)}
    return No(tuple(sorted(matched)), nearest_misses(access.grants, name, scope))
