"""Which screens there are, and their numbers; a screen's module is imported when it is first shown."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from console.screens.screen import ConsoleScreen


class Entry(NamedTuple):
    """One numbered screen.

    Args:
        number: the key that shows it.
        name: how it is called in the palette (`:secrets`) and in ids of bindings.
        title: how it is called on the screen.
        about: one line for help and palette.
        place: `module:Class`.
    """

    number: int
    name: str
    title: str
    about: str
    place: str

    def load(self) -> type[ConsoleScreen]:
        """The screen's class."""
        module, _, name = self.place.partition(":")
        found: type[ConsoleScreen] = getattr(importlib.import_module(module), name)
        return found


# 1 Overview, 2 Secrets, 3 Access, 4 Builds, 5 Log, 6 Artifacts, 7 Audit.
SCREENS: Final = (
    Entry(1, "overview", "Overview", "what this repository publishes", "console.screens.overview:Overview"),
    Entry(
        2,
        "secrets",
        "Secrets",
        "set and rotate what builds log in with",
        "console.screens.secret_list:Secrets",
    ),
    Entry(3, "access", "Access", "who may do what, and why", "console.screens.access:Access"),
    Entry(4, "builds", "Builds", "start, watch and end builds", "console.screens.builds:Builds"),
    Entry(5, "log", "Log", "what a build says", "console.screens.log:TaskLog"),
    Entry(6, "artifacts", "Artifacts", "what a build left behind", "console.screens.artifacts:Artifacts"),
    Entry(
        7, "audit", "Audit", "who changed secrets and roles and pushed what", "console.screens.audit:Audit"
    ),
)


def every_screen() -> list[type[ConsoleScreen]]:
    """The classes of all screens, those too that others open; it imports all of them."""
    from console import screens
    from console.screens.screen import ConsoleScreen

    modules = [
        importlib.import_module(f"{screens.__name__}.{found.name}")
        for found in pkgutil.iter_modules(screens.__path__)
    ]
    return [
        found
        for module in modules
        for found in vars(module).values()
        if inspect.isclass(found) and issubclass(found, ConsoleScreen) and found.__module__ == module.__name__
    ]
