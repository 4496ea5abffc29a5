"""The shared widgets, by their keys."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App
from textual.events import AppBlur, Paste
from textual.widgets import Button, Input

from console.config import THEMES as NAMED
from console.themes import THEMES
from console.widgets import filter_table
from console.widgets.confirm import Confirm
from console.widgets.content import line, lines
from console.widgets.diff_view import DiffLine, DiffView
from console.widgets.error_panel import ErrorPanel
from console.widgets.filter_table import Cell, Column, FilterTable, Row
from console.widgets.masked_value import MASK, MaskedValue
from console.widgets.secret_input import SecretInput
from runner.errors import Refused
from runner.masking import Masked
from runner.narration import UNPRINTABLE
from tests.support.screens import SIZE, Clock, drawn, until

HOSTILE = "\x1b[2J[bold]x[/b]\u202e\u200b\x9b"


class Stage(App[None]):
    """Shows the test's widgets, and remembers what they say."""

    def __init__(self, *widgets):
        super().__init__()
        self.widgets = widgets
        self.toasts = []
        self.said = []
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = "dark"

    def compose(self):
        yield from self.widgets

    def notify(self, message, **_):
        self.toasts.append(message)

    def on_filter_table_opened(self, event):
        self.said.append(("opened", event.key))

    def on_filter_table_moved(self, event):
        self.said.append(("moved", event.key))

    def on_secret_input_several_lines(self, event):
        self.said.append(("lines", event.count))


def rows(count):
    return [Row(f"k{number}", (f"name {number}", Cell("✓ ok", "good"))) for number in range(count)]


async def test_a_table_is_filtered_moved_in_and_opened_by_keys():
    table = FilterTable(Column("name"), Column("state", 8), empty="No secret.")
    app = Stage(table)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        assert "No secret." in drawn(app)
        table.show(rows(30))
        table.focus()
        await pilot.pause()
        assert table.selected == "k0"
        await pilot.press("j", "j", "k", "G")
        assert table.selected == "k29"
        await pilot.press("g", "j", "enter")
        assert app.said[-1] == ("opened", "k1")
        await pilot.press("slash", *"2 name")
        await pilot.pause()
        assert table.filtered
        assert "12 of 30" in drawn(app)
        await pilot.press("enter", "j")
        assert table.selected == "k12"
        table.update_row(Row("k12", ("name 12", Cell("✗ gone", "bad"))))
        await pilot.pause()
        assert "✗ gone" in drawn(app)
        await pilot.press("escape")
        await pilot.pause()
        # The cursor stays on its row when the others come back, and when rows come before it.
        assert (table.filtered, table.selected) == (False, "k12")
        table.show([Row("new", ("new", "")), *rows(20)])
        assert table.selected == "k12"
        table.show([])
        await pilot.pause()
        assert table.selected is None


async def test_many_rows_are_all_there_and_are_looked_through_slice_by_slice(monkeypatch):
    monkeypatch.setattr(filter_table, "_SLICE", 7)
    # The test itself says when the next slice is looked at.
    monkeypatch.setattr(filter_table, "_SOON_SECONDS", 3600)
    table = FilterTable(Column("name"), Column("state"))
    app = Stage(table)
    async with app.run_test(size=SIZE) as pilot:
        table.show(rows(45))
        table.focus()
        await pilot.press("G")
        assert table.selected == "k44"
        assert "name 44" in drawn(app)
        table.query_one(Input).value = "gone"
        await pilot.pause()
        assert "name 44" in drawn(app)
        # What comes or changes meanwhile is not missed.
        table.update_rows([Row(f"k{number}", ("gone", "")) for number in (3, 44, 45)])
        for _ in range(2 * 7):
            table._look()
        await pilot.pause()
        assert "3 of 46" in drawn(app)
        assert [table.selected, app.said[-1]] == ["k44", ("moved", "k44")]
        table.update_rows([Row("k44", ("back", "")), Row("k46", ("gone", ""))])
        for _ in range(7):
            table._look()
        await pilot.pause()
        assert "3 of 47" in drawn(app)
        assert "back" not in drawn(app)
        assert table.selected == "k45"
        table.action_clear_filter()
        await pilot.pause()
        assert "back" in drawn(app)
        table.show(rows(2))
        await pilot.pause()
        assert drawn(app).split() == ["name", "state", "name", "0", "✓", "ok", "name", "1", "✓", "ok"]


async def test_a_row_is_opened_by_a_click_on_the_cursor_and_long_cells_are_scrolled_to():
    table = FilterTable(Column("name"), Column("state", 3))
    app = Stage(table)
    async with app.run_test(size=(20, 6)) as pilot:
        table.show([Row(name, (name * 20, "a state")) for name in "abcdefgh"])
        table.focus()
        await pilot.pause()
        assert "state" not in drawn(app)
        await pilot.press(*["right"] * 30)
        await until(pilot, lambda: "a …" in drawn(app))
        for said in (("moved", "c"), ("opened", "c")):
            await pilot.click("RowView", offset=(2, 3))
            await pilot.pause()
            assert app.said[-1] == said
        await pilot.press("ctrl+d")
        assert table.selected == "g"
        await pilot.click("RowView", offset=(2, 0))
        assert table.selected == "g"


async def test_cells_hold_any_text_and_read_no_markup():
    table = FilterTable(Column("name"), Column("state"))
    app = Stage(table)
    async with app.run_test(size=SIZE) as pilot:
        table.show([Row(HOSTILE, (HOSTILE, Cell(HOSTILE, "bad")))])
        table.update_row(Row(HOSTILE, (f"[/]{HOSTILE}", "")))
        await pilot.pause()
        assert "[/]\\x1b[2J[bold]x[/b]\\u202e\\u200b\\x9b" in drawn(app)


