"""An engine that is killed at any step, or whose answers are cut."""

import os
import signal
import tempfile
from pathlib import Path

import pytest

from console.sandbox.private_engine import private_engine
from tests.support.fault_proxies import engine_front

pytestmark = [pytest.mark.enable_socket, pytest.mark.xdist_group("faults")]


@pytest.fixture
def socket_place():
    """A path that is short enough for a socket (unix(7): 107 bytes)."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "s"


@pytest.mark.parametrize(
    "case",
    [
        # It is asked from the beginning on: it may have answered already, or be in the middle of it.
        ("direct", "Check the checkout", 4, " at unix://"),
        ("direct", "Find the engine", 4, " at unix://"),
        ("direct", "Build the image", 4, "No engine answers"),
        ("direct", "Pack the image", 4, "No engine answers"),
        ("direct", "Tag", 0, "done"),
        ("engine", "Build the image", 4, "No engine answers"),
        ("engine", "Push", 4, "No engine answers"),
        ("engine", "Read back", 0, "done"),
    ],
    ids=lambda case: "-".join(case[:2]),
)
def test_gone_at_a_step(place, task, socket_place, case):
    transport, step, code, text = case
    with engine_front(place.engine.socket, socket_place) as front:
        struck = place.publish(task, transport, at=step, do=lambda _pid: front.die(), DOCKER_HOST=front.host)
    place.settle(struck, task, transport, code, text)


@pytest.mark.parametrize(
    "case",
    [
        ("direct", "POST /build", 0, "in the middle of the build"),
        ("direct", "POST /build", 300, "in the middle of the build"),
        ("direct", "GET /images/", 0, ""),
        ("direct", "GET /get", 0, "while it gave the image away"),
        ("direct", "GET /get", 5_000, "while it gave the image away"),
        ("direct", "GET /get", 1_000_000, "while it gave the image away"),
        ("engine", "POST /push", 0, "in the middle of the push"),
        ("engine", "POST /push", 400, "in the middle of the push"),
    ],
    ids=lambda case: f"{case[1]} after {case[2]}",
)
def test_cut_in_the_middle(place, task, socket_place, case):
    transport, request_line, after, text = case
    with engine_front(place.engine.socket, socket_place, request_line, after) as front:
        struck = place.publish(task, transport, DOCKER_HOST=front.host)
    place.settle(struck, task, transport, 4, text)


@pytest.mark.parametrize("step", ["Build the image", "Push"])
def test_killed_for_real(place, task, step):
    def kill(_pid):
        os.kill(int((engine.socket.parent / "docker.pid").read_text()), signal.SIGKILL)

    with (
        tempfile.TemporaryDirectory() as folder,
        private_engine(Path(folder), os.environ, lambda _text: None) as engine,
    ):
        struck = place.publish(task, "engine", at=step, do=kill, DOCKER_HOST=engine.host)
    place.settle(struck, task, "engine", 4, "engine")
