"""What an edit of a role would do, before anything is sent."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from console.domain.access import Role
from console.domain.generated_role import is_generated
from console.domain.principal import role
from console.domain.role_effects import Change, Effects
from console.domain.scopes import ASSUME, BadScope, RoleCycle, check_role, satisfies

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from console.domain.access import Access
    from console.domain.scopes import Roles, Rule

_PRINTABLE: Final = re.compile("[ -~]*")  # what auth's schema takes


@dataclass(frozen=True, slots=True)
class Preview:
    """An edit of a role, judged.

    Args:
        role_id: the role.
        scopes: its new scopes as they will be sent: trimmed, sorted, each once.
        is_new: there is no such role yet.
        is_generated: its description says that a program writes it; an edit will be undone.
        added: scopes that the role did not state before.
        removed: scopes that it states no more.
        own: what its own expansion gains and loses.
        others: other roles, then clients, whose expansion changes.
        needed: scopes that auth asks of the editor for this.
        lacking: those that the editor lacks, or None where its scopes are not known.
        refusals: why auth would refuse it, whoever asks.
        cycle: the path of `assume:` scopes where roles would assume one another, else empty.
        unread: why `others` may not be all, fit to show.
    """

    role_id: str
    scopes: tuple[str, ...]
    is_new: bool
    is_generated: bool
    added: tuple[str, ...]
    removed: tuple[str, ...]
    own: Change
    others: tuple[Change, ...]
    needed: tuple[str, ...]
    lacking: tuple[str, ...] | None
    refusals: tuple[str, ...]
    cycle: tuple[str, ...]
    unread: tuple[str, ...]

    @property
    def changes_nothing(self) -> bool:
        """Whether the role states the same scopes as before."""
        return not (self.is_new or self.added or self.removed)


def scopes_from_text(text: str) -> tuple[str, ...]:
    """One scope a line, as an editor hands it over: blank lines and trailing spaces dropped, sorted, each once."""
    return tuple(sorted({line.rstrip() for line in text.splitlines() if line.strip()}))


def preview(
    access: Access, role_id: str, new_scopes: Iterable[str], editor_scopes: Iterable[str] | None
) -> Preview:
    """What replacing a role's scopes would do; the role is created where there is none.

    Args:
        access: roles and clients of the deployment.
        role_id: the role.
        new_scopes: all that it is to state.
        editor_scopes: what the editor holds, expanded, as `auth.currentScopes` tells it; None where unknown.
    """
    before = access.roles.get(role_id)
    stated = before.scopes if before else ()
    scopes = tuple(sorted(set(new_scopes)))
    edited = access.with_role(replace(before, scopes=scopes) if before else Role(role_id, scopes))
    cycle = _cycle(edited.rules, ASSUME + role_id)
    effects = Effects(access, edited, role_id)
    needed = _needed(access, role_id, scopes)
    return Preview(
        role_id=role_id,
        scopes=scopes,
        is_new=before is None,
        is_generated=before is not None and is_generated(before),
        added=tuple(sorted({*scopes} - {*stated})),
        removed=tuple(sorted({*stated} - {*scopes})),
        own=Change(role(role_id), (), ()) if cycle else effects.own(),
        others=() if cycle else tuple(effects.others()),
        needed=needed,
        lacking=None if editor_scopes is None else _lacking(needed, editor_scopes),
        refusals=tuple(_refusals(role_id, scopes, cycle)),
        cycle=cycle,
        unread=tuple(filter(None, dict.fromkeys((access.roles_unread, access.clients_unread)))),
    )


def _needed(access: Access, role_id: str, scopes: tuple[str, ...]) -> tuple[str, ...]:
    """For a new role all scopes; else those that the expansion of what it states now does not satisfy.

    That is `auth.updateRole` as measured: what other roles give to the role's name does not count.
    """
    before = access.roles.get(role_id)
    if before is None:
        return (f"auth:create-role:{role_id}", *scopes)
    held = access.rules.expand(before.scopes)
    return (f"auth:update-role:{role_id}", *(scope for scope in scopes if not satisfies(held, scope)))


def _lacking(needed: Iterable[str], editor_scopes: Iterable[str]) -> tuple[str, ...]:
    held = tuple(editor_scopes)
    return tuple(scope for scope in needed if not satisfies(held, scope))


def _refusals(role_id: str, scopes: Iterable[str], cycle: tuple[str, ...]) -> Iterator[str]:
    for scope in scopes:
        if not _PRINTABLE.fullmatch(scope):
            yield f"scope {scope!r} holds a character that is not printable ASCII"
            continue
        try:
            check_role(role_id, (scope,))
        except BadScope as refusal:
            yield f"{scope}: {refusal}"
    if cycle:
        yield str(RoleCycle(cycle))


def _cycle(rules: Roles, pattern: str) -> tuple[str, ...]:
    """The shortest way from a role back to itself; empty where there is none.

    An edit makes no other cycle than through the edited role.
    """
    ways: dict[Rule, tuple[str, ...]] = {rule: (pattern,) for rule in rules.rules if rule.pattern == pattern}
    work = deque(ways)
    while work:
        last = work.popleft()
        for rule in rules.following(last):
            if rule.pattern == pattern:
                return (*ways[last], pattern)
            if rule not in ways:
                ways[rule] = (*ways[last], rule.pattern)
                work.append(rule)
    return ()
