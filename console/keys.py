"""Which keys the user may remap, and what is wrong with a keymap."""

from __future__ import annotations

import difflib
import inspect
import sys
from typing import TYPE_CHECKING, Any, Final

from textual.binding import Binding
from textual.dom import DOMNode
from textual.keys import Keys
from textual.screen import ModalScreen, Screen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from textual.binding import BindingType

    from console.config import Config

# A terminal sends the same for these as for other keys.
_TAKEN: Final = {"ctrl+m": "enter", "ctrl+j": "enter", "ctrl+i": "tab", "ctrl+h": "backspace"}
_MODIFIERS: Final = frozenset({"ctrl", "shift", "alt", "super", "hyper", "meta"})
_NAMED: Final = frozenset(key.value for key in Keys)


def scopes_of(screens: Iterable[type[Screen[Any]]], everywhere: Sequence[BindingType]) -> list[list[Binding]]:
    """The bindings that can be active at the same time: a screen's, its widgets' and everywhere's; or a dialog's.

    Args:
        screens: the classes of the screens; widgets and dialogs are those that their modules name.
        everywhere: the application's bindings.
    """
    shared = _bindings(everywhere)
    scopes: list[list[Binding]] = []
    for screen in screens:
        scope = shared + _of_class(screen)
        named = vars(sys.modules[screen.__module__]).values()
        for found in {found for found in named if inspect.isclass(found) and issubclass(found, DOMNode)}:
            if issubclass(found, ModalScreen):
                scopes.append(_of_class(found))
            elif not issubclass(found, Screen):
                scope += _of_class(found)
        scopes.append(scope)
    return scopes


def _of_class(node: type[DOMNode]) -> list[Binding]:
    return [binding for base in node.__mro__ for binding in _bindings(vars(base).get("BINDINGS", ()))]


def _bindings(bindings: Iterable[BindingType]) -> list[Binding]:
    """One for each key."""
    return [binding for binding in Binding.make_bindings(bindings) if binding.id]


def keymap_problems(config: Config, scopes: Iterable[Sequence[Binding]]) -> list[str]:
    """What is wrong with the user's keymap, each with its line.

    Args:
        config: with the keymap.
        scopes: see `scopes_of`.
    """
    keys: dict[str, set[str]] = {}
    together: list[set[str]] = []
    for scope in scopes:
        for binding in scope:
            keys.setdefault(str(binding.id), set()).add(binding.key)
        together.append({str(binding.id) for binding in scope})
    problems: list[str] = []
    for name, text in config.keymap.items():
        where = config.where(f"keymap.{name}")
        if name not in keys:
            near = difflib.get_close_matches(name, keys, n=1)
            advice = f"did you mean `{near[0]}`?" if near else "`?` in the console lists them"
            problems.append(f"{where}: there is no action `{name}`; {advice}")
            continue
        keys[name] = {binding.key for binding in Binding.make_bindings([Binding(text, "none")])}
        problems += [f"{where}: {problem}" for problem in map(_key_problem, sorted(keys[name])) if problem]
    return list(dict.fromkeys([*problems, *_conflicts(config, keys, together)]))


def _conflicts(config: Config, keys: Mapping[str, set[str]], together: Iterable[set[str]]) -> Iterator[str]:
    """Two actions at the same time by one key, of which the user has moved one."""
    for names in together:
        for name in sorted(names & set(config.keymap)):
            for other in sorted(names - {name}):
                for key in sorted(keys[name] & keys[other]):
                    where = config.where(f"keymap.{name}")
                    yield f"{where}: `{key}` is both `{name}` and `{other}`; give one of them another key"


def _key_problem(key: str) -> str:
    if key in _TAKEN:
        return f"a terminal sends the same for `{key}` as for `{_TAKEN[key]}`"
    *modifiers, last = key.split("+")
    if set(modifiers) <= _MODIFIERS and (len(last) == 1 or last in _NAMED or _is_character(last)):
        return ""
    return f"`{key}` is no key; write it as `f5`, `ctrl+r`, `?` or `question_mark`"


def _is_character(name: str) -> bool:
    """Whether it is the long name of a character, as `question_mark`."""
    return any(
        binding.key == name
        for binding in Binding.make_bindings(
            [Binding(chr(code), "none") for code in range(33, 127) if chr(code) != ","]
        )
    )
