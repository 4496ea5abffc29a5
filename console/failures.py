"""What a Taskcluster refuses or cannot answer, for actions and faces to tell apart.

Each is one of the runner's errors and has its exit code (DESIGN §5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.errors import ExitCode, Refused, RunnerError, Unavailable, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.domain.scopes import Expression


class SignInNeeded(Refused):
    """401: the credentials are wrong, disabled or expired."""


class MissingScopes(Refused):
    """403: the caller lacks scopes.

    Args:
        what: what happened.
        missing: what the service said is missing, or None where it did not say.
    """

    def __init__(self, what: str, missing: Expression | None, *, cause: str = "", action: str = "") -> None:
        super().__init__(what, cause=cause, action=action)
        self.missing = missing

    @property
    def scopes(self) -> tuple[str, ...]:
        """Every scope that the missing expression names."""
        return tuple(_named(self.missing)) if self.missing is not None else ()


class ReadOnly(Refused):
    """The connection is read-only, and the call would change something; nothing was sent."""


class Absent(RunnerError):
    """404 or 410: there is no such thing, or no longer."""

    exit_code = ExitCode.NO


class NoSuchRoute(Unavailable):
    """The deployment does not have what was asked for: it is older, smaller, or no Taskcluster."""


class Rejected(UsageError):
    """400 or 413: the service does not take what it was sent.

    Args:
        what: what happened.
        message: what the service said, without its footer.
    """

    def __init__(self, what: str, message: str, *, action: str = "") -> None:
        super().__init__(what, action=action)
        self.message = message


class Unconfirmed(Unavailable):
    """A change was sent and no answer came: it may have been made, or not."""


def _named(expression: Expression) -> Iterator[str]:
    if isinstance(expression, str):
        yield expression
        return
    for parts in expression.values():
        for part in parts:
            yield from _named(part)


def in_words(expression: Expression) -> str:
    """A scope expression as a sentence has it."""
    if isinstance(expression, str):
        return f"`{expression}`"
    (kind, parts), *_rest = expression.items()
    joined = (" and " if kind == "AllOf" else " or ").join(in_words(part) for part in parts)
    return f"({joined})" if kind == "AnyOf" and len(parts) > 1 else joined
