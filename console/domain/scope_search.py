"""From the scopes that somebody holds to those that roles add, remembering the way."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from console.domain.scopes import ASSUME, PARAMETER, covers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from console.domain.scopes import Roles, Rule


ENDLESS: Final = "roles assume one another without end: they were read while somebody changed them"
"""Why a search that is not complete tells nothing about what it did not find."""


class How(Enum):
    """By what one scope matches a role or satisfies another."""

    EXACT = "exact"
    ROLE_STAR = "the role's trailing *"
    SCOPE_STAR = "the scope's trailing *"


@dataclass(frozen=True, slots=True)
class Link:
    """One role on the way.

    Args:
        held: the scope that matches the role.
        role_id: the role.
        how: by what they match.
        stated: the scope as the role states it.
        parameter: what stands in place of its `<..>`, or None where it has none.
        granted: the scope that the role gives, its parameter replaced.
    """

    held: str
    role_id: str
    how: How
    stated: str
    parameter: str | None
    granted: str


@dataclass(frozen=True, slots=True)
class Chain:
    """From a scope that the principal holds to the wanted one.

    Args:
        held: what the principal holds itself.
        links: the roles on the way; none where it holds the scope without a role.
        wanted: the scope in question.
    """

    held: str
    links: tuple[Link, ...]
    wanted: str

    @property
    def last(self) -> str:
        """The scope that satisfies the wanted one."""
        return self.links[-1].granted if self.links else self.held

    @property
    def how(self) -> How:
        """By what the last scope satisfies the wanted one."""
        return How.EXACT if self.last == self.wanted else How.SCOPE_STAR

    @property
    def role_ids(self) -> tuple[str, ...]:
        """The roles on the way."""
        return tuple(link.role_id for link in self.links)


class _Step(NamedTuple):
    held: str
    rule: Rule
    stated: str

    def link_to(self, granted: str) -> Link:
        rule = self.rule
        has_parameter = rule.is_star and PARAMETER in self.stated
        return Link(
            held=self.held,
            role_id=rule.pattern.removeprefix(ASSUME),
            how=_how(self.held, rule),
            stated=self.stated,
            parameter=rule.parameter_of(self.held) if has_parameter else None,
            granted=granted,
        )


def _how(held: str, rule: Rule) -> How:
    if held == rule.pattern:
        return How.EXACT
    return How.ROLE_STAR if rule.is_star and held.startswith(rule.stem) else How.SCOPE_STAR


class Search:
    """Everything that the roles add to some scopes, with each step that adds it.

    Args:
        roles: of a deployment, or the part of them that bears on the question.
        held: what to begin with.
    """

    def __init__(self, roles: Roles, held: Iterable[str]) -> None:
        self._roots = dict.fromkeys(held)
        self._steps: dict[str, list[_Step]] = {scope: [] for scope in self._roots}
        level = list(self._roots)
        # A way uses a role once at most, unless roles assume one another: such a search could go on without end.
        rounds = len(roles.rules) + 1
        while level and rounds:
            level = list(self._after(level, roles))
            rounds -= 1
        self.is_complete: Final = not level

    def _after(self, level: list[str], roles: Roles) -> Iterator[str]:
        for scope in level:
            for rule in roles.matching(scope):
                for stated, granted in zip(rule.scopes, rule.granted_to(scope), strict=True):
                    if granted not in self._steps:
                        self._steps[granted] = []
                        yield granted
                    self._steps[granted].append(_Step(scope, rule, stated))

    @property
    def reached(self) -> Iterable[str]:
        """All scopes, those that take fewest roles first."""
        return self._steps.keys()

    def chain(self, wanted: str) -> Chain | None:
        """The shortest way to a scope that satisfies the wanted one, or None where there is none."""
        last = next((scope for scope in self._steps if covers(scope, wanted)), None)
        if last is None:
            return None
        links: list[Link] = []
        while last not in self._roots:
            step = self._steps[last][0]
            links.append(step.link_to(last))
            last = step.held
        return Chain(last, tuple(reversed(links)), wanted)

    def ways(self, wanted: str) -> int:
        """How many ways lead to scopes that satisfy the wanted one, beginning with a held scope each."""
        ways = Counter(self._roots.keys())
        following: dict[str, list[str]] = {}
        waits: Counter[str] = Counter()
        for scope, steps in self._steps.items():
            for step in steps:
                following.setdefault(step.held, []).append(scope)
            waits[scope] = len(steps)
        ready = [scope for scope, count in waits.items() if not count]
        while ready:
            scope = ready.pop()
            for after in following.get(scope, ()):
                ways[after] += ways[scope]
                waits[after] -= 1
                if not waits[after]:
                    ready.append(after)
        return sum(count for scope, count in ways.items() if covers(scope, wanted))
