"""How the shell looks, in each theme and size; `pytest --snapshot-update` accepts a change."""

import subprocess

import pytest

from console.config import Config
from runner.errors import Refused
from tests.support.screens import console, settled

IMAGES = """\
[image.balrog]
repository = "mozilla/balrog"
secret = "repo:github.com/mozilla/balrog:dockerhub"

[image.agent]
repository = "mozilla/balrogagent"
secret = "repo:github.com/mozilla/balrog:dockerhub"
dockerfile = "/agent/Dockerfile"
"""


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    (tmp_path / "lading.toml").write_text(IMAGES)
    # With a remote its path, another in each run, is in no picture.
    for words in (["init", "--quiet"], ["remote", "add", "origin", "https://github.com/mozilla/balrog"]):
        subprocess.run(["git", "-C", tmp_path, *words], check=True)
    return tmp_path


@pytest.mark.parametrize("theme", ["dark", "light", "high-contrast"])
def test_an_error_in_each_theme(snap_compare, checkout, theme):
    error = Refused(
        "403 from auth.", cause="The scope `auth:list-roles` is missing.", action="Sign in again."
    )
    app = console(checkout, config=Config(theme=theme), fails=error, read_only=True)
    assert snap_compare(app, terminal_size=(80, 24), run_before=settled)


def test_without_colour_in_a_wide_terminal(snap_compare, checkout, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(console(checkout), terminal_size=(120, 40), run_before=settled)


def test_help_in_a_small_terminal(snap_compare, checkout):
    async def ask(pilot):
        await settled(pilot)
        await pilot.press("question_mark")
        await settled(pilot)

    assert snap_compare(console(checkout), terminal_size=(60, 16), run_before=ask)
