"""The command palette: every action that is possible now, and every screen, by its name or alias."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from rich.markup import escape
from textual.command import DiscoveryHit, Hit, Provider

from console.screens.table import SCREENS
from console.widgets.content import line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

from textual.command import Hits


class Possible(NamedTuple):
    """Something that can be chosen."""

    name: str
    about: str
    run: Callable[[], object]


class Actions(Provider):
    """Offers what the bindings say."""

    def _possible(self) -> Iterator[Possible]:
        for entry in SCREENS:
            show = partial(self.app.run_action, f"app.show_screen('{entry.name}')")
            yield Possible(f":{entry.name}", f"{entry.title}: {entry.about}", show)
        yield Possible(":verify", "Verify: whether an image is what a task published", self._verify)
        seen: set[tuple[object, str]] = set()
        for node, binding, enabled, tooltip in self.screen.active_bindings.values():
            place = (node, binding.action)
            if place in seen or not (enabled and binding.description and binding.id):
                continue
            seen.add(place)
            if binding.action.startswith(
                ("app.show_screen", "show_screen", "move(", "app.command_palette", "command_palette")
            ):
                continue
            about = f"{self.app.get_key_display(binding)}: {tooltip or binding.description}"
            run = partial(self.app.run_action, binding.action, default_namespace=node)
            yield Possible(binding.description, about, run)
        for theme in self.app.available_themes:
            yield Possible(
                f"Theme: {theme}",
                "until the end; theme in config.toml keeps it",
                partial(setattr, self.app, "theme", theme),
            )

    def _verify(self) -> None:
        """An image is typed there."""
        from console.screens.screen import ConsoleScreen
        from console.screens.verify import Verify

        if isinstance(self.screen, ConsoleScreen):
            self.app.push_screen(Verify(self.screen.shell))

    async def discover(self) -> Hits:
        """Everything, before a word is typed."""
        for possible in self._possible():
            yield DiscoveryHit(line(possible.name), possible.run, possible.name, escape(possible.about))

    async def search(self, query: str) -> Hits:
        """What matches the words; after a colon only screens."""
        matcher = self.matcher(query)
        for possible in self._possible():
            score = matcher.match(possible.name) if possible.name[0] == ":" or query[:1] != ":" else 0
            if score > 0:
                yield Hit(
                    score,
                    matcher.highlight(possible.name),
                    possible.run,
                    possible.name,
                    escape(possible.about),
                )
