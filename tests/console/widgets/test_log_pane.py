"""A log on the screen: it follows, is searched while it grows, and nothing in it reaches the terminal raw."""

import pytest
from textual.app import App

from console.widgets.log_paint import LONGEST
from console.widgets.log_pane import LogPane
from tests.support.screens import drawn

SIZE = (60, 12)


class Stage(App[None]):
    """A log alone."""

    copied = ""

    def compose(self):
        """The pane."""
        self.pane = LogPane()
        yield self.pane

    def on_mount(self):
        """Keys go to it."""
        self.pane.focus()

    def copy_to_clipboard(self, text):
        """Keep it."""
        self.copied = text


@pytest.fixture
def stage():
    return Stage()


async def until(pilot, condition):
    for _ in range(3000):
        await pilot.pause(0.01)
        if condition():
            await pilot.pause()
            return
    raise AssertionError(drawn(pilot.app))


async def shows(pilot, *words):
    await until(pilot, lambda: all(word in drawn(pilot.app) for word in words))


def numbered(first, last):
    return b"".join(b"line %d\n" % number for number in range(first, last))


async def test_the_end_stays_in_view_above_the_bar_that_a_long_line_brings(stage):
    async with stage.run_test(size=SIZE) as pilot:
        stage.pane.view.feed(numbered(0, 100) + b"x" * 200 + b"\nthe end\n")
        await shows(pilot, "the end", "follows")
        assert stage.pane.view.show_horizontal_scrollbar


async def test_lines_without_colours_of_their_own_have_those_of_the_theme(stage):
    async with stage.run_test(size=SIZE) as pilot:
        stage.pane.view.feed(b"plain\n\x1b[31mred\x1b[0m\n")
        await shows(pilot, "plain", "red")
        view = stage.pane.view
        for row in (0, 1):
            backgrounds = {segment.style.bgcolor for segment in view.render_line(row) if segment.style}
            assert backgrounds == {view.rich_style.bgcolor}
        assert all(segment.style for segment in view.render_line(0))


async def test_it_follows_the_end_until_somebody_scrolls_up_and_again_at_the_end(stage):
    async with stage.run_test(size=SIZE) as pilot:
        stage.pane.view.feed(numbered(0, 100))
        await shows(pilot, "line 99", "100 lines", "follows")
        await pilot.press("k")
        await shows(pilot, "line 98")
        assert not stage.pane.view.follows
        stage.pane.view.feed(numbered(100, 150))
        await shows(pilot, "50 new lines", "150 lines")
        assert "line 149" not in drawn(stage)
        await pilot.press("f")
        await shows(pilot, "line 149", "follows")
        await pilot.press("ctrl+u", "ctrl+d", "ctrl+d")
        await shows(pilot, "line 149", "follows")
        await pilot.press("g")
        await shows(pilot, "line 0")
        await pilot.press("G")
        stage.pane.view.feed(numbered(150, 160))
        await shows(pilot, "line 159")


async def test_a_text_is_found_next_and_before_and_alone_also_in_lines_that_come_later(stage):
    async with stage.run_test(size=SIZE) as pilot:
        pane = stage.pane
        pane.view.feed(b"".join(b"word %d\nother\n" % number for number in range(500)))
        await shows(pilot, "1,000 lines")
        await pilot.press("g", "slash")
        pane.query_one("Input").value = "word 49"
        await shows(pilot, "11 have 'word 49'", "this is 1")
        await pilot.press("enter", "n")
        await shows(pilot, "word 490", "this is 2")
        await pilot.press("N", "N")
        await shows(pilot, "word 499", "this is 11")
        await pilot.press("ampersand")
        await shows(pilot, "word 49 ".rstrip(), "word 490", "shown alone")
        assert "other" not in drawn(stage)
        pane.view.feed(b"word 49 once more\nother\n")
        await shows(pilot, "12 have", "1,002 lines")
        await pilot.press("f")
        await shows(pilot, "once more")
        await pilot.press("escape")
        await shows(pilot, "other", "follows")
        assert pane.view.hits is None


async def test_a_coloured_log_is_made_searchable_before_anybody_searches(stage):
    async with stage.run_test(size=SIZE) as pilot:
        store = stage.pane.view.store
        stage.pane.view.feed(b"\x1b[31mred\x1b[0m and plain\n" * 60_000)
        assert len(store._blocks) > 8
        assert store._prepared == 0
        await until(pilot, lambda: store._prepared == len(store._blocks))


