"""The configuration is read once, and every problem is told with its line."""

import platformdirs
import pytest

from console.config import Config, lines_of, load_config, parse_config, state_folder
from runner.errors import SettingsError, UsageError

WHOLE = """\
default-profile = "balrog"
theme = "light"

[profile.balrog]
root-url = "https://tc.example.org/"

[profile.here]
root-url = "http://localhost:8080"

[keymap]
refresh = "f5"
table.filter = "ctrl+f"
"""


def problems_of(text):
    with pytest.raises(SettingsError) as caught:
        parse_config(text)
    return caught.value.problems


def test_a_whole_configuration_is_read():
    config = parse_config(WHOLE)
    assert config.root_urls == {"balrog": "https://tc.example.org", "here": "http://localhost:8080"}
    assert config.default_profile == "balrog"
    assert config.theme == "light"
    assert config.keymap == {"refresh": "f5", "table.filter": "ctrl+f"}
    assert config.root_url("here") == "http://localhost:8080"
    assert config.where("keymap.refresh") == "config.toml line 11"
    assert config.where("keymap.absent") == "config.toml"


def test_no_file_is_the_defaults(tmp_path):
    assert load_config(tmp_path / "config.toml") == Config()


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xff")
    with pytest.raises(UsageError, match="cannot be read"):
        load_config(path)


def test_every_problem_is_told_at_once_with_its_line():
    assert problems_of('teme = "dark"\ntheme = "mauve"\n[profile.a]\nroot_url = 1\n[keymap]\nquit = 5\n') == (
        "config.toml line 1: `teme` is not known; did you mean `theme`?",
        "config.toml line 4: `profile.a.root_url` is not known; did you mean `root-url`?",
        (
            "config.toml line 3: `profile.a` needs a root URL: '' is not a root URL. "
            "Write it as https://firefox-ci-tc.services.mozilla.com."
        ),
        "config.toml line 2: `theme` is 'mauve', and must be one of dark, light, high-contrast",
        'config.toml line 6: `keymap.quit` must be a key, such as "f5" or "ctrl+r"',
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("theme = ", "config.toml: Invalid value"),
        ('[profile.a]\nroot-url = "http://tc.example.org"', "line 2: `profile.a.root-url` needs a root URL"),
        ('default-profile = "b"', "line 1: `default-profile` is 'b', and there is no [profile.b]"),
        ("profile = 1", "line 1: `profile` must be tables with a name"),
        ("[profile]\na = 1", "line 2: `profile.a` must be a table"),
        ("keymap = 1", "line 1: `keymap` must be a table"),
        ("nonsense = 1", "line 1: `nonsense` is not known; there are default-profile"),
    ],
)
def test_a_problem_names_its_place(text, problem):
    assert problem in problems_of(text)[0]


def test_a_profile_that_is_not_there_says_which_are():
    with pytest.raises(UsageError, match=r"no profile `x`; config\.toml has balrog, here"):
        parse_config(WHOLE).root_url("x")


def test_lines_are_found_whatever_quotes_the_keys_have():
    assert lines_of('[ "keymap" ]\n"table.filter" = "x"\n# quit = 1\n') == {
        "keymap": 1,
        "keymap.table.filter": 2,
    }


def test_the_state_folder_is_the_users_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(platformdirs, "user_state_path", lambda _name: tmp_path / "state" / "lading")
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "lading").mkdir(mode=0o755)
    assert state_folder().stat().st_mode & 0o777 == 0o700
