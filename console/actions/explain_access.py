"""Answer whether a principal holds a scope, and why."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.actions.read_access import read_access
from console.domain.explain import Answer, No, Unknown, Yes, explain
from console.domain.generated_role import is_generated
from console.domain.principal import Kind, Principal
from console.domain.scopes import satisfies
from console.domain.strangers import open_to_strangers
from console.domain.who_can import who_can
from console.failures import MissingScopes, Rejected
from console.services import auth
from runner.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from console.connection import Connection
    from console.domain.access import Access


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to one question, from two sides.

    Args:
        principal: who.
        scope: the scope in question.
        answer: what the roles that could be read say.
        server: what the server's own expansion says, or None where it could not be asked.
        generated: those roles of the answer that a program writes.
        other_roles: the other roles that hold the scope, as far as they could be read.
        open_to: those of them that anybody can take on.
    """

    principal: Principal
    scope: str
    answer: Answer
    server: bool | None
    generated: frozenset[str]
    other_roles: tuple[str, ...]
    open_to: tuple[str, ...]

    @property
    def holds(self) -> bool | None:
        """Yes, no, or None: nothing that could be read decides it, or the two sides differ."""
        local = {Yes: True, No: False, Unknown: None}[type(self.answer)]
        if local is None or self.server is None:
            return self.server if local is None else local
        return local if local == self.server else None

    @property
    def sides(self) -> str:
        """Whose word the answer is; "" where it says so itself."""
        if self.server is None:
            return "by the roles; the server was not asked" if self.holds is not None else ""
        if isinstance(self.answer, Unknown):
            return "by the server's expansion; the roles could not be read"
        if self.holds is None:
            says = "yes" if self.server else "no"
            return f"the roles and the server differ: its expansion says {says}"
        return "by the roles; the server agrees"


async def explain_access(
    connection: Connection, principal: Principal, scope: str, *, access: Access | None = None
) -> Verdict:
    """Explain by the roles, and let the server expand what the principal holds.

    Args:
        connection: whom to ask.
        principal: who.
        scope: the scope in question.
        access: roles and clients that were read already, or None to read them.

    Raises:
        SignInNeeded: the credentials are not accepted.
    """
    client_id = principal.name if principal.kind is Kind.CLIENT else ""
    if access is None:
        access = await read_access(connection, clients=False, client_id=client_id)
    server = await _asked(connection, access, principal, scope)
    # Thousands of roles take long: whoever waits can do something else.
    return await asyncio.to_thread(_judged, access, principal, scope, server)


def _judged(access: Access, principal: Principal, scope: str, server: bool | None) -> Verdict:
    answer = explain(access, principal, scope)
    generated = frozenset(_generated(access, _named(answer)))
    others = [holder for holder in who_can(access, scope).roles if holder.principal != principal]
    names = tuple(holder.principal.name for holder in others)
    return Verdict(principal, scope, answer, server, generated, names, open_to_strangers(others))


async def _asked(connection: Connection, access: Access, principal: Principal, scope: str) -> bool | None:
    try:
        held = access.held_by(principal)
        return satisfies(await auth.expand(connection.taskcluster, held), scope)
    except (LookupError, MissingScopes, Rejected, Unavailable):
        return None


def _named(answer: Answer) -> Iterable[str]:
    match answer:
        case Yes():
            return answer.chain.role_ids
        case No():
            return (*answer.matched, *(name for miss in answer.misses for name in miss.role_ids))
        case Unknown():
            return ()


def _generated(access: Access, role_ids: Iterable[str]) -> Iterable[str]:
    return (name for name in role_ids if name in access.roles and is_generated(access.roles[name]))
