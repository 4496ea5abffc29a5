"""A keymap that cannot be obeyed is refused at the start, by the line."""

import pytest
from textual.binding import Binding

from console.app import Lading
from console.config import parse_config
from console.keys import keymap_problems, scopes_of
from console.screens.table import every_screen

SCOPES = [
    [Binding("r", "reload", "Refresh", id="refresh"), Binding("q", "quit", "Quit", id="quit")],
    [Binding("escape", "no", "Cancel", id="confirm.cancel")],
]


def problems(keymap, scopes=SCOPES):
    return keymap_problems(parse_config(f"[keymap]\n{keymap}\n"), scopes)


@pytest.mark.parametrize(
    "keymap",
    [
        'refresh = "f5"',
        'refresh = "f5,ctrl+r"',
        'refresh = "?"',
        'refresh = "question_mark"',
        'refresh = "q"\nquit = "x"',
        'refresh = "escape"',
    ],
)
def test_a_keymap_that_leaves_each_key_one_meaning_is_taken(keymap):
    assert problems(keymap) == []


@pytest.mark.parametrize(
    ("keymap", "problem"),
    [
        (
            'refresh = "q"',
            "config.toml line 2: `q` is both `refresh` and `quit`; give one of them another key",
        ),
        ('refesh = "x"', "config.toml line 2: there is no action `refesh`; did you mean `refresh`?"),
        ('zzz = "x"', "config.toml line 2: there is no action `zzz`; `?` in the console lists them"),
        ('refresh = "ctrl+m"', "config.toml line 2: a terminal sends the same for `ctrl+m` as for `enter`"),
        ('refresh = "hyperspace"', "config.toml line 2: `hyperspace` is no key; write it as"),
        ('refresh = "f5,nokey"', "config.toml line 2: `nokey` is no key; write it as"),
    ],
)
def test_what_is_wrong_with_it_is_told(keymap, problem):
    found = problems(keymap)
    assert len(found) == 1
    assert found[0].startswith(problem)


def test_two_that_were_moved_onto_one_key_are_told_once_each():
    assert len(problems('refresh = "x"\nquit = "x"')) == 2


def test_as_the_console_is_its_keys_mean_one_thing_each_and_none_is_taken_by_terminals():
    scopes = scopes_of(every_screen(), Lading.BINDINGS)
    unfit = {"ctrl+s", "ctrl+b", "ctrl+a", "ctrl+j", "ctrl+m", "ctrl+i", "ctrl+h", "ctrl+z"}
    for scope in scopes:
        keys: dict[str, set[str | None]] = {}
        for binding in scope:
            assert binding.key not in unfit
            assert not binding.key.startswith("alt+")
            keys.setdefault(binding.key, set()).add(binding.id)
        # Escape first closes a filter, then goes back; everything else has one meaning.
        assert {key: ids for key, ids in keys.items() if len(ids) > 1} in (
            {},
            {"escape": {"back", "table.clear"}},
            {"escape": {"back", "log.clear"}},
        )


@pytest.mark.parametrize("name", ["task.log", "group.cancel", "trigger.create", "verify.change", "role.save"])
def test_the_keys_of_screens_that_others_open_are_remapped_too(name):
    assert problems(f'"{name}" = "f7"', scopes_of(every_screen(), Lading.BINDINGS)) == []
