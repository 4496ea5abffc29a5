"""The demo draws bars on a terminal, plain lines elsewhere, and never obeys what a log says."""

import io

import pytest

from console.sandbox.demo_story import Progress, Story


def told(tell, *, terminal=False, colour=False):
    stream = io.StringIO()
    tell(Story(stream, lambda: 0.0, terminal=terminal, colour=colour))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("  pushing  45% 10.2 MB of 22.0 MB", Progress("pushing", 45, "10.2 MB of 22.0 MB")),
        ("  layer 3 of 4 100% 900.0 kB of 900.0 kB", Progress("layer 3 of 4", 100, "900.0 kB of 900.0 kB")),
        ("  done in 3.0 s", None),
        ("100% of it", None),
    ],
)
def test_progress_is_recognised_in_a_log(line, expected):
    assert Progress.read(line) == expected


def test_on_a_terminal_progress_is_a_bar_drawn_in_place():
    text = told(
        lambda story: [story.log(f"  pushing {n}% 1.0 MB of 2.0 MB") for n in (25, 50, 100)], terminal=True
    )
    bars = text.split("\r\x1b[K")[1:]
    assert [bar.count("#") for bar in bars] == [6, 12, 24]
    assert text.endswith("\n")
    assert text.count("\n") == 1


def test_a_line_after_an_unfinished_bar_begins_on_its_own_line():
    text = told(lambda story: (story.log("  a 50% 1.0 MB of 2.0 MB"), story.say("next")), terminal=True)
    assert text.endswith("2.0 MB\n   next\n")


def test_elsewhere_progress_is_a_line_as_the_log_has_it():
    assert told(lambda story: story.log("  a 50% 1.0 MB of 2.0 MB")) == "   |   a 50% 1.0 MB of 2.0 MB\n"


def test_without_colour_there_is_no_escape_whatever_the_log_says():
    text = told(lambda story: (story.chapter("A"), story.good("B"), story.log("\x1b]0;owned\x07")))
    assert "\x1b" not in text
    assert "\\x1b]0;owned\\x07" in text
