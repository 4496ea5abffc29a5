"""A terminal without UTF-8 is shown what it can show, in commands and on screens."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from console.plain_terminal import fit, plain
from console.widgets.content import GLYPHS
from tests.support.terminal import Terminal


class Stream(io.TextIOWrapper):
    """A stream with an encoding, on a terminal or not."""

    def __init__(self, encoding, *, is_terminal=True):
        self.bytes = io.BytesIO()
        self._is_terminal = is_terminal
        super().__init__(self.bytes, encoding=encoding)

    def isatty(self):
        return self._is_terminal

    def written(self, text):
        self.write(text)
        self.flush()
        return self.bytes.getvalue()


def test_each_glyph_has_its_own_sign():
    assert plain("".join(GLYPHS.values())) == "+!x."
    assert plain("└ ━━ ▸ → … ⏎ 漢e\u0301\u202ex😀") == "` == > > . ~ ??ex??"


@given(
    st.text(
        alphabet=st.characters(
            exclude_categories=["Cc", "Cf", "Cs", "Co", "Cn", "Mn", "Me", "Mc", "Lm", "Zl", "Zp"]
        )
    )
)
def test_what_is_replaced_is_ascii(text):
    found = plain(text)
    assert found.isascii()
    assert plain(found) == found


@pytest.mark.parametrize("text", ["✓✗·…━▸└→▼⏎␛•●", "─│┌┐╭╯█▀▄▌▐▊▎▁▔▇", "漢字 né"])
def test_it_takes_as_much_room(text):
    assert len(plain(text)) == cell_len(text)


@pytest.mark.parametrize(
    ("encoding", "locale", "guessed", "written"),
    [
        ("utf-8", {"LANG": "C"}, True, b"+ ??"),
        ("utf-8", {"LC_ALL": "POSIX", "LANG": "en_US.UTF-8"}, True, b"+ ??"),
        ("utf-8", {"LANG": "de_DE.ISO-8859-1@euro", "LC_CTYPE": "C.UTF-8"}, True, b"+ ??"),
        ("utf-8", {}, True, "✓ 漢".encode()),
        ("utf-8", {"LANG": "en_US.UTF-8"}, True, "✓ 漢".encode()),
        ("utf-8", {"LANG": "C"}, False, "✓ 漢".encode()),
        ("latin-1", {"LANG": "de_DE"}, False, b"+ ??"),
        ("ascii", {"LANG": "de_DE"}, False, b"+ ??"),
    ],
)
def test_the_locale_decides(encoding, locale, guessed, written):
    stream = Stream(encoding)
    fit(stream, locale, guessed=guessed)
    assert stream.written("✓ 漢") == written


def test_data_for_a_pipe_keeps_its_characters_and_what_the_encoding_has_is_kept():
    pipe = Stream("utf-8", is_terminal=False)
    fit(pipe, {"LANG": "C"}, guessed=True)
    assert pipe.written("✓") == "✓".encode()
    latin = Stream("latin-1")
    fit(latin, {}, guessed=False)
    assert latin.written("né ✓ \ud800") == b"n\xe9 + ?"
    fit(io.StringIO(), {}, guessed=True)


@pytest.mark.parametrize("locale", [{"LANG": "C"}, {"LC_ALL": "C"}, {"LANG": "C.UTF-8"}])
def test_screens_and_commands_draw_what_the_terminal_has(tmp_path, locale):
    variables = {"HOME": str(tmp_path), "LANG": "", **locale}
    is_plain = "C.UTF-8" not in locale.values()
    cross = "x" if is_plain else "✗"
    with Terminal(environment=variables, folder=tmp_path) as terminal:
        terminal.until(f"{cross} No Taskcluster is named")
        terminal.send("q")
        assert terminal.wait() == 0
        assert terminal.raw.isascii() == is_plain
    with Terminal("--read-only", "verify", environment=variables, folder=tmp_path) as terminal:
        assert terminal.wait() == 2
    assert f"`lading verify {'.' if is_plain else '…'}`" in terminal.text
