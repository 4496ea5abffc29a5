"""What is missing is installed or named; the mirror is the one that the machine's own apt asks."""

import pytest

from console.sandbox import debian
from console.sandbox.debian import Machine, find_mirror, install, run
from runner.errors import Unavailable

PRINTED = """\
'http://mirror.example/security/dists/bookworm-security/InRelease' mirror_security 0
'http://mirror.example/debian/dists/bookworm/InRelease' mirror_InRelease 0
'http://mirror.example/debian/dists/bookworm-updates/InRelease' mirror_updates 0
"""


def test_the_mirror_is_read_from_what_apt_would_fetch():
    assert find_mirror(PRINTED, "bookworm") == "http://mirror.example/debian"


@pytest.mark.parametrize("suite", ["trixie", "book.orm", ""])
def test_a_suite_that_apt_does_not_know_has_no_mirror(suite):
    assert find_mirror(PRINTED, suite) is None


@pytest.fixture
def nothing_installed(monkeypatch):
    monkeypatch.setattr(debian, "find", lambda _program: None)


@pytest.mark.usefixtures("nothing_installed")
def test_an_ordinary_user_of_debian_is_told_the_command():
    with pytest.raises(Unavailable) as caught:
        install(["htpasswd", "dockerd"], Machine(apt=True, root=False, codename="bookworm"), print)
    assert "sudo apt-get install --no-install-recommends apache2-utils docker.io" in str(caught.value)


@pytest.mark.usefixtures("nothing_installed")
def test_elsewhere_the_programs_are_named():
    with pytest.raises(Unavailable) as caught:
        install(["dockerd"], Machine(apt=False, root=True, codename=""), print)
    assert "Missing here: dockerd." in str(caught.value)


def test_nothing_is_installed_where_nothing_is_missing():
    said: list[str] = []
    install(["sh", "ls"], Machine(apt=True, root=True, codename="bookworm"), said.append)
    assert said == []


def test_a_failed_program_tells_the_end_of_its_output():
    with pytest.raises(Unavailable) as caught:
        run("env", "A=1", "sh", "-c", "echo first; echo why >&2; exit 3")
    assert str(caught.value) == "sh failed with status 3:\nfirst\nwhy"
