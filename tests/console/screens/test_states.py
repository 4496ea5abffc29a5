"""How each state of `make screenshots` looks; `pytest --snapshot-update` accepts a change."""

import pytest

from tests.support.screenshots import NARROW, STATES
from tests.support.screenshots_world import screenshots_world

pytestmark = pytest.mark.enable_socket


@pytest.fixture
def world(tmp_path):
    """One for each: some states change theirs."""
    with screenshots_world(tmp_path) as world:
        yield world


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
def test_a_state_looks_as_it_did(snap_compare, world, monkeypatch, state):
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert snap_compare(world.console(), terminal_size=NARROW, run_before=state.drive)
