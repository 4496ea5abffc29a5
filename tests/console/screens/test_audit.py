"""Who changed secrets and roles: by keys and by command, and what the audit does not keep."""

import json
from datetime import timedelta

import pytest

from console.sandbox.seed import DOCKERHUB, REPOSITORY_ROLES
from console.screens.audit import Audit
from tests.support.screens import drawn, settled, shows
from tests.support.screenshots_world import screenshots_world

pytestmark = pytest.mark.enable_socket


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with screenshots_world(tmp_path_factory.mktemp("world")) as world:
        yield world


def lading(world, *words, by=None):
    return world.sandbox.lading("audit", "--repo", str(world.folder), *words, by=by)


async def test_the_events_are_listed_the_latest_first_and_lead_to_their_page(world):
    app = world.console(first="audit")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settled(pilot)
        assert isinstance(app.screen, Audit)
        first, *others = [text for text in drawn(app).splitlines() if text.startswith(" 2026-")]
        assert first.split() == [
            "2026-02-25",
            "09:30:00",
            "~",
            "updated",
            "secret",
            "dockerhub",
            "static/taskcluster/root",
        ]
        assert any("release:published" in text for text in others)
        assert f"Names begin with {REPOSITORY_ROLES}" in drawn(app)
        assert "What was done before 2026-01-30 is not kept, by default." in drawn(app)
        await pilot.press("y")
        assert app.clipboard == DOCKERHUB
        assert "/audit/secret/" in (app.screen.page() or "")


def test_the_command_lists_the_same(world):
    code, out, _ = lading(world)
    assert code == 0
    assert out.splitlines()[0] == (
        f"2026-02-25T09:30:00.000Z  updated  secret {DOCKERHUB}  by static/taskcluster/root"
    )
    found = json.loads(lading(world, "--json")[1])
    assert found["complete"] is True
    assert found["events"][0]["name"] == DOCKERHUB


def test_what_may_not_be_read_is_said_and_exits_7(world):
    code, out, _ = lading(world, by=world.sandbox.client("auth:list-roles"))
    assert code == 7
    assert "403" in out
    assert json.loads(lading(world, "--json", by=world.sandbox.client())[1])["complete"] is False


async def test_what_lies_beyond_the_retention_is_said(world, monkeypatch):
    async def nothing(*_arguments):
        return ()

    monkeypatch.setattr("console.services.auth.history", nothing)
    world.clock.time += timedelta(days=40)
    app = world.console(first="audit")
    async with app.run_test(size=(160, 40), notifications=True) as pilot:
        await settled(pilot)
        await shows(pilot, "changed last on 2026-02-01, beyond the 30 days that the audit keeps")
        assert "what was before is not known" in drawn(app)
