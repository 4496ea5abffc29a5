"""Retries are bounded, wait as they are told, and repeat only what is temporary."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.retry import Backoff, retry_after_seconds, retrying

NOW = 1_795_491_000.0


class Busy(Exception):
    pass


def run(outcomes, asked=-1.0):
    waits: list[float] = []
    left = iter(outcomes)

    def call():
        outcome = next(left)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    result = retrying(
        call,
        wait_for=lambda error: asked if isinstance(error, Busy) else None,
        backoff=Backoff(attempts=3),
        sleep=waits.append,
        jitter=lambda: 0.0,
    )
    return result, waits


def test_what_is_temporary_is_repeated_with_doubled_waits():
    assert run([Busy(), Busy(), "done"]) == ("done", [0.5, 1.0])


def test_the_last_attempts_error_is_raised():
    with pytest.raises(Busy):
        run([Busy(), Busy(), Busy(), "never"])


def test_what_is_not_temporary_is_raised_at_once():
    with pytest.raises(KeyError):
        run([KeyError(), "never"])


@pytest.mark.parametrize(("asked", "wait"), [(0.0, 0.0), (7.0, 7.0), (3600.0, 60.0)])
def test_what_the_server_asks_for_is_waited_within_bounds(asked, wait):
    assert run([Busy(), "done"], asked=asked)[1] == [wait]


@given(
    attempt=st.integers(1, 50),
    asked=st.none() | st.floats(0, allow_infinity=True, allow_nan=False),
    jitter=st.floats(0, 1),
)
def test_no_wait_exceeds_the_longest(attempt, asked, jitter):
    assert 0 <= Backoff().wait(attempt, asked, jitter) <= Backoff().longest


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("120", 120.0),
        (" 5 ", 5.0),
        ("0", 0.0),
        ("-5", None),
        ("²", None),
        ("soon", None),
        ("Tue, 24 Nov 2026 03:30:30 GMT", 30.0),
        ("Mon, 23 Nov 2026 03:30:30 GMT", 0.0),
        ("Tue, 24 Nov 99999 03:30:30 GMT", None),
    ],
)
def test_a_retry_after_is_seconds_or_a_date(header, seconds):
    now = 1_795_491_000.0
    assert retry_after_seconds(header, now) == seconds


@given(st.text(max_size=40) | st.from_regex(r"\w{3}, [0-9]{1,3} Nov [0-9]{1,6} [0-9:]{0,9} ?[-+A-Z0-9]{0,6}"))
def test_any_header_is_seconds_or_nothing(header):
    seconds = retry_after_seconds(header, NOW)
    assert seconds is None or seconds >= 0
