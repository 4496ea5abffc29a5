"""What a registry's answer means: its errors read, made printable, and told as the runner's errors."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from runner.errors import IntegrityFailure, Refused, RunnerError, Unavailable
from runner.retry import TEMPORARY_STATUSES, retry_after_seconds

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_ERROR: Final = 64 * 1024
_LOGIN: Final = "Name the secret that holds the registry's credentials, or log in by `docker login`."
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")
_LONGEST_SHOWN = 300
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _TOO_LARGE, _TOO_MANY = 401, 403, 404, 413, 429


class Temporary(Unavailable):
    """Not available, and worth another attempt.

    Args:
        what: what happened.
        retry_after: seconds that the registry asks to wait, or None.
    """

    def __init__(
        self, what: str, *, cause: str = "", action: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(what, cause=cause, action=action)
        self.retry_after = retry_after


class WrongPassword(Refused):
    """The user or the password is not known: many attempts may lock the account."""


def wait_for(error: Exception) -> float | None:
    """The retry predicate: only what is `Temporary` is tried again (see `runner.retry.retrying`)."""
    if not isinstance(error, Temporary):
        return None
    return -1 if error.retry_after is None else error.retry_after


class Doing(NamedTuple):
    """What a request is for, as messages name it: no URL, no query, no token.

    Args:
        registry: the registry's name.
        method: the HTTP method.
        thing: such as "manifest `v1` of a/b".
        user: who asks; "" for nobody.
        pushes: whether it changes the repository.
    """

    registry: str
    method: str
    thing: str
    user: str = ""
    pushes: bool = False

    def __str__(self) -> str:
        return f"{self.method} of {self.thing}"

    @property
    def who(self) -> str:
        """The user, as a sentence names them."""
        return f"user {self.user!r}" if self.user else "nobody (no credentials were given)"


def printable(text: str) -> str:
    """A server's text on one line, without control characters, not too long."""
    return _CONTROL.sub(" ", text).strip()[:_LONGEST_SHOWN]


def error_codes(body: bytes) -> list[tuple[str, str]]:
    """Codes and messages of a registry's error body; none if it is no such body."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return []
    errors = document.get("errors") if isinstance(document, dict) else None
    if isinstance(document, dict) and isinstance(document.get("details"), str):
        errors = [{"code": "", "message": document["details"]}]  # a token server's form
    return [
        (printable(str(error.get("code") or "")), printable(str(error.get("message") or "")))
        for error in (errors if isinstance(errors, list) else [])
        if isinstance(error, dict)
    ]


def _said(codes: list[tuple[str, str]]) -> str:
    said = "; ".join(": ".join(part for part in pair if part) for pair in codes[:3])
    return f" It says: {said}." if said else ""


def failure(doing: Doing, status: int, headers: Mapping[str, str], body: bytes, *, now: float) -> RunnerError:
    """The error that an answer means.

    Args:
        doing: what was asked.
        status: the HTTP status.
        headers: the answer's headers.
        body: the beginning of its body.
        now: seconds since the epoch, for a `Retry-After` with a date.
    """
    codes = error_codes(body)
    what = f"Registry {doing.registry} answered {status} to {doing}.{_said(codes)}"
    if status == _TOO_MANY:
        return _too_many(what, headers, codes, now)
    if status in TEMPORARY_STATUSES:
        return Temporary(
            what,
            cause="The registry is overloaded or being repaired.",
            action="Run the task again later; a rerun sends only what is missing.",
            retry_after=retry_after_seconds(headers.get("Retry-After"), now),
        )
    if status in {_UNAUTHORIZED, _FORBIDDEN}:
        return _not_allowed(what, doing)
    if status >= 500:
        return Unavailable(what, action="Ask the registry's operators.")
    return _not_taken(what, status, codes)


def _not_taken(what: str, status: int, codes: list[tuple[str, str]]) -> RunnerError:
    if any(code in {"MANIFEST_BLOB_UNKNOWN", "DIGEST_INVALID", "SIZE_INVALID"} for code, _ in codes):
        return IntegrityFailure(
            what,
            cause="What the registry received or holds is not what was sent.",
            action="Run again; if it stays, ask the registry's operators.",
        )
    if status == _NOT_FOUND:
        return Refused(
            what,
            cause="The repository does not exist there, or is not shown to this user.",
            action="Check the repository's name; some registries want it created before the first push.",
        )
    if status == _TOO_LARGE:
        return Refused(what, cause="The registry, or a proxy before it, limits the size of what it takes.")
    return Refused(what, cause="The registry does not take this request.")


def _too_many(what: str, headers: Mapping[str, str], codes: list[tuple[str, str]], now: float) -> Temporary:
    retry_after = retry_after_seconds(headers.get("Retry-After"), now)
    asked = f" It asks to wait {retry_after:.0f} s." if retry_after is not None else ""
    pulls = any("pull rate limit" in message.lower() for _, message in codes) or "ratelimit-limit" in {
        name.lower() for name in headers
    }
    if pulls:
        # Docker Hub names the limit and the window: `100;w=21600`.
        limit = printable(headers.get("ratelimit-limit", ""))
        return Temporary(
            what + asked,
            cause=f"The limit on pulls{f' ({limit})' if limit else ''} is used up for this user or address.",
            action="Pull with credentials of an account with a higher limit, or wait.",
            retry_after=retry_after,
        )
    return Temporary(
        what + asked,
        cause="Too many requests came from this address (the limit against abuse, not the one on pulls).",
        action="Run the task again later.",
        retry_after=retry_after,
    )


def _not_allowed(what: str, doing: Doing) -> Refused:
    if not doing.user:
        return Refused(
            what,
            cause="No credentials were given, and the registry wants some for this.",
            action=_LOGIN,
        )
    verb = "push" if doing.pushes else "pull"
    return Refused(
        f"{what} {doing.who[0].upper()}{doing.who[1:]} may not {verb} there.",
        cause="The user name and password are accepted, but not for this repository.",
        action=f"Grant {doing.who} the permission to {verb}, or use a token with that permission.",
    )


def wrong_password(doing: Doing, body: bytes = b"") -> Refused:
    """The registry, or its token server, does not know the user or the password."""
    said = _said(error_codes(body))
    if not doing.user:
        return Refused(
            f"Registry {doing.registry} wants credentials for {doing}, and none were given.{said}",
            action=_LOGIN,
        )
    return WrongPassword(
        f"Registry {doing.registry} does not accept the user name and password of {doing.who}.{said}",
        cause="The password or token was changed, revoked, or has expired.",
        action="Store a valid one: `lading secret set NAME KEY`. "
        "Do not retry: many failed logins lock an account for an hour.",
    )
