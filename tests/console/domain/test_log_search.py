"""A text and the first error are found in a log however it came, and while it grows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain import log_store
from console.domain.log_search import Hits, first_errors
from console.domain.terminal_text import bare
from tests.support.small_log import PIECES, small_blocks, store_of

__all__ = ["small_blocks"]


def found(store, text):
    hits = Hits(store, text)
    for _ in hits.search():
        pass
    return hits


def errors(store):
    return [at for at in first_errors(store) if at is not None]


@given(PIECES, st.integers(0, 200), st.sampled_from(["a", "aa", "A", "é", "x"]))
def test_hits_are_the_lines_that_show_the_text_also_where_the_log_grows_between_two_searches(
    pieces, cut, text
):
    raw = b"".join(pieces)
    store = store_of(raw[:cut])
    hits = found(store, text)
    store.feed(raw[cut:])
    store.finish()
    for _ in hits.search():
        pass
    shown = [bare(store.line(index)) for index in range(len(store))]
    folded = [line.lower() if text == text.lower() else line for line in shown]
    assert [*hits.lines] == [at for at, line in enumerate(folded) if text in line]
    assert hits.is_done


def test_a_text_with_an_upper_case_letter_matches_that_case_alone():
    store = store_of(b"Error\nerror\nERROR\n")
    assert [*found(store, "error").lines] == [0, 1, 2]
    assert [*found(store, "Error").lines] == [0]


@pytest.mark.parametrize(
    "line",
    [
        b"\x1b[31merror\x1b[0m: no",
        b"er\x1b[1;4:3mro\x1b[0mr: no",
        b"e\x1b[Kr\x1b[?25hror\x1b(B\x1b[m: no",
        b"\x1b]8;;http://a.invalid\x07error\x1b]8;;\x07: no",
        "er\u200bror\u202e: no".encode(),
        b"er\x1b\x1b[0mror: no",
        b"10 %\rerror: no\r",
    ],
)
def test_what_is_not_shown_parts_no_word(line):
    store = store_of(b"fine\n", line, b"\r\nfine\n")
    assert [*found(store, "error: no").lines] == [1]
    assert errors(store) == [1]


def test_what_was_written_over_is_not_found():
    store = store_of(b"error: 1\rdone\r\n")
    assert not found(store, "error").lines
    assert errors(store) == []
    assert [*found(store, "done").lines] == [0]


def test_every_line_is_found_where_all_have_the_text(monkeypatch):
    monkeypatch.setattr(log_store, "_BLOCK", 1 << 17)
    store = store_of(b"the text, twice the text\n" * 300, b"none\n", b"\n", b"the text")
    store.finish()
    assert [*found(store, "text").lines] == [*range(300), 302]


def test_a_last_line_without_an_end_is_searched_once_it_is_whole():
    store = store_of(b"one\ntwo")
    assert not found(store, "two").lines
    store.finish()
    assert [*found(store, "two").lines] == [1]


def test_next_and_previous_go_round():
    hits = found(store_of(b"x\ny\nx\ny\nx\n"), "x")
    assert [hits.after(0), hits.after(4), hits.before(0), hits.before(4)] == [2, 0, 4, 2]
    assert hits.place(2) == 2
    assert found(store_of(b"x\n"), "z").after(0) is None
    assert found(store_of(b"x\n"), "z").before(0) is None


@given(st.integers(0, 30), st.integers(0, 30))
def test_the_first_error_is_found_behind_what_sounds_like_one(before, after):
    store = store_of(b"0 errors\n" * before, b"fine\n", b"error: no space\n", b"fatal: no\n" * after)
    assert errors(store) == [before + 1]


@pytest.mark.parametrize(
    "line",
    [
        "[taskcluster:error] Task timeout",
        "ERROR: failed to solve",
        "npm ERR! code",
        "E: Unable to locate package",
        "Traceback (most recent call last):",
        "KeyError: 'x'",
        "panic: no",
        "FATAL: no",
        "CRITICAL: no",
        "fatal: no",
        "Exit code: 2",
        "The command returned a non-zero code: 1",
        "sh: docker: command not found",
        "Result: failed",
        "Result: exception",
    ],
)
def test_what_tells_of_an_error_is_passed_over_by_no_short_cut(line):
    assert errors(store_of(b"fine\n", f"{line}\n".encode())) == [1]


def test_a_note_is_no_error():
    store = store_of(b"fine\n")
    store.note("error: the reader's own")
    assert errors(store) == []
