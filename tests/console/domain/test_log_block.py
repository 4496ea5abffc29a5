"""What of a log is searched is what is shown of it; what it was is kept, in little memory."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.log_block import LogBlock, searchable
from console.domain.log_lines import folded
from console.domain.terminal_text import bare, styled

PIECES = st.lists(
    st.sampled_from(
        [
            *(b"ab", b"\n", b"\r", b"\r\n", b"\t", b" ", b"\xff", b"\x00", b"\x07", b"\x7f", "é€😀".encode()),
            *(
                "é".encode()[:1],
                "é".encode()[1:],
                "\u200b\u202e\x9b\ufeff\U000e0001".encode(),
                b"\xc2",
                b"\x9b31m",
            ),
            *(
                b"\x1b",
                b"\x1b[31m",
                b"\x1b[0m",
                b"\x1b[",
                b"[0m",
                b"\x1b[K",
                b"\x1b[?25l",
                b"\x1b(B",
                b"\x1b[m",
            ),
            *(b"\x1b]0;t\x07", b"\x1b]8;;http://a\x1b\\\\", b"\x1b]", b"\x1bP", b"\x1b\\\\", b"\x1b[1;"),
        ]
    ),
    max_size=30,
).map(b"".join)
ANY = st.text(st.characters(codec="utf-8")).map(str.encode) | st.binary()


@given(PIECES | ANY)
def test_what_is_searched_is_line_by_line_what_is_shown(raw):
    expected = [bare(folded(line.decode("utf-8", "replace"))) for line in raw.split(b"\n")]
    assert [line.decode().removesuffix("\r") for line in searchable(raw).split(b"\n")] == expected


@given(st.text())
def test_what_is_bare_is_what_is_drawn(text):
    line = text.replace("\n", " ").replace("\t", " ")
    assert bare(line) == "".join(run.text for run in styled(line))


@given(PIECES | ANY)
def test_a_block_is_kept_as_it_came(raw):
    block = LogBlock(raw)
    assert block.raw == raw
    assert (block.text, block.raw) == (searchable(raw), raw)


def hostile(count):
    chance = random.Random(7)
    return b"".join(
        b"\x1b[%dm%c" % (chance.randrange(10**9), chance.randrange(33, 127)) for _ in range(count)
    )


@pytest.mark.parametrize(
    ("raw", "most"),
    [
        (b"Step 1/9 : RUN apt-get install -y lib\r\n" * 3000, 1),
        (b"\x1b[32mStep\x1b[0m 1/9 : \x1b[1mRUN\x1b[0m apt-get install -y lib\n" * 3000, 0.9),
        (hostile(10_000) + b"\n", 1.25),
    ],
)
def test_what_a_block_keeps_is_little_more_than_what_came(raw, most):
    block = LogBlock(raw)
    block.prepare()
    kept = [each for name in LogBlock.__slots__ if isinstance(each := getattr(block, name), bytes)]
    assert sum({id(each): len(each) for each in kept}.values()) <= most * len(raw)
    assert (block.text, block.raw) == (searchable(raw), raw)
