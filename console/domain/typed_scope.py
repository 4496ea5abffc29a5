"""Principals and scopes as a person types them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from console.domain.principal import parse_principal
from console.domain.scopes import BadScope, check_scope
from runner.errors import UsageError

if TYPE_CHECKING:
    from console.domain.principal import Principal

_SCOPE: Final = re.compile("[ -~]+")


def typed_scope(text: str) -> str:
    """A scope, as auth takes it.

    Raises:
        UsageError: it is empty, has other than printable ASCII characters, or ends with `**`.
    """
    if not _SCOPE.fullmatch(text):
        raise UsageError(f"{text!r} is not a scope.", action="A scope has printable ASCII characters only.")
    try:
        check_scope(text)
    except BadScope as error:
        raise UsageError(f"{text!r} is not a scope: {error}.") from error
    return text


def typed_principal(text: str) -> Principal:
    """A role id, `client:ID` or `scope:SCOPE`.

    Raises:
        UsageError: it names nothing.
    """
    try:
        principal = parse_principal(text)
    except ValueError as error:
        raise UsageError(f"{text!r} names nobody: {error}.") from error
    typed_scope(principal.name)
    return principal
