"""What a service's refusal means: status, code and message become one of the console's errors.

Shapes as measured on Taskcluster v106: a body of `code`, `message` with a markdown footer, `requestInfo`; a 403
names what is missing as one scope or as JSON.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from console.failures import Absent, MissingScopes, NoSuchRoute, Rejected, SignInNeeded, in_words
from runner.errors import Conflict, RunnerError, Unavailable

if TYPE_CHECKING:
    from console.domain.scopes import Expression

_FOOTER: Final = "\n\n---\n\n"
_MISSING: Final = re.compile(r"missing the following scopes:\n\n```\n(?P<missing>.*?)\n```", re.DOTALL)
_ANONYMOUS: Final = re.compile(r"scope expression:\n\n```\n(?P<missing>.*?)\n```", re.DOTALL)
_STALE_CLOCK: Final = "Stale timestamp"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer of 4xx.

    Args:
        status: the HTTP status.
        body: the parsed body, whatever it is.
        service: which service answered.
        client_id: who asked, or None.
        root_url: whom.
    """

    status: int
    body: Any
    service: str
    client_id: str | None
    root_url: str

    @property
    def message(self) -> str:
        """What the service said, without its footer."""
        if not isinstance(self.body, dict):
            return f"status {self.status}"
        said = self.body.get("message") or self.body.get("error") or f"status {self.status}"
        return str(said).partition(_FOOTER)[0].strip().removesuffix(".")

    @property
    def missing(self) -> Expression | None:
        """What a 403 says is missing."""
        found = _MISSING.search(self.message + "\n") or _ANONYMOUS.search(self.message + "\n")
        return _expression(found["missing"]) if found else None


def _expression(text: str) -> Expression | None:
    if not text.lstrip().startswith("{"):
        return text.strip() or None
    try:
        found = json.loads(text)
    except ValueError:
        return text.strip()
    return found if _is_expression(found) else text.strip()


def _is_expression(value: object) -> bool:
    if isinstance(value, str):
        return True
    if not isinstance(value, dict) or len(value) != 1:
        return False
    (kind, parts), *_rest = value.items()
    return kind in {"AllOf", "AnyOf"} and isinstance(parts, list) and all(map(_is_expression, parts))


def error_of(refusal: Refusal) -> RunnerError:
    """The error that a refusal is."""
    match refusal.status:
        case 401:
            return _not_signed_in(refusal)
        case 403:
            return _lacking(refusal)
        case 404 | 410:
            return _absent(refusal)
        case 409:
            return Conflict(f"{refusal.service} refused: {refusal.message}.")
        case 400 | 413:
            return Rejected(
                f"{refusal.service} does not take this: {' '.join(refusal.message.split())}.", refusal.message
            )
        case _:
            return Unavailable(f"{refusal.service} answered {refusal.status}: {refusal.message}.")


def _not_signed_in(refusal: Refusal) -> RunnerError:
    if _STALE_CLOCK in refusal.message:
        return SignInNeeded(
            f"401 from {refusal.service}: the request's time is not near enough to the server's.",
            cause="This machine's clock is more than 15 minutes off.",
            action="Set the clock, and try again.",
        )
    return SignInNeeded(
        f"401 from {refusal.service}: it does not accept the credentials of client {refusal.client_id}:"
        f" {refusal.message}.",
        cause="They may have expired, been reset or disabled, or be another deployment's.",
        action="Sign in again, or set TASKCLUSTER_CLIENT_ID and TASKCLUSTER_ACCESS_TOKEN anew.",
    )


def _lacking(refusal: Refusal) -> RunnerError:
    missing = refusal.missing
    what = in_words(missing) if missing is not None else "a scope that it does not name"
    if refusal.client_id is None:
        return MissingScopes(
            f"403 from {refusal.service}: this needs {what}, which `anonymous` lacks.",
            missing,
            cause="You are not signed in.",
            action="Sign in with a client that has it.",
        )
    return MissingScopes(
        f"403 from {refusal.service}: client {refusal.client_id} lacks {what}.",
        missing,
        action="Ask an administrator for it, or sign in with a client that has it.",
    )


def _absent(refusal: Refusal) -> RunnerError:
    # A route that no service has is answered without a `code`, by any web server in its own way.
    if not isinstance(refusal.body, dict) or "code" not in refusal.body:
        return NoSuchRoute(
            f"{refusal.root_url} has no such route of {refusal.service}.",
            cause="It is not a Taskcluster's root URL, or that Taskcluster is older.",
            action="Check TASKCLUSTER_ROOT_URL or --root-url.",
        )
    return Absent(f"{refusal.service}: {refusal.message}.")
