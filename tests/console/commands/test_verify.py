"""`lading verify` shows how far its reading is on a terminal alone, and ctrl-c ends it at once."""

import io
import signal

import pytest

from console import cli
from console.sandbox.registry.faults import Answer, Fault
from tests.support.hosted_sandbox import Terminal as TerminalStream
from tests.support.published_world import (
    NAME,
    OURS,
    STALLED,
    publish,
    published,
    stalling_registry,
    stated_in,
)
from tests.support.screenshots_builds import PUBLISHED, RUNNING, TAGGED
from tests.support.screenshots_world import screenshots_world
from tests.support.terminal import Terminal

pytestmark = pytest.mark.enable_socket

HOSTILE = "\x1b]0;owned\x07\x9b31m\u202egnp[bold]"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with screenshots_world(tmp_path_factory.mktemp("verify")) as world, published(world) as made:
        publish(world, stated_in(made.repository, STALLED, RUNNING))
        event = {"kind": "push", "branch": f"main{HOSTILE}", "tag": None}
        source = f"https://github.com/mozilla/balrog{HOSTILE}"
        publish(world, stated_in(made.repository, OURS, TAGGED, event=event, source=source))
        yield made


def environment(place):
    return {
        "TASKCLUSTER_ROOT_URL": place.world.sandbox.root_url,
        "DOCKER_CONFIG": str(place.world.folder.parent / "docker"),
    }


@pytest.mark.parametrize("stderr", [TerminalStream, io.StringIO], ids=["a terminal", "a pipe"])
def test_how_far_it_is_is_told_on_a_terminal_and_removed_again(place, stderr):
    out, err = io.StringIO(), stderr()
    words = ["verify", f"{place.image}:v3.82", "--task", PUBLISHED]
    assert cli.run(words, environment(place), out, err) == 0
    assert out.getvalue().splitlines()[-1].startswith("Verified: ")
    if err.isatty():
        assert "3 of 3 blobs whole" in err.getvalue()
        assert err.getvalue().endswith("\r\x1b[K\r")
    else:
        assert err.getvalue() == ""


def test_the_default_profile_names_the_taskcluster_where_nothing_else_does(place, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    out, err = io.StringIO(), io.StringIO()
    words = ["verify", f"{place.image}:v3.82", "--task", PUBLISHED]
    named = environment(place)
    root_url = named.pop("TASKCLUSTER_ROOT_URL")
    assert cli.run(words, named, out, err) == 2
    assert "No Taskcluster is named" in err.getvalue()
    (tmp_path / "lading").mkdir()
    (tmp_path / "lading/config.toml").write_text(
        f'default-profile = "here"\n[profile.here]\nroot-url = "{root_url}"\n'
    )
    assert cli.run(words, named, out, err) == 0
    assert f"trusts   {root_url}\n" in out.getvalue()


def test_an_attempt_that_failed_is_told_and_made_again(place):
    busy = Answer(503, headers={"Retry-After": "0"})
    place.world.registry.faults.append(Fault(busy, "manifest", "GET"))
    out, err = io.StringIO(), io.StringIO()
    words = ["verify", f"{place.image}:v3.82", "--task", PUBLISHED]
    assert cli.run(words, environment(place), out, err) == 0
    assert "Attempt 1 of 5; again in 0.0 s." in err.getvalue()


def test_nothing_that_a_statement_says_drives_the_terminal(place):
    out, err = io.StringIO(), io.StringIO()
    words = ["verify", f"{place.image}:v3.82", "--task", TAGGED, "--ref", "other"]
    assert cli.run(words, environment(place), out, err) == 6
    assert "gnp" in out.getvalue()
    assert not set("\x1b\x07\x9b\u202e") & set(out.getvalue() + err.getvalue())


@pytest.mark.parametrize("package", ["console", "runner"])
def test_ctrl_c_while_a_layer_does_not_end_ends_with_130_and_no_trace(place, package):
    program = f"import sys; from {package}.cli import main; sys.exit(main())"
    with stalling_registry() as (host, stalls, _let_go):
        words = ("verify", f"{host}/{NAME}:latest", "--task", RUNNING)
        with Terminal(*words, environment=environment(place), program=program) as terminal:
            terminal.read(lambda _: stalls.is_set())
            terminal.process.send_signal(signal.SIGINT)
            assert terminal.wait() == 130
            assert "Traceback" not in terminal.text
