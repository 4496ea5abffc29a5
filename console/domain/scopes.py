"""Scopes as Taskcluster reads them: satisfaction, role expansion, scope expressions.

Only a final `*` is a wildcard. The rules are those of the manual's chapters on scopes and roles, and of
measured answers.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

ASSUME: Final = "assume:"
PARAMETER: Final = "<..>"

Expression: TypeAlias = "str | Mapping[str, Sequence[Expression]]"
"""A scope, or `{"AllOf": [...]}`, or `{"AnyOf": [...]}`, nested."""


class BadScope(ValueError):
    """A scope that Taskcluster refuses; the message is its own."""


class RoleCycle(ValueError):
    """Roles that assume one another."""

    def __init__(self, path: tuple[str, ...]) -> None:
        chain = " -> ".join(f"'{scope}'" for scope in path)
        super().__init__(f"Roles may not contain dependency cycles, found: {chain}")
        self.path = path


def covers(held: str, wanted: str) -> bool:
    """Whether one held scope satisfies the wanted one; a wanted `x*` needs `x*` or a shorter star."""
    return held == wanted or (held.endswith("*") and wanted.startswith(held[:-1]))


def satisfies(held: Iterable[str], wanted: str) -> bool:
    """Whether any of the held scopes satisfies the wanted one."""
    return any(covers(scope, wanted) for scope in held)


def normalise(scopes: Iterable[str]) -> list[str]:
    """Sorted, without duplicates and without what a wider `*` covers."""
    listed = set(scopes)
    stars = {scope[:-1] for scope in listed if scope.endswith("*")}
    return sorted(scope for scope in listed if not _is_covered(scope, stars))


def _is_covered(scope: str, star_prefixes: set[str]) -> bool:
    # A wildcard's own prefix must not count, nor may "ab*" be covered by "ab*" itself.
    own = scope[:-1] if scope.endswith("*") else None
    return any(
        scope[:length] in star_prefixes
        for length in range(len(scope) + 1)
        if own is None or length < len(own)
    )


def check_scope(scope: str) -> None:
    """Refuse what auth and the queue refuse beyond their schemas.

    Raises:
        BadScope: it ends with `**`.
    """
    if scope.endswith("**"):
        raise BadScope("scopes must not end with `**`")


def check_role(role_id: str, scopes: Iterable[str]) -> None:
    """Refuse a role whose scopes are not acceptable by themselves.

    Raises:
        BadScope: `**` at the end, two parameters in one scope, or a parameter after a star.
    """
    for scope in scopes:
        check_scope(scope)
        if role_id.endswith("*") and scope.count(PARAMETER) > 1:
            raise BadScope(f"parameterized scope '{scope}' contains multiple '{PARAMETER}'")
        if role_id.endswith("*") and f"*{PARAMETER}" in scope:
            raise BadScope(f"parameterized scope '{scope}' contains '*{PARAMETER}'")


@dataclass(frozen=True)
class Rule:
    """A role as the resolver sees it: who matches the pattern is granted the scopes.

    Args:
        pattern: `assume:` and a role id in a deployment; a final `*` is a wildcard.
        scopes: as the role states them, `<..>` not replaced.
    """

    pattern: str
    scopes: tuple[str, ...]

    @cached_property
    def is_star(self) -> bool:
        """Whether the pattern ends with a wildcard."""
        return self.pattern.endswith("*")

    @cached_property
    def stem(self) -> str:
        """The pattern without its wildcard."""
        return self.pattern[:-1] if self.is_star else self.pattern

    def parameter_of(self, scope: str) -> str:
        """What a scope that a star pattern matches puts in place of `<..>`."""
        is_as_long = len(scope) - scope.endswith("*") >= len(self.stem)
        return scope[len(self.stem) :] if is_as_long else "*"

    def granted_to(self, scope: str) -> Iterator[str]:
        """What the rule grants to a scope that it matches, one for each of its scopes, in their order."""
        if not self.is_star:
            yield from self.scopes
            return
        parameter = self.parameter_of(scope)
        for granted in self.scopes:
            before, found, after = granted.partition(PARAMETER)
            if not found:
                yield granted
            elif parameter.endswith("*"):
                yield before + parameter  # what follows a wildcard cannot be told
            else:
                yield before + parameter + after


class Roles:
    """The rules of a deployment, indexed; expansion is a work-list over them.

    Args:
        rules: scopes granted by pattern, a pattern being `assume:` and a role id in a deployment.
    """

    def __init__(self, rules: Mapping[str, Iterable[str]]) -> None:
        self.rules: Final = sorted(
            (Rule(pattern, tuple(scopes)) for pattern, scopes in rules.items()), key=lambda rule: rule.stem
        )
        self._stems = [rule.stem for rule in self.rules]
        self._exact = {rule.pattern: rule for rule in self.rules if not rule.is_star}
        self._stars = {rule.stem: rule for rule in self.rules if rule.is_star}
        self._star_lengths = sorted({len(stem) for stem in self._stars})

    @classmethod
    def of(cls, roles: Mapping[str, Iterable[str]]) -> Roles:
        """From scopes by role id."""
        return cls({ASSUME + role_id: scopes for role_id, scopes in roles.items()})

    def expand(self, scopes: Iterable[str]) -> list[str]:
        """The scopes and all that the roles add to them, normalised."""
        seen = set(scopes)
        level = list(seen)
        for _ in range(len(self.rules) + 1):  # more only where roles assume one another, and then without end
            level = list(self._added(level, seen))
            if not level:
                break
        return normalise(seen)

    def _added(self, level: Iterable[str], seen: set[str]) -> Iterator[str]:
        for scope in level:
            for rule in self.matching(scope):
                for granted in rule.granted_to(scope):
                    if granted not in seen:
                        seen.add(granted)
                        yield granted

    def matching(self, scope: str) -> Iterator[Rule]:
        """The rules that a held scope matches."""
        if scope.endswith("*"):
            yield from self._below(scope[:-1])
            longest = len(scope) - 2  # a star role with this very stem is below
        else:
            if scope in self._exact:
                yield self._exact[scope]
            longest = len(scope)
        for length in self._star_lengths:
            if length > longest:
                return
            rule = self._stars.get(scope[:length])
            if rule is not None:
                yield rule

    def _below(self, prefix: str) -> Iterator[Rule]:
        for index in range(bisect_left(self._stems, prefix), len(self._stems)):
            if not self._stems[index].startswith(prefix):
                return
            yield self.rules[index]

    def check_cycles(self) -> None:
        """Refuse roles that assume one another.

        Raises:
            RoleCycle: with the shortest path found.
        """
        done: set[str] = set()
        for rule in self.rules:
            self._visit(rule, (), done)

    def _visit(self, rule: Rule, path: tuple[str, ...], done: set[str]) -> None:
        if rule.pattern in path:
            raise RoleCycle((*path[path.index(rule.pattern) :], rule.pattern))
        if rule.pattern in done:
            return
        for following in self.following(rule):
            self._visit(following, (*path, rule.pattern), done)
        done.add(rule.pattern)

    def following(self, rule: Rule) -> Iterator[Rule]:
        """The rules that what a rule grants may match."""
        for granted in rule.scopes:
            before, found, _after = granted.partition(PARAMETER)
            wanted = before + "*" if found and rule.is_star else granted
            if wanted.endswith("*") or wanted.startswith(ASSUME):
                yield from self.matching(wanted)


def is_satisfied(expression: Expression, held: Iterable[str]) -> bool:
    """Whether the held scopes satisfy the expression; an empty `AllOf` is satisfied, an empty `AnyOf` not."""
    held = list(held)
    if isinstance(expression, str):
        return satisfies(held, expression)
    if "AllOf" in expression:
        return all(is_satisfied(part, held) for part in expression["AllOf"])
    return any(is_satisfied(part, held) for part in expression["AnyOf"])


def missing(expression: Expression, held: Iterable[str]) -> Expression | None:
    """What the held scopes lack of the expression, or None where they satisfy it.

    An `AllOf` of which one part is lacking is that part, as the services word their 403.
    """
    held = list(held)
    if is_satisfied(expression, held):
        return None
    if isinstance(expression, str):
        return expression
    (kind, parts), *_rest = expression.items()
    lacking = [part for part in (missing(part, held) for part in parts) if part is not None]
    return lacking[0] if len(lacking) == 1 else {kind: lacking}
