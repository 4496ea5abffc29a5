"""Rules that hold for every test."""

import pytest


def pytest_addoption(parser):
    parser.addoption(
        "--live",
        action="store_true",
        help="run the contract suite against TASKCLUSTER_ROOT_URL instead of a sandbox",
    )


def pytest_collection_modifyitems(items):
    """Tests that share the session's engine run on one worker: there is one engine, not one for each."""
    for item in items:
        if "docker_engine" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("engine"))
            item.add_marker(pytest.mark.engine)
