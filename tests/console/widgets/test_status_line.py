"""The status line says where, who and for how long, in any width."""

from datetime import UTC, datetime, timedelta

import pytest

from console.widgets.status_line import Status, remaining, status_text

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def text(width=80, **parts):
    status = Status(profile="balrog", root_url="https://tc.example.org", who="me", **parts)
    return status_text(status, NOW, width).plain


def test_it_says_all_there_is():
    assert text() == "balrog · tc.example.org · me"
    assert text(expires=NOW + timedelta(hours=3, minutes=12), read_only=True, note="connecting") == (
        "balrog · tc.example.org · me · expires in 3h12m · READ-ONLY · connecting"
    )


def test_what_ends_soon_is_marked_by_more_than_a_colour():
    assert text(expires=NOW + timedelta(minutes=59)).endswith("! expires in 59m")
    assert text(expires=NOW).endswith("✗ expired")


def test_the_root_url_gives_way_in_a_narrow_terminal():
    assert len(text(width=34, read_only=True)) <= 34
    assert "READ-ONLY" in text(width=10, read_only=True)
    assert "tc.example" not in text(width=20, read_only=True)


def test_names_of_servers_and_users_drive_no_terminal():
    status = Status(profile="a\x1b[2J", root_url="https://x\u202e", who="b\x9b", note="c\x07")
    assert not set(status_text(status, NOW, 80).plain) & {"\x1b", "\u202e", "\x9b", "\x07"}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "expired"),
        (0, "expired"),
        (59, "59s"),
        (60, "1m"),
        (3600, "1h00m"),
        (90000, "25h00m"),
        (172800, "2d"),
    ],
)
def test_a_time_is_told_in_its_largest_units(seconds, words):
    assert remaining(NOW + timedelta(seconds=seconds), NOW) == words
