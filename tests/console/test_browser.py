"""A browser is started where there is a window for it, and never in this terminal."""

import pytest

from console.browser import browser_command, open_page


@pytest.mark.parametrize(
    ("environment", "platform", "command"),
    [
        ({"DISPLAY": ":0"}, "linux", ["xdg-open"]),
        ({"WAYLAND_DISPLAY": "w"}, "linux", ["xdg-open"]),
        ({}, "darwin", ["open"]),
        ({}, "linux", None),
        ({"BROWSER": "firefox --new-tab:chromium"}, "linux", ["firefox", "--new-tab"]),
    ],
)
def test_the_browser_is_the_users_or_the_systems(environment, platform, command):
    assert browser_command(environment, platform) == command


def test_a_page_is_one_argument_and_the_answer_says_whether_it_was_opened(tmp_path):
    assert not open_page("https://x", {"BROWSER": str(tmp_path / "absent")})
    assert open_page("https://x/?a b;c", {"BROWSER": "true"})
