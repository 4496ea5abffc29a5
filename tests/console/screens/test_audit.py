"""Who changed secrets and roles and pushed what: by keys and by command, and what the audit does not keep."""

import json
from datetime import timedelta

import pytest

from console.sandbox.seed import DOCKERHUB, REPOSITORY_ROLES
from console.screens.audit import Audit
from tests.support.screens import drawn, settled, shows
from tests.support.screenshots_builds import DIGEST, PUBLISHED, add_builds
from tests.support.screenshots_world import screenshots_world

pytestmark = pytest.mark.enable_socket


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with screenshots_world(tmp_path_factory.mktemp("world")) as world:
        add_builds(world)
        yield world


def lading(world, *words, by=None):
    return world.sandbox.lading("audit", "--repo", str(world.folder), *words, by=by)


async def test_the_events_are_listed_the_latest_first_and_lead_to_their_page(world):
    app = world.console(first="audit")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settled(pilot)
        assert isinstance(app.screen, Audit)
        rows = [" ".join(text.split()) for text in drawn(app).splitlines() if text.startswith(" 2026-")]
        # What was pushed and what was rotated, in one line of time.
        assert rows[:5] == [
            "2026-03-01 11:58 ▸ running build master f07a93d5 cy@example.org",
            "2026-02-28 15:32 ✓ success build master 8d1f0c4b ana@example.org",
            "2026-02-28 14:00 ✗ failure build #1234 c4e2b6f0 bo@example.org",
            "2026-02-26 12:00 ✓ success build v3.81 51c07e92 ana@example.org",
            "2026-02-25 09:30 ~ updated secret dockerhub static/taskcluster/root",
        ]
        assert any("release:published" in text for text in rows)
        assert f"Names begin with {REPOSITORY_ROLES}" in drawn(app)
        assert "What was done before 2026-01-30 is not kept, by default." in drawn(app)
        await pilot.press("j")
        await shows(pilot, "v3.82 (pushed), latest (moved)", DIGEST)
        assert (app.screen.page() or "").endswith(f"/tasks/groups/{PUBLISHED}")
        await pilot.press("f")
        await shows(pilot, "Only secrets;", f"secret {DOCKERHUB}")
        assert "success" not in drawn(app)
        await pilot.press("y", "Y")
        assert app.clipboard == "lading audit --kind secret"
        assert app.screen.selected_id() == DOCKERHUB
        assert "/audit/secret/" in (app.screen.page() or "")
        await pilot.press("f")
        await shows(pilot, "Only roles;", "release:published")
        assert not any("secret" in text for text in drawn(app).splitlines() if text.startswith(" 2026-"))
        await pilot.press("f", "enter")
        await shows(pilot, "So far 1 task: 1 running")
        await pilot.press("escape", "escape", "f")
        await shows(pilot, "▸ running", "dockerhub", "release:published")


def test_the_command_lists_the_same(world):
    code, out, err = lading(world)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[1].startswith(
        f"2026-02-28T15:32:00.000Z  success  build  {PUBLISHED}  by ana@example.org  push master 8d1f"
    )
    assert lines[1].endswith(f"  v3.82 (pushed)  latest (moved)  {DIGEST}")
    assert lines[4] == f"2026-02-25T09:30:00.000Z  updated  secret {DOCKERHUB}  by static/taskcluster/root"
    found = json.loads(lading(world, "--json")[1])
    assert found["complete"] is True
    assert [event["kind"] for event in found["events"][:5]] == ["build"] * 4 + ["secret"]
    assert found["events"][1]["build"]["tags"] == {"v3.82": "pushed", "latest": "moved"}
    assert found["events"][4]["name"] == DOCKERHUB


def test_one_kind_is_listed_alone(world):
    for kind in ("secret", "role", "build"):
        code, out, _ = lading(world, "--kind", kind, "--json")
        found = json.loads(out)
        assert code == 0
        assert {one["kind"] for one in (*found["events"], *found["silent"])} == {kind}
    found = json.loads(lading(world, "--kind", "role", "--kind", "secret", "--json")[1])
    assert {one["kind"] for one in found["events"]} == {"role", "secret"}


def test_what_may_not_be_read_is_said_and_exits_7(world):
    code, out, _ = lading(world, by=world.sandbox.client("auth:list-roles"))
    assert code == 7
    assert "403" in out
    assert "github:list-builds" in out
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
