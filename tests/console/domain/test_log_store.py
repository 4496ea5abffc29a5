"""A log's lines, hits and errors are the same however its bytes are cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain import log_store
from console.domain.log_lines import LineDecoder
from console.domain.log_store import Hits, LogStore

PIECES = st.lists(
    st.sampled_from(
        [b"error: x", b"\n", b"\r", b"\r\n", b"a", b"A", "é".encode()[:1], "é".encode(), b"\x1b[31m", b"\xff"]
    ),
    max_size=40,
)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(log_store, "_BLOCK", 16)


def store_of(*pieces):
    store = LogStore()
    for piece in pieces:
        store.feed(piece)
    return store


def found(store, text):
    hits = Hits(store, text)
    for _ in hits.search():
        pass
    return hits


def lines(store):
    return [store.line(index) for index in range(len(store))]


@given(PIECES, st.lists(st.integers(0, 200), max_size=6))
def test_the_lines_are_those_of_the_decoder_however_the_bytes_are_cut(pieces, cuts):
    text = b"".join(pieces)
    at = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    store = store_of(*(text[begin:end] for begin, end in pairwise(at)))
    decoder = LineDecoder()
    expected = decoder.feed(text)
    assert lines(store)[: len(expected)] == expected
    assert store.whole == len(expected)
    assert b"".join(store.saved()) == text
    assert store.size == len(text)


@given(PIECES, st.integers(0, 200))
def test_hits_are_the_lines_that_show_the_text_also_where_the_log_grows_between_two_searches(pieces, cut):
    text = b"".join(pieces)
    store = store_of(text[:cut])
    hits = found(store, "a")
    store.feed(text[cut:])
    store.finish()
    for _ in hits.search():
        pass
    bare = [line.replace("\x1b[31m", "") for line in lines(store)]
    # What a torn sequence leaves is not told apart here.
    expected = [at for at, line in enumerate(bare) if "a" in line.lower()]
    assert [*hits.lines] == expected
    assert hits.is_done


def test_a_text_with_an_upper_case_letter_matches_that_case_alone():
    store = store_of(b"Error\nerror\nERROR\n")
    assert [*found(store, "error").lines] == [0, 1, 2]
    assert [*found(store, "Error").lines] == [0]


def test_colours_part_no_words_and_folded_progress_is_not_found():
    store = store_of(b"\x1b[31merror\x1b[0m: no\nerror: 1\rdone\r\n")
    assert [*found(store, "error: ").lines] == [0]
    assert lines(store)[1] == "done"


def test_next_and_previous_go_round():
    hits = found(store_of(b"x\ny\nx\ny\nx\n"), "x")
    assert [hits.after(0), hits.after(4), hits.before(0), hits.before(4)] == [2, 0, 4, 2]
    assert hits.place(2) == 2
    assert found(store_of(b"x\n"), "z").after(0) is None
    assert found(store_of(b"x\n"), "z").before(0) is None


def test_a_last_line_without_an_end_is_shown_and_searched_once_it_is_whole():
    store = store_of(b"one\ntwo")
    assert (len(store), store.whole, store.line(1)) == (2, 1, "two")
    assert not found(store, "two").lines
    store.finish()
    assert [*found(store, "two").lines] == [1]


def test_notes_are_shown_and_not_saved():
    store = store_of(b"one\ntw")
    store.note("run 1: retry")
    store.feed(b"three\r\nfour")
    assert lines(store) == ["one", "tw", "run 1: retry", "three", "four"]
    assert [store.is_note(index) for index in range(5)] == [False, False, True, False, False]
    assert b"".join(store.saved()) == b"one\ntw\nthree\r\nfour"


def test_there_is_no_line_before_the_first_or_behind_the_last():
    for index in (-1, 1):
        with pytest.raises(IndexError):
            store_of(b"one\n").line(index)


@given(st.integers(0, 30), st.integers(0, 30))
def test_the_first_error_is_found_behind_what_sounds_like_one(before, after):
    store = store_of(b"0 errors\n" * before, b"fine\n", b"error: no space\n", b"fatal: no\n" * after)
    assert [at for at in store.first_errors() if at is not None] == [before + 1]


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
    assert [at for at in store_of(b"fine\n", f"{line}\n".encode()).first_errors() if at is not None] == [1]


def test_a_note_is_no_error():
    store = store_of(b"fine\n")
    store.note("error: the reader's own")
    assert [at for at in store.first_errors() if at is not None] == []