async def test_a_value_is_masked_again_after_30_seconds_and_when_it_is_left():
    clock = Clock()
    value = MaskedValue("token", Masked("hunter2"), clock)
    app = Stage(value, MaskedValue("empty", Masked(""), clock), Button("other"))
    async with app.run_test(size=SIZE) as pilot:
        value.focus()
        await pilot.pause()
        assert f"token  {MASK}" in drawn(app)
        assert "(empty)" in drawn(app)
        await pilot.press("v")
        await pilot.pause()
        assert "hunter2  (30 s)" in drawn(app)
        clock.pass_(seconds=29)
        value.tick()
        await pilot.pause()
        assert "hunter2  (1 s)" in drawn(app)
        clock.pass_(seconds=1)
        value.tick()
        await pilot.pause()
        assert "hunter2" not in drawn(app)
        for keys in (["v", "v"], ["v", "tab"]):
            await pilot.press(*keys)
            await pilot.pause()
            assert "hunter2" not in drawn(app)
        await pilot.press("shift+tab", "v")
        assert value.revealed
        # The window is left.
        app.post_message(AppBlur())
        await pilot.pause()
        assert "hunter2" not in drawn(app)
        # What can be selected can be copied.
        assert not value.allow_select


async def test_a_secret_cannot_be_copied_out_of_its_field_and_is_gone_once_taken():
    field = SecretInput("token")
    app = Stage(field)
    async with app.run_test(size=SIZE) as pilot:
        field.focus()
        await pilot.press(*"hunter2", "home", "shift+end", "ctrl+c", "ctrl+x")
        assert app.clipboard == ""
        assert app.toasts == ["A secret is not copied."] * 2
        assert "hunter2" not in drawn(app)
        assert field.take() == Masked("hunter2")
        assert field.value == ""
        await pilot.press("ctrl+z", "x")
        field.forget()
        assert field.value == ""


@pytest.mark.parametrize(
    ("pasted", "value", "said"),
    [
        ("abc", "abc", []),
        ("abc\n", "abc", []),
        ("abc\r\n", "abc", []),
        ("", "", []),
        ('{"auths":{\n"x"}}', "", [("lines", 2)]),
        ("\nabc", "", [("lines", 2)]),
        ("a\u2028b", "", [("lines", 2)]),
        ("abc\n\n", "", [("lines", 2)]),
    ],
)
async def test_half_a_secret_is_never_taken(pasted, value, said):
    field = SecretInput()
    app = Stage(field)
    async with app.run_test(size=SIZE) as pilot:
        field.focus()
        field.post_message(Paste(pasted))
        await pilot.pause()
        assert (field.value, app.said) == (value, said)
        assert len(app.toasts) == len(said)


async def test_a_dialog_starts_at_cancel_and_wants_the_name_typed():
    answers: list[bool | None] = []
    app = Stage()
    async with app.run_test(size=SIZE) as pilot:
        for keys in (["enter"], ["escape"], ["n"], ["tab", "enter"], ["right", "enter"], ["y"]):
            app.push_screen(Confirm("Delete?", HOSTILE, verb="Delete"), answers.append)
            await pilot.pause()
            await pilot.press(*keys)
            await pilot.pause()
        assert answers == [False, False, False, True, True, True]
        app.push_screen(
            Confirm("Delete `repo:x`?", "Builds fail.", verb="Delete", typed="ab"), answers.append
        )
        await pilot.pause()
        await pilot.press("a", "enter")
        assert isinstance(app.screen, Confirm)
        assert app.screen.query_one("#go", Button).disabled
        app.screen.query_one("#cancel").focus()
        await pilot.press("y")
        assert isinstance(app.screen, Confirm)
        app.screen.query_one("#typed").focus()
        await pilot.press("end", "b", "enter")
        await pilot.pause()
        assert answers == [False, False, False, True, True, True, True]


async def test_an_error_and_a_diff_show_any_text_and_obey_none():
    panel, diff, field = ErrorPanel(), DiffView([DiffLine("+", HOSTILE), DiffLine("-", "gone")]), Input()
    app = Stage(panel, diff, field)
    async with app.run_test(size=SIZE) as pilot:
        panel.show(Refused(HOSTILE, cause="because", action="do this"), "r tries again")
        await pilot.pause()
        shown = drawn(app)
        assert "✗ \\x1b[2J[bold]x[/b]" in shown
        assert "→ do this" in shown
        assert "+ \\x1b[2J[bold]x" in shown
        assert "- gone" in shown
        panel.show(KeyError("hunter2"))
        diff.show([])
        await pilot.pause()
        assert "Internal error: KeyError" in drawn(app)
        assert "hunter2" not in drawn(app)
        assert "Nothing changes." in drawn(app)
        panel.clear()
        await pilot.pause()
        assert "Internal error" not in drawn(app)
    assert line("a\nb").plain == "a⏎b"
    assert lines("a\nb").plain == "a\nb"


@given(st.text(alphabet=st.characters(codec=None), max_size=40))
def test_any_text_is_content_and_drives_no_terminal(text):
    for content in (line(text, "bad"), lines(text)):
        assert not re.search(UNPRINTABLE, content.plain.replace("\n", ""))
        for part in content.wrap(20):
            assert not re.search(UNPRINTABLE, part.plain)


def test_the_themes_are_those_that_the_configuration_names():
    assert tuple(theme.name for theme in THEMES) == NAMED
