"""Which keys do what here, as they are bound now: nothing of this page is written by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from console.widgets.content import line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import App, ComposeResult
    from textual.binding import BindingType
    from textual.screen import Screen


class HelpLine(NamedTuple):
    """One action.

    Args:
        scope: where it is bound: a widget's or screen's class, or "Everywhere".
        keys: all of them, as they are shown.
        about: what it does.
        id: what remaps it, or "".
    """

    scope: str
    keys: str
    about: str
    id: str


def help_lines(app: App[int], screen: Screen[object]) -> list[HelpLine]:
    """What can be done on a screen now, the nearest first."""
    found: dict[tuple[object, str, str], tuple[str, list[str], str, str]] = {}
    for node, binding, _, tooltip in screen.active_bindings.values():
        if not binding.description:
            continue
        scope = "Everywhere" if node is app else _words(type(node).__name__)
        place = (node, binding.action, binding.id or binding.description)
        about = tooltip or binding.description
        keys = found.setdefault(place, (scope, [], about, binding.id or ""))[1]
        keys.append(app.get_key_display(binding))
    lines = [HelpLine(scope, " ".join(keys), about, name) for scope, keys, about, name in found.values()]
    # What is Textual's own comes last: everybody knows an arrow key.
    scopes = list(dict.fromkeys(row.scope for row in lines if row.id))
    scopes += [row.scope for row in lines if row.scope not in scopes]
    return sorted(lines, key=lambda row: (scopes.index(row.scope), not row.id))


def _words(name: str) -> str:
    return "".join(
        f" {letter.lower()}" if letter.isupper() and at else letter for at, letter in enumerate(name)
    )


class Help(ModalScreen[None]):
    """The keys of the screen that it was asked on."""

    DEFAULT_CSS = """
    Help { align: center middle; }
    Help > VerticalScroll {
        width: 78; max-width: 100%; height: auto; max-height: 100%; padding: 0 1;
        border: round $primary; background: $surface;
    }
    Help Static { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,f1,q", "close", "Close", id="help.close"),
        Binding("j", "scroll('down')", "Down", show=False, id="help.down"),
        Binding("k", "scroll('up')", "Up", show=False, id="help.up"),
    ]

    def __init__(self, lines: Sequence[HelpLine], config: str) -> None:
        super().__init__()
        self._lines = lines
        self._config = config

    def compose(self) -> ComposeResult:
        """A block for each scope."""
        with VerticalScroll() as scroll:
            scroll.border_title = "Help"
            yield Static(Content("\n").join(self._drawn()), markup=False)

    def _drawn(self) -> list[Content]:
        drawn: list[Content] = []
        scope = ""
        for row in self._lines:
            if row.scope != scope:
                scope = row.scope
                drawn.append(line(scope, "strong"))
            keys = line(f"  {row.keys:<12} ")
            drawn.append(Content.assemble(keys, line(f"{row.id:<16} ", "quiet"), line(row.about)))
        drawn.append(line(""))
        drawn.append(line(f'Other keys: [keymap] in {self._config}, as quit = "f10".', "quiet"))
        return drawn

    def action_close(self) -> None:
        """Go back."""
        self.dismiss()

    def action_scroll(self, where: str) -> None:
        """Move by a line."""
        scroll = self.query_one(VerticalScroll)
        (scroll.scroll_down if where == "down" else scroll.scroll_up)(animate=False)
