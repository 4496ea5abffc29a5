"""Times as the services write them: ISO 8601, milliseconds, `Z`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_DATE_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[tT\s]\d\d:\d\d:\d\d(\.\d+)?([zZ]|[+-]\d\d(:?\d\d)?)?")

SECOND: Final = timedelta(seconds=1)
MINUTE: Final = timedelta(minutes=1)
DAY: Final = timedelta(days=1)


def iso(moment: datetime) -> str:
    """As JavaScript's `toJSON` writes it; such texts sort as the times do."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def is_date_time(text: str) -> bool:
    """Whether the services' schemas take it for a date-time; without a zone it is UTC."""
    if not _DATE_TIME.fullmatch(text):
        return False
    try:
        parse(text)
    except (ValueError, OverflowError):
        return False
    return True


def parse(text: str) -> datetime:
    """Read a date-time that a schema has accepted.

    Raises:
        ValueError: no such day or time.
    """
    moment = datetime.fromisoformat(text.upper())
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def canonical(text: str) -> str:
    """The same moment as `iso` writes it."""
    return iso(parse(text))


def milliseconds(moment: datetime) -> int:
    """Since the epoch."""
    return round(moment.timestamp() * 1000)


def a_year_after(moment: datetime) -> datetime:
    """The same day of the next year; the queue's default for `expires`."""
    try:
        return moment.replace(year=moment.year + 1)
    except ValueError:  # 29 February
        return moment.replace(year=moment.year + 1, month=3, day=1)
