"""Whom a question about access is asked of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from console.domain.scopes import ASSUME


class Kind(Enum):
    """What a principal is."""

    ROLE = "role"
    CLIENT = "client"
    SCOPE = "scope"


@dataclass(frozen=True, slots=True, order=True)
class Principal:
    """A role, a client or a scope that somebody holds.

    Args:
        kind: which of them.
        name: the role id, the client id, or the scope itself.
    """

    kind: Kind
    name: str

    def __str__(self) -> str:
        return self.name if self.kind is Kind.ROLE else f"{self.kind.value}:{self.name}"

    @property
    def is_wildcard(self) -> bool:
        """Whether a final `*` makes this mean every role or scope of that beginning.

        A person who types one may have meant the character: a face asks first.
        """
        return self.kind is not Kind.CLIENT and self.name.endswith("*")


def role(role_id: str) -> Principal:
    """A role."""
    return Principal(Kind.ROLE, role_id)


def client(client_id: str) -> Principal:
    """A client."""
    return Principal(Kind.CLIENT, client_id)


def parse_principal(text: str) -> Principal:
    """From what a person types: a role id, `client:ID` or `scope:SCOPE`.

    A role may be written with its `assume:`.

    Raises:
        ValueError: nothing is left to name; the message says what is expected.
    """
    text = text.strip()
    kind, separator, name = text.partition(":")
    if separator and kind in {Kind.CLIENT.value, Kind.SCOPE.value}:
        principal = Principal(Kind(kind), name)
    else:
        principal = role(text.removeprefix(ASSUME))
    if not principal.name:
        raise ValueError("a principal is a role id, `client:ID` or `scope:SCOPE`")
    return principal
