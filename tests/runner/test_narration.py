"""What is told is masked, printable and remembered."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.masking import MASK, Masked, Masker
from runner.narration import Narrator, megabytes, printable

SECRET = "dckr_pat_s3cret"


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def stream():
    return io.StringIO()


@pytest.fixture(params=[False, True], ids=["log", "terminal"])
def narrator(request, stream, clock):
    return Narrator(stream, Masker([Masked(SECRET)]), clock, live=request.param)


def test_nothing_that_is_told_shows_a_secret(narrator, stream):
    narrator.say(f"say {SECRET}")
    narrator.warn(f"warn {SECRET}")
    narrator.output(f"output {SECRET}\r\n\n")
    narrator.progress(f"progress {SECRET}", 1, 2)
    with narrator.step(f"step {SECRET}"):
        pass
    assert SECRET not in stream.getvalue() + repr(narrator.steps) + repr(narrator.warnings)
    assert stream.getvalue().count(MASK) == 5


def test_a_step_keeps_its_name_duration_and_outcome(narrator, stream, clock):
    with narrator.step("push") as step:
        clock.now += 2.5
        step.facts["bytes"] = 7
    assert (step.name, step.started, step.seconds, step.outcome) == ("push", 1000.0, 2.5, "ok")
    assert "done in 2.5 s" in stream.getvalue()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_step_that_raises_has_failed(narrator, stream, error):
    with pytest.raises(error), narrator.step("push"):
        raise error
    assert narrator.steps[0].outcome == "failed"
    assert "failed in 0.0 s" in stream.getvalue()


def test_a_warning_is_told_once(narrator, stream):
    narrator.warn("careful")
    narrator.warn("careful")
    assert narrator.warnings == ["careful"]
    assert stream.getvalue().count("careful") == 1


def test_a_log_is_not_filled_by_progress(stream, clock):
    narrator = Narrator(stream, Masker(), clock)
    for done in range(1000):
        clock.now += 0.01
        narrator.progress("layers", done, 999)
    narrator.progress("layers", 999, 999)
    lines = stream.getvalue().splitlines()
    assert 9 <= len(lines) <= 12
    assert lines[-1].startswith("  layers 100%")
    assert "\x1b" not in stream.getvalue()
    assert "\r" not in stream.getvalue()


def test_a_bar_is_cleared_before_the_next_line(stream, clock):
    narrator = Narrator(stream, Masker(), clock, live=True)
    narrator.progress("layers", 1, 2)
    narrator.say("next")
    assert stream.getvalue().endswith("\r\x1b[Knext\n")
    narrator.progress("layers", 0, 0)
    assert "100%" in stream.getvalue()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb\nc é€𝄞", "a\tb\nc é€𝄞"),
        ("\x1b[31m", "\\x1b[31m"),
        ("a\rb\x07\x00\x7f\x9b", "a\\rb\\x07\\x00\\x7f\\x9b"),
        ("\u202etxt.exe", "\\u202etxt.exe"),
        ("a\u200bb\ufeff\u2066\u061c", "a\\u200bb\\ufeff\\u2066\\u061c"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_a_terminal_would_obey_is_shown(text, shown):
    assert printable(text) == shown


@given(st.text())
def test_what_is_printable_drives_no_terminal(text):
    assert all(
        character.isprintable() or character in "\t\n" or ord(character) > 0x9F
        for character in printable(text)
    )
    assert printable(printable(text)) == printable(text)
    printable(text).encode()


@pytest.mark.parametrize(("count", "shown"), [(0, "0.0 kB"), (1500, "1.5 kB"), (2_500_000, "2.5 MB")])
def test_bytes_are_shown_as_a_person_reads_them(count, shown):
    assert megabytes(count) == shown
