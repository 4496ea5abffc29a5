"""The list of builds in 80 cells: what has no column is told below, and what is new comes by itself."""

from datetime import timedelta

import pytest

from console.sandbox.seed import BRANCH_ROLE
from console.screens import builds
from runner.retry import Backoff
from tests.support.screens import SIZE, drawn, settled, shows
from tests.support.screenshots_builds import COMMITS, DIGEST, NEXT, PUBLISHED, RUNNING, Past, add_builds
from tests.support.screenshots_world import screenshots_world

pytestmark = pytest.mark.enable_socket


@pytest.fixture
def world(tmp_path):
    with screenshots_world(tmp_path) as world:
        add_builds(world)
        yield world


async def test_nothing_essential_is_lost_in_80_cells(world):
    app = world.console(first="builds")
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await shows(pilot, "3 d ago")
        row = next(text for text in drawn(app).splitlines() if "20 h ago" in text)
        assert " ".join(row.split()) == "✓ success master 8d1f0c4b 20 h ago 1 m 46 s ana@example.org"
        app.screen.table.select(PUBLISHED)
        await shows(
            pilot,
            "push of master at 8d1f0c4b7a8d · mozilla/balrog · project.balrog.docker.sha25…",
            "2026-02-28 15:32 UTC · by ana@example.org · told by github",
            "v3.82 (pushed), latest (moved)",
            DIGEST,
        )


async def test_a_build_that_others_begin_is_seen_without_a_key_once_nothing_runs(world, monkeypatch):
    monkeypatch.setattr(builds, "_WAITS", Backoff(attempts=0, first=0.05, longest=0.05))
    monkeypatch.setattr(builds, "_IDLE_WAITS", Backoff(attempts=0, first=0.05, longest=0.05))
    world.sandbox.call("POST", "queue", "task", RUNNING, "cancel")
    app = world.console(first="builds")
    async with app.run_test(size=SIZE) as pilot:
        await shows(pilot, "3 d ago", "cy@example.org")
        assert "running" not in drawn(app)
        monkeypatch.setitem(COMMITS, NEXT, "0123456789")
        Past(world).build(
            NEXT,
            role=BRANCH_ROLE,
            event="push",
            who="dee@example.org",
            ago=timedelta(minutes=1),
            LADING_BRANCH="next",
        )
        await shows(pilot, "▸ running", "next", "01234567", "dee@example.org")
        assert "3 d ago" in drawn(app)
