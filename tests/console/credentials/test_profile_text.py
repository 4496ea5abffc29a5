"""Profiles are written into `config.toml` without a change to anything else in it, or not at all."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.config import parse_config
from console.credentials.profile_text import check_name, with_default, with_profile, without_profile
from runner.errors import UsageError

ROOT = "https://tc.example"
WRITTEN = """\
# mine
default-profile = "work"   # the usual

[profile.work]  # at work
client-id = "old"
root-url = "https://work.example"

# keys
[keymap]
refresh = "f5"
"""


def test_the_first_profile_is_a_whole_file():
    text = with_profile("", "here", ROOT, "github/1|you/x")
    assert text == f'[profile.here]\nroot-url = "{ROOT}"\nclient-id = "github/1|you/x"\n'
    config = parse_config(with_default(text, "here"))
    assert config.root_url("here") == ROOT
    assert (config.client_ids, config.default_profile) == ({"here": "github/1|you/x"}, "here")


def test_another_profile_leaves_what_is_there_as_it_is():
    text = with_profile(WRITTEN, "here", ROOT, "me")
    assert text.startswith(WRITTEN)
    assert parse_config(text).client_ids == {"work": "old", "here": "me"}


def test_of_a_profile_that_is_there_only_its_own_keys_change():
    text = with_profile(WRITTEN, "work", ROOT, "new")
    assert text == WRITTEN.replace(
        'client-id = "old"\nroot-url = "https://work.example"', f'root-url = "{ROOT}"\nclient-id = "new"'
    )


def test_a_profile_is_removed_with_its_lines_alone():
    text = without_profile(WRITTEN, "work")
    assert text == '# mine\n\n\n# keys\n[keymap]\nrefresh = "f5"\n'


def test_the_default_is_replaced():
    text = with_default(with_profile(WRITTEN, "here", ROOT, "me"), "here")
    assert parse_config(text).default_profile == "here"
    assert text.count("default-profile") == 1


@pytest.mark.parametrize(
    "text",
    [
        'profile.here.root-url = "https://a.example"\n',
        'profile = { here = { root-url = "https://a.example" } }\n',
        '[profile]\nhere = { root-url = "https://a.example" }\n',
        '[profile.here]\nroot-url = """\nhttps://a.example"""\n',
    ],
)
def test_what_is_written_in_a_way_that_cannot_be_edited_is_left_alone(text):
    with pytest.raises(UsageError, match="nothing was changed"):
        with_profile(text, "here", ROOT, "me")


def test_a_file_that_is_no_toml_is_not_edited():
    with pytest.raises(UsageError, match="Correct it first"):
        with_profile("[", "here", ROOT, "me")


@pytest.mark.parametrize("name", ["", "a b", "a.b", "é", '"', "a\n"])
def test_a_name_needs_no_quotes(name):
    with pytest.raises(UsageError, match="is no name"):
        check_name(name)


@given(client_id=st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1))
def test_any_client_id_is_read_back_as_it_was(client_id):
    text = with_profile(WRITTEN, "here", ROOT, client_id)
    assert tomllib.loads(text)["profile"]["here"]["client-id"] == client_id
    assert tomllib.loads(without_profile(text, "here")) == tomllib.loads(WRITTEN)
