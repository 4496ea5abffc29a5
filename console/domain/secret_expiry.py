"""When a secret expires: what may be typed, what is sent, what is shown."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from runner.errors import UsageError

# The service wants a date; "never" is one that no token lives to see.
NEVER: Final = datetime(3000, 1, 1, tzinfo=UTC)
# From here on a list warns.
SOON: Final = timedelta(days=14)
PRESETS: Final = ("90d", "1y", "never")
_SPAN: Final = re.compile(r"([1-9][0-9]{0,4})\s*([dwy])")
_DAYS: Final = {"d": 1, "w": 7, "y": 365}
_FORMS: Final = "90d, 1y, never, or a date such as 2027-01-31"


def expiry(typed: str, now: datetime) -> datetime:
    """The time that somebody typed: `90d`, `2w`, `1y`, `never`, a date (to its end, in UTC) or an ISO 8601 time.

    Args:
        typed: as it was typed.
        now: the server's time; this machine's clock may be off.

    Raises:
        UsageError: it is none of these, or past.
    """
    found = _moment(typed.strip(), now)
    if found is None:
        raise UsageError(
            f"{typed[:40]!r} is no time at which a secret could expire.", action=f"Give {_FORMS}."
        )
    if found <= now:
        raise UsageError(
            f"The secret would have expired already: {sent(found)} is past.", action=f"Give {_FORMS}."
        )
    # As the service keeps it: what is read back compares equal.
    return min(found.replace(microsecond=found.microsecond // 1000 * 1000), NEVER)


def _moment(text: str, now: datetime) -> datetime | None:
    if text.lower() == "never":
        return NEVER
    span = _SPAN.fullmatch(text.lower())
    if span:
        return now + timedelta(days=int(span[1]) * _DAYS[span[2]])
    try:
        found = datetime.fromisoformat(text)
        if len(text) == len("2027-01-31"):
            found = found.replace(hour=23, minute=59, second=59)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def sent(moment: datetime) -> str:
    """As the service writes it: ISO 8601 with milliseconds and Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def shown(expires: datetime, now: datetime) -> str:
    """As a person reads it: the date and how far it is, or `never`."""
    if expires >= NEVER:
        return "never"
    date = expires.astimezone(UTC).date().isoformat()
    left = expires - now
    if left <= timedelta():
        return f"{date} (expired)"
    days = round(left / timedelta(days=1))
    return f"{date} (in {days} d)" if days else f"{date} (in {left.seconds // 3600} h)"


def short(expires: datetime) -> str:
    """As a narrow column has it: the date, or `never`."""
    return "never" if expires >= NEVER else expires.astimezone(UTC).date().isoformat()
