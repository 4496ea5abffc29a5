"""When a hook's schedule is due: cron patterns, read in UTC as npm's cron-parser reads them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_ALIASES: Final = {
    "@yearly": "0 0 0 1 1 *",
    "@annually": "0 0 0 1 1 *",
    "@monthly": "0 0 0 1 * *",
    "@weekly": "0 0 0 * * 0",
    "@daily": "0 0 0 * * *",
    "@hourly": "0 0 * * * *",
    "@minutely": "0 * * * * *",
    "@secondly": "* * * * * *",
}
_SUNDAY: Final = 7
_WITHOUT_SECONDS: Final = 5
_FIELDS: Final = 6
_HORIZON: Final = 8 * 366
"""Days that are looked through: 29 February comes within eight years."""


class BadCron(ValueError):
    """What is wrong with a pattern."""


@dataclass(frozen=True, slots=True)
class Cron:
    """One pattern: second, minute, hour, day of the month, month, day of the week (0 is Sunday).

    With both kinds of day restricted, either will do.
    """

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    is_any_day: bool
    is_any_weekday: bool

    @classmethod
    def parse(cls, pattern: str) -> Self:
        """Read a pattern of six fields, or of five, which starts with the minute.

        Raises:
            BadCron: it is none.
        """
        fields = _ALIASES.get(pattern.strip().lower(), pattern).lower().split()
        if len(fields) == _WITHOUT_SECONDS:
            fields = ["0", *fields]
        if len(fields) != _FIELDS:
            raise BadCron(f"a pattern has five or six fields, not {len(fields)}")
        seconds, minutes, hours, days, months, weekdays = fields
        months_found = _values(_numbered(months, _MONTHS, 1), 1, 12)
        found = {day % _SUNDAY for day in _values(_numbered(weekdays, _DAYS, 0), 0, _SUNDAY)}
        return cls(
            tuple(sorted(_values(seconds, 0, 59))),
            tuple(sorted(_values(minutes, 0, 59))),
            tuple(sorted(_values(hours, 0, 23))),
            frozenset(_values(days, 1, 31)),
            frozenset(months_found),
            frozenset(found),
            days in {"*", "?"},
            weekdays in {"*", "?"},
        )

    def next_after(self, moment: datetime) -> datetime | None:
        """The first time that is later than `moment`, if there is one."""
        earliest = moment.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
        day = earliest.replace(hour=0, minute=0, second=0)
        for _ in range(_HORIZON):
            if self._is_day(day) and (found := self._within(day, earliest)):
                return found
            day += timedelta(days=1)
        return None

    def _is_day(self, day: datetime) -> bool:
        if day.month not in self.months:
            return False
        in_month, in_week = day.day in self.days, day.isoweekday() % _SUNDAY in self.weekdays
        if self.is_any_day or self.is_any_weekday:
            return in_month and in_week
        return in_month or in_week

    def _within(self, day: datetime, earliest: datetime) -> datetime | None:
        times = (
            day.replace(hour=hour, minute=minute, second=second)
            for hour in self.hours
            if day.replace(hour=hour, minute=59, second=59) >= earliest
            for minute in self.minutes
            for second in self.seconds
        )
        return next((time for time in times if time >= earliest), None)


def next_of(patterns: Iterable[str], after: datetime) -> datetime | None:
    """The first time of any of the patterns that is later than `after`.

    Raises:
        BadCron: one of them is no pattern.
    """
    times = (Cron.parse(pattern).next_after(after) for pattern in patterns)
    return min((time for time in times if time is not None), default=None)


def _numbered(field: str, names: tuple[str, ...], first: int) -> str:
    for number, name in enumerate(names, start=first):
        field = field.replace(name, str(number))
    return field


def _values(field: str, least: int, most: int) -> set[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, has_step, step = part.partition("/")
        low, high = _span(span, least, most, is_open=bool(has_step))
        width = _number(step, 1, most) if has_step else 1
        found.update(range(low, high + 1, width))
    return found


def _span(span: str, least: int, most: int, *, is_open: bool) -> tuple[int, int]:
    if span in {"*", "?"}:
        return least, most
    first, has_end, last = span.partition("-")
    low = _number(first, least, most)
    if not has_end:
        return low, most if is_open else low
    high = _number(last, least, most)
    if low > high:
        raise BadCron(f"the range {span} ends before it starts")
    return low, high


def _number(text: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdigit()) or not least <= int(text) <= most:
        raise BadCron(f"{text or 'nothing'} is no number from {least} to {most}")
    return int(text)
