"""A log's lines are the same however its bytes are cut, and it is saved as it came."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.log_lines import LineDecoder
from console.domain.terminal_text import bare
from tests.support.small_log import PIECES, small_blocks, store_of

__all__ = ["small_blocks"]


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


def test_a_last_line_without_an_end_is_shown_and_is_whole_once_no_more_is_to_come():
    store = store_of(b"one\ntwo")
    assert (len(store), store.whole, store.line(1)) == (2, 1, "two")
    store.finish()
    assert store.whole == 2


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


def test_a_note_is_one_line_whatever_it_holds():
    store = store_of(b"one\n")
    store.note("no\nmore\ud800")
    assert lines(store) == ["one", "no⏎more\\ud800"]
    assert b"".join(store.saved()) == b"one\n"


def test_what_is_saved_is_what_was_there_when_it_was_asked_for():
    store = store_of(b"\x1b[31mone\x1b[0m\n" * 20)
    saved = store.saved()
    store.note("run 1: retry")
    store.feed(b"more\n" * 20)
    assert b"".join(saved) == b"\x1b[31mone\x1b[0m\n" * 20


@given(PIECES, st.integers(0, 40), st.booleans())
def test_the_texts_from_a_line_on_are_the_lines_behind_it(pieces, index, is_finished):
    store = store_of(b"".join(pieces))
    if is_finished:
        store.finish()
    found, at = [], min(index, store.whole)
    for first, after, text in store.texts_from(at):
        assert first == at
        found += text.removesuffix(b"\n").split(b"\n")
        at = after
        assert len(found) == at - min(index, store.whole)
    assert at == store.whole
    shown = [bare(line) for line in lines(store)[min(index, store.whole) : store.whole]]
    assert [line.decode().removesuffix("\r") for line in found] == shown


@given(PIECES, st.integers(0, 5), st.integers(0, 200))
def test_what_was_made_searchable_meanwhile_is_the_same_log(pieces, steps, cut):
    text = b"".join(pieces)
    store = store_of(text[:cut])
    for _ in zip(range(steps), store.prepare(), strict=False):
        pass
    store.feed(text[cut:])
    for _ in store.prepare():
        pass
    assert lines(store) == lines(store_of(text))
    assert b"".join(store.saved()) == text
    assert b"".join(found for _, _, found in store.texts_from(0)) == b"".join(
        found for _, _, found in store_of(text).texts_from(0)
    )
