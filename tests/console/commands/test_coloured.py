"""Whatever a log has in it, a terminal gets text and colours."""

import re

from hypothesis import given
from hypothesis import strategies as st

from console.commands.coloured import coloured

OWN = re.compile(r"\x1b\[[0-9;]+m")
HOSTILE = st.from_regex(r"(?:\x1b\[[0-9;:]{0,12}m|\x1b[\]P][0-9;x]{0,3}|\x9b|\x07|x){0,9}", fullmatch=True)


@given(st.one_of(st.text(max_size=40), HOSTILE))
def test_nothing_but_colours_that_end_with_the_line_reaches_the_terminal(line):
    shown = coloured(line, in_colour=True)
    assert OWN.sub("", shown) == coloured(line, in_colour=False)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", OWN.sub("", shown))
    sequences = OWN.findall(shown)
    assert sequences[1::2] == ["\x1b[0m"] * (len(sequences) // 2)
