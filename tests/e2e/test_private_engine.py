"""A private engine leaves the machine as it was, however it or its owner ends."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from console.sandbox.debian import find
from console.sandbox.owned_folder import sweep
from console.sandbox.private_engine import PREFIX, cgroups_named, discard, private_engine, processes_naming
from runner.errors import Unavailable
from tests.support.engine import missing

NAMES: set[str] = set()  # of the folders that the tests have made: cgroups are called so too

pytestmark = [pytest.mark.engine]

OWNER = """
import sys, time
from pathlib import Path
from console.sandbox.private_engine import private_engine
with private_engine(Path(sys.argv[1]), {}, lambda text: None) as engine:
    print(engine.socket, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def place():
    if os.geteuid() != 0 or find("dockerd") is None:
        missing("A private engine needs root and docker.io.")
    with tempfile.TemporaryDirectory(
        prefix="t."
    ) as name:  # tmp_path may be longer than a socket's path can be
        yield Path(name).resolve()


def traces(place):
    """What a run has on the machine: files, processes, mounts, cgroups."""
    mounts = Path("/proc/self/mountinfo").read_text()
    return [
        *place.iterdir(),
        *processes_naming(place, Path("/proc")),
        *(line for line in mounts.splitlines() if str(place) in line),
        *(path for name in NAMES for path in cgroups_named(name)),
    ]


def forwarding():
    return Path("/proc/sys/net/ipv4/ip_forward").read_text()


def start(engine):
    NAMES.add(engine.socket.parent.name)
    return engine


@contextmanager
def owner_of_an_engine(place):
    """Another process that runs an engine, and the engine's folder."""
    command = (sys.executable, "-c", OWNER, str(place))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        folder = Path(owner.stdout.readline().strip()).parent
        NAMES.add(folder.name)
        yield owner, folder


def test_it_answers_leaves_forwarding_alone_and_no_trace(place):
    before = forwarding()
    with private_engine(place, {}, lambda _text: None) as engine:
        assert start(engine).answers()
        assert engine.ask("GET", "/info")["CgroupDriver"] == "cgroupfs"
    assert forwarding() == before
    assert traces(place) == []


def test_it_leaves_no_trace_after_an_error_inside(place):
    def fails():
        with private_engine(place, {}, lambda _text: None) as engine:
            start(engine)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert traces(place) == []


def test_it_leaves_no_trace_when_the_daemon_was_killed(place):
    with private_engine(place, {}, lambda _text: None) as engine:
        daemon = int((start(engine).socket.parent / "docker.pid").read_text())
        os.kill(daemon, signal.SIGKILL)
    assert traces(place) == []


def test_the_next_run_removes_what_a_killed_owner_and_a_killed_daemon_left(place):
    with owner_of_an_engine(place) as (owner, folder):
        daemon = int((folder / "docker.pid").read_text())
        owner.kill()
        with suppress(ProcessLookupError):
            os.kill(daemon, signal.SIGKILL)
    assert folder.exists()
    sweep(PREFIX, place, discard)
    assert traces(place) == []


def test_a_run_that_is_alive_is_not_swept(place):
    with private_engine(place, {}, lambda _text: None) as engine:
        start(engine)
        sweep(PREFIX, place, discard)
        assert engine.answers()


def test_the_daemon_ends_with_its_owner(place):
    with owner_of_an_engine(place) as (owner, folder):
        owner.kill()
    deadline = time.monotonic() + 30
    while processes_naming(folder, Path("/proc")) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert processes_naming(folder, Path("/proc")) == []
    sweep(PREFIX, place, discard)


def test_an_engine_that_does_not_start_tells_the_end_of_its_log(place, monkeypatch):
    monkeypatch.setattr(
        "console.sandbox.private_engine._flags",
        lambda folder, *_rest: (f"--data-root={folder}/data", "--bad"),
    )
    with pytest.raises(Unavailable, match="unknown flag: --bad"), private_engine(place, {}, print):
        pass
    assert traces(place) == []


def test_where_no_overlay_can_be_mounted_the_engine_copies_files(place, monkeypatch):
    monkeypatch.setattr("console.sandbox.private_engine._overlay_works", lambda _folder: False)
    with private_engine(place, {}, lambda _text: None) as engine:
        assert start(engine).ask("GET", "/info")["Driver"] == "vfs"
    assert traces(place) == []