async def test_the_first_error_is_gone_to_or_said_not_to_be_there(stage):
    async with stage.run_test(size=SIZE, notifications=True) as pilot:
        stage.pane.view.feed(numbered(0, 300))
        await pilot.press("F")
        await shows(pilot, "No line looks like")
        stage.pane.view.feed(b"fatal: no such thing\n" + numbered(301, 600))
        await pilot.press("F")
        await shows(pilot, "fatal: no such thing", "line 301")


async def test_a_long_line_is_bounded_on_the_screen_folded_at_its_edge_and_gone_through_row_by_row(stage):
    async with stage.run_test(size=SIZE) as pilot:
        view = stage.pane.view
        long = "".join(f"<{number:04}>" for number in range(3000))
        view.feed(f"first\n{long}\nlast\n".encode())
        await shows(pilot, "last")
        await pilot.press("w")
        await shows(pilot, "more characters", "last")
        assert f"{len(long) - LONGEST:,} more" in drawn(stage)
        assert view.readable(1) == long
        await pilot.press("g")
        await shows(pilot, "first", "<0000>", "<0080>")
        seen = set()
        for _ in range(40):
            seen |= set("".join(row[: SIZE[0] - 1] for row in drawn(stage).splitlines()[:-1]).split("<"))
            await pilot.press("ctrl+d")
        assert {f"{number:04}>" for number in range(1, 1500)} <= seen
        await shows(pilot, "last", "follows")
        await pilot.press("k")
        assert not view.follows
        await pilot.press("g", "w", "j", "right")
        await shows(pilot, "<0001>")


async def test_what_is_found_among_folded_lines_is_on_the_screen_and_no_more_is_copied(stage):
    async with stage.run_test(size=SIZE, notifications=True) as pilot:
        view = stage.pane.view
        for number in range(20):
            view.feed(b"".join(b"<%04d>" % at for at in range(150)) + b" line %d.\n" % number)
        await pilot.press("w", "slash")
        stage.pane.query_one("Input").value = "line 9."
        await shows(pilot, "1 have 'line 9.'", "this is 1")
        await pilot.press("enter")
        # The screen has ten rows, and each line takes sixteen.
        assert view.rows_shown == range(8, 10)
        assert "<0000>" in drawn(stage)
        await pilot.press("c")
        assert [line.rpartition(" ")[2] for line in stage.copied.splitlines()] == ["8.", "9."]
        await pilot.press("ctrl+d", "ctrl+d")
        await shows(pilot, "line 9.")


async def test_numbers_and_copies_are_of_the_lines_that_are_shown(stage):
    async with stage.run_test(size=SIZE, notifications=True) as pilot:
        stage.pane.view.feed(b"\x1b[31mred\x1b[0m one\n" + numbered(1, 1200))
        await pilot.press("number_sign", "c")
        await shows(pilot, "1,200 line 1199")
        assert stage.copied.endswith("line 1198\nline 1199")
        await pilot.press("g", "c")
        await shows(pilot, "    1 red one")
        assert stage.copied.startswith("red one\nline 1\n")
        await pilot.mouse_down(stage.pane.view, offset=(6, 0))
        await pilot.mouse_up(stage.pane.view, offset=(8, 0))
        assert stage.screen.get_selected_text() == "red"


async def test_hostile_text_is_drawn_without_what_a_terminal_obeys(stage):
    hostile = "\x1b]52;c;aHVudGVy\x07\x1b[8mhidden\x1b[0m[bold]\x9b2J\x1b[?1049l\u202egnp\u200b\x1bPq\x1b\\[/]\x07|漢字"
    async with stage.run_test(size=SIZE) as pilot:
        stage.pane.view.feed(f"{hostile}\nplain\n".encode() + b"\xff\xfe torn \xe6\xbc")
        await shows(pilot, "hidden[bold]", "plain", "torn", "漢字")
        assert not set("\x1b\x07\x9b\u202e\u200b") & set(drawn(stage))


async def test_a_log_that_comes_in_thousands_of_pieces_is_drawn_at_its_end(stage):
    async with stage.run_test(size=SIZE) as pilot:
        for number in range(5000):
            stage.pane.view.feed(b"line %d\nrest" % number)
        stage.pane.view.finish()
        await shows(pilot, "5,001 lines", "rest")
        stage.pane.view.clear()
        await shows(pilot, "0 lines")
        stage.pane.view.note("run 1: retry")
        await shows(pilot, "── run 1: retry")
