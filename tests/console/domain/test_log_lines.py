"""Bytes become lines however they are cut; the first error is found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.log_lines import LineDecoder, folded, tells_error


def lines(*pieces):
    decoder = LineDecoder()
    return [line for piece in pieces for line in decoder.feed(piece)] + decoder.finish()


def test_lines_end_in_either_way_and_the_last_may_have_no_end():
    assert lines(b"one\r\ntwo\nthree") == ["one", "two", "three"]
    assert lines(b"one\n\ntwo\n") == ["one", "", "two"]
    assert lines(b"") == []


def test_a_character_cut_in_two_is_whole_and_what_is_no_utf_8_is_marked():
    euro = "€".encode()
    assert lines(euro[:1], euro[1:2], euro[2:] + b"\n") == ["€"]
    assert lines(b"a\xffb\n", euro[:2]) == ["a\ufffdb", "\ufffd"]


@given(st.text(max_size=60), st.data())
def test_where_the_bytes_are_cut_makes_no_difference(text, data):
    raw = text.encode()
    cut = data.draw(st.integers(0, len(raw)))
    assert lines(raw[:cut], raw[cut:]) == lines(raw)


def test_progress_is_folded_to_its_last_state():
    assert lines(b"10 %\r50 %\r", b"100 %\r\nnext\n") == ["100 %", "next"]
    assert folded("a\rb\r") == "b"
    assert LineDecoder().feed(b"10 %\r20 %\r30") == []
    assert lines(b"10 %\r20 %\r30") == ["30"]


def test_other_line_ends_of_unicode_stay_in_their_line():
    assert lines("a\u2028b\x0bc\x85d\n".encode()) == ["a\u2028b\x0bc\x85d"]


@pytest.mark.parametrize(
    "line",
    [
        "[taskcluster:error 2026-11-24T00:00:00.000Z] maxRunTime of 10 s exceeded",
        "error: no such file",
        "ERROR: failed to solve: process",
        "E: Unable to locate package nosuch",
        "npm ERR! code ELIFECYCLE",
        "Traceback (most recent call last):",
        "ValueError: no number",
        "\x1b[31mERROR\x1b[0m: red",
        # As gcc writes it.
        "\x1b[01m\x1b[Kmain.c:1:2:\x1b[m\x1b[K \x1b[01;31m\x1b[Kerror: \x1b[m\x1b[Kexpected ';'",
        "2026-11-24 10:00:00 ERROR - it broke",
        "The command '/bin/sh -c false' returned a non-zero code: 1",
        "bash: line 1: nosuch: command not found",
        "[taskcluster 2026-11-24T00:00:00.000Z] Exit code: 3",
    ],
)
def test_a_line_that_tells_of_an_error_is_known(line):
    assert tells_error(line)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "0 errors, 3 warnings",
        "no errors found",
        "gcc --no-error-limit",
        "[taskcluster 2026-11-24T00:00:00.000Z] Exit code: 0",
        "Successfully installed error-tools-1.0",
        "copying errors.py",
        "terror: a film",
    ],
)
def test_a_line_that_only_looks_like_one_is_not(line):
    assert not tells_error(line)
