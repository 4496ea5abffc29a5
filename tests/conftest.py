"""Rules that hold for every test."""

import gc
import os
import signal

import pytest
from hypothesis import HealthCheck, settings

from console.sandbox.engine import find_engine

# A shell's background job ignores Ctrl-C, and so would every program that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No example fails by being slow, in CI or elsewhere.
settings.register_profile(
    "unhurried", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("unhurried")


def pytest_addoption(parser):
    parser.addoption(
        "--live",
        action="store_true",
        help="run the contract suite against TASKCLUSTER_ROOT_URL instead of a sandbox",
    )


def pytest_collection_finish():
    """What is there by now stays: no later look at what can be freed goes through it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="module")
def _nothing_is_left_behind():
    """What a module's tests did not close or await is noticed when they end, not in a test of another module."""
    yield
    gc.collect()


def pytest_collection_modifyitems(items):
    """A module that needs an engine stays on one worker, and each worker has a private engine of its own.

    An engine that was there before is shared by all: then all of these tests stay on one worker.
    """
    shared = find_engine(os.environ) is not None
    for item in items:
        needs_engine = "docker_engine" in getattr(item, "fixturenames", ())
        if needs_engine:
            item.add_marker(pytest.mark.engine)
        if needs_engine or "e2e" in item.path.parts:
            item.add_marker(pytest.mark.xdist_group("engine" if shared else item.path.stem))
