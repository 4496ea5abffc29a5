"""Text from outside drives no terminal and hides nothing."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.terminal_text import CUT_MARK, Look, Run, line_of, styled, text_of
from runner.narration import UNPRINTABLE

ATTACKS = {
    "clipboard": "\x1b]52;c;aGk=\x07",
    "title": "\x1b]0;owned\x1b\\",
    "c1 sequence": "\x9b2J",
    "alternate screen": "\x1b[?1049l",
    "dcs": "\x1bPq#0;2\x1b\\",
    "apc": "\x1b_G payload\x1b\\",
    "c1 osc": "\x9d0;x\x9c",
    "reset": "\x1bc",
    "charset": "\x1b(0",
    "backspace": "\b",
    "bidi": "\u202e\u2066\u2069",
    "zero width": "\u200b\u200d\u2060\ufeff",
    "tags": "\U000e0041",
    "half an escape": "\x1b",
    "delete": "\x7f",
    "half a pair": "\ud800",
}


def shown(line):
    return "".join(run.text for run in styled(line))


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_a_log_loses_every_sequence_and_keeps_its_words(attack):
    assert shown(f"before{attack}after").replace(CUT_MARK, "") == "beforeafter"


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_a_name_shows_what_it_holds(attack):
    assert not re.search(UNPRINTABLE, line_of(f"name{attack}"))
    assert len(line_of(f"name{attack}")) > len("name") + len(attack)


@pytest.mark.parametrize("start", ["\x1b]", "\x1bP", "\x1b_", "\x1b^", "\x1bX", "\x9d", "\x90"])
def test_a_string_that_nothing_ends_hides_no_text(start):
    assert shown(f"a{start}52;c;b") == f"a{CUT_MARK}52;c;b"


def test_a_string_that_has_an_end_leaves_a_mark_and_a_link_its_words():
    assert shown(f"a{ATTACKS['clipboard']}b") == f"a{CUT_MARK}b"
    assert shown("see \x1b]8;;https://example.org\x1b\\here\x1b]8;;\x1b\\.") == "see here."


def test_colours_are_kept_up_to_the_end_of_the_line():
    assert styled("a\x1b[1;31mb\x1b[0mc") == (
        Run("a"),
        Run("b", Look(foreground="ansi_red", bold=True)),
        Run("c"),
    )
    assert styled("next") == (Run("next"),)
    assert styled("") == ()


@pytest.mark.parametrize(
    ("codes", "look"),
    [
        ("38;5;9", Look(foreground="ansi_bright_red")),
        ("38;5;196", Look(foreground="#ff0000")),
        ("48;5;255", Look(background="#eeeeee")),
        ("38;2;1;2;300", Look(foreground="#0102ff")),
        ("38:2:1:2:3", Look(foreground="#010203")),
        ("1;2;3;4;7;9", Look(bold=True, dim=True, italic=True, underline=True, reverse=True, strike=True)),
        ("1;22;4;24;91;39;101;49;102", Look(background="ansi_bright_green")),
        ("38", Look()),
        ("38;5;999", Look()),
        ("8", Look()),
        ("5;999", Look()),
        ("", Look()),
    ],
)
def test_a_look_is_what_the_sequence_says(codes, look):
    assert styled(f"\x1b[{codes}mx") == (Run("x", look),)


def test_text_cannot_be_hidden_by_its_colour():
    assert styled("\x1b[8mx") == (Run("x"),)
    assert styled("\x1b[31;41mx")[0].look.background == ""
    assert styled("\x1b[48;5;1m\x1b[38;5;1mx")[0].look.background == ""


def test_lines_and_tabs_keep_their_meaning_where_they_have_one():
    assert line_of("a\r\nb\tc") == "a⏎b c"
    assert text_of("a\r\n\tb") == "a\n        b"
    assert shown("\tx\ny") == "        x y"


@given(st.text(alphabet=st.characters(codec=None), max_size=60))
def test_no_text_at_all_reaches_a_terminal_raw(text):
    for safe in (line_of(text), text_of(text).replace("\n", ""), shown(text)):
        assert not re.search(UNPRINTABLE, safe)


@given(st.lists(st.sampled_from([*ATTACKS.values(), "\x1b[31m", "\x1b[8m", "word "]), max_size=12))
def test_no_mixture_of_sequences_hides_a_word(parts):
    line = "".join(parts)
    assert shown(line).count("word") >= min(1, parts.count("word "))
