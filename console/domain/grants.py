"""What roles grant, indexed by scope: the part of a deployment that bears on one question.

A question about one scope concerns few roles. They are found backwards, from the grants that may satisfy the
scope to the roles that may lead to them, and the rules are then applied to that part alone. The part may be too
large, never too small, so that its answer is the answer of the whole.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING, Final

from console.domain.scopes import PARAMETER, Roles, covers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from console.domain.scopes import Rule


def parameters_for(stated: str, wanted: str) -> Iterator[str]:
    """The values of `<..>` with which a scope as a star role states it satisfies the wanted one."""
    before, found, after = stated.partition(PARAMETER)
    if not (found and wanted.startswith(before)):
        return
    rest = wanted[len(before) :]
    if not after.endswith("*"):
        if rest.endswith(after):
            yield rest.removesuffix(after)
        return
    end = rest.find(after[:-1])
    while end >= 0:
        yield rest[:end]
        end = rest.find(after[:-1], end + 1)


class Grants:
    """Every scope that the rules grant, with the rules that grant it.

    Args:
        rules: of a deployment.
    """

    def __init__(self, rules: Roles) -> None:
        granting: defaultdict[str, list[Rule]] = defaultdict(list)
        open_ended: defaultdict[str, set[str]] = defaultdict(set)
        for rule in rules.rules:
            for scope in rule.scopes:
                granting[scope].append(rule)
                if rule.is_star and PARAMETER in scope:
                    open_ended[scope.partition(PARAMETER)[0]].add(scope)
                if scope.endswith("*"):
                    open_ended[scope[:-1]].add(scope)
        self.granting: Final = dict(granting)
        self.sorted: Final = sorted(granting)
        self._open_ended = dict(open_ended)
        self._lengths = sorted({len(head) for head in open_ended})
        self._known: dict[str, tuple[str, ...]] = {}

    @cached_property
    def folded(self) -> list[tuple[str, str]]:
        """Each granted scope without case, in order, and as it is stated."""
        return sorted((scope.casefold(), scope) for scope in self.sorted)

    def suffices(self, stated: str, wanted: str) -> bool:
        """Whether a granted scope satisfies the wanted one for some who are granted it."""
        if covers(stated, wanted):
            return True
        is_template = any(rule.is_star for rule in self.granting[stated])
        return is_template and any(True for _ in parameters_for(stated, wanted))

    def bearing_on(self, wanted: str) -> Roles:
        """The rules and their scopes that can matter to who holds a scope."""
        return self._part(self.possibly(wanted))

    def leading_to(self, pattern: str) -> Roles:
        """The rules and their scopes that can matter to who matches a pattern."""
        return self._part(self._matching(pattern))

    def _part(self, wanted: Iterable[str]) -> Roles:
        part: defaultdict[str, set[str]] = defaultdict(set)
        work = list(wanted)
        seen = set(work)
        while work:
            scope = work.pop()
            for rule in self.granting[scope]:
                if rule.pattern not in part:
                    for found in self._matching(rule.pattern):
                        if found not in seen:
                            seen.add(found)
                            work.append(found)
                part[rule.pattern].add(scope)
        return Roles({pattern: sorted(part[pattern]) for pattern in sorted(part)})

    def possibly(self, wanted: str) -> Iterator[str]:
        """Granted scopes that may satisfy the wanted one."""
        stem = wanted.removesuffix("*")
        if stem == wanted and wanted in self.granting:
            yield wanted
        for length in self._lengths:
            if length > len(stem):
                return
            yield from self._open_ended.get(stem[:length], ())

    def _matching(self, pattern: str) -> Sequence[str]:
        """Granted scopes that may match a pattern."""
        known = self._known.get(pattern)
        if known is None:
            found = dict.fromkeys(self.possibly(pattern))
            if pattern.endswith("*"):
                found.update(dict.fromkeys(self._beginning(pattern[:-1])))
            known = self._known[pattern] = tuple(found)
        return known

    def _beginning(self, prefix: str) -> Iterator[str]:
        for index in range(bisect_left(self.sorted, prefix), len(self.sorted)):
            if not self.sorted[index].startswith(prefix):
                return
            yield self.sorted[index]
