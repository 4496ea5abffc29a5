"""The first screen is the doctor: a red row is one key from what puts it right, and is green after it."""

import pytest

from console.sandbox.seed import BRANCH_ROLE
from console.screens.access_edit import RoleEditor
from console.screens.overview import Overview
from console.screens.overview_remedy import Remedy
from tests.support.screens import SIZE, drawn, settled, shows
from tests.support.screenshots_world import READS_SECRET, screenshots_world

pytestmark = pytest.mark.enable_socket
GREEN, RED = "✓ The next push will publish.", "✗ The next push will not publish."


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with screenshots_world(tmp_path_factory.mktemp("world")) as world:
        yield world


async def test_a_role_that_lacks_a_scope_is_edited_by_one_key_and_the_answer_turns_green(world):
    role = world.sandbox.call("GET", "auth", "roles", BRANCH_ROLE)
    world.sandbox.set_role(BRANCH_ROLE, *(scope for scope in role["scopes"] if scope != READS_SECRET))
    app = world.console(world.client("test/editor", "*"))
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settled(pilot)
        await shows(pilot, RED, "✗ 1 wrong", "f opens the role with this edit")
        assert app.screen.selected_id() == "role-lacks-secret"
        await pilot.press("Y")
        assert app.clipboard.endswith(f"| lading role set {BRANCH_ROLE} --yes")
        await pilot.press("f")
        await settled(pilot)
        assert isinstance(app.screen, RoleEditor)
        await shows(pilot, f"+ {READS_SECRET}")
        await settled(pilot)
        await pilot.press("f2", "tab", "enter")
        await shows(pilot, GREEN, "✓ ready")
        assert isinstance(pilot.app.screen, Overview)


async def test_a_file_that_is_wrong_is_told_with_its_edit_and_looked_at_again_when_it_is_written(world):
    file = world.folder / ".taskcluster.yml"
    right = file.read_text()
    file.write_text(right.replace("taskclusterProxy: true", "taskclusterProxy: false"))
    app = world.console()
    try:
        async with app.run_test(size=SIZE, notifications=True) as pilot:
            await settled(pilot)
            await shows(pilot, RED, "f shows the edit to copy")
            await pilot.press("f")
            await settled(pilot)
            assert isinstance(app.screen, Remedy)
            await pilot.press("y")
            await settled(pilot)
            assert "taskclusterProxy" in app.clipboard
            file.write_text(right)
            await shows(pilot, GREEN)
    finally:
        file.write_text(right)


async def test_any_size_is_drawn(world, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    app = world.console()
    async with app.run_test(size=(40, 10)) as pilot:
        await settled(pilot)
        await shows(pilot, GREEN)
        for width in (1, 10, 200, 40):
            await pilot.resize_terminal(width, max(1, width // 4))
        await settled(pilot)
        assert "✓ ready" in drawn(app)
