"""A hook's schedule is read as cron-parser reads it."""

from datetime import UTC, datetime

import pytest

from console.sandbox.cron import BadCron, Cron, next_of

MONDAY = datetime(2026, 3, 2, 10, 30, 15, 400_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("pattern", "due"),
    [
        ("* * * * * *", "2026-03-02 10:30:16"),
        ("15 30 10 * * *", "2026-03-03 10:30:15"),
        ("0 0 3 * * 1", "2026-03-09 03:00:00"),
        ("30 4 * * *", "2026-03-03 04:30:00"),
        ("*/20 * * * *", "2026-03-02 10:40:00"),
        ("0 5/25 * * * *", "2026-03-02 10:55:00"),
        ("0 0 9,21 * * 1-5", "2026-03-02 21:00:00"),
        ("0 0 12 * * sat,SUN", "2026-03-07 12:00:00"),
        ("0 0 12 * * 7", "2026-03-08 12:00:00"),
        ("0 30 4 1 JAN *", "2027-01-01 04:30:00"),
        ("0 0 0 29 2 *", "2028-02-29 00:00:00"),
        ("0 0 0 10 * 5", "2026-03-06 00:00:00"),
        ("@hourly", "2026-03-02 11:00:00"),
    ],
)
def test_a_pattern_is_next_due(pattern, due):
    assert Cron.parse(pattern).next_after(MONDAY) == datetime.fromisoformat(due + "+00:00")


def test_the_earliest_of_several_patterns_counts():
    found = next_of(["0 0 3 * * 1", "0 0 11 * * *"], MONDAY)
    assert found == datetime(2026, 3, 2, 11, tzinfo=UTC)


def test_a_day_that_never_comes_is_never_due():
    assert next_of(["0 0 0 31 2 *"], MONDAY) is None
    assert next_of([], MONDAY) is None


@pytest.mark.parametrize(
    "pattern",
    ["xyz", "", "0 0 25 * * *", "60 * * * *", "* * * * * * *", "5-1 * * * *", "*/0 * * * *", "1,,2 * * * *"],
)
def test_what_is_no_pattern_is_refused(pattern):
    with pytest.raises(BadCron):
        Cron.parse(pattern)
