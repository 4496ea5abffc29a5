"""Access: what roles state and come to, why and who, and an edit that is seen before it is made."""

import asyncio
import threading

import pytest
from textual.widgets import Input

from console.actions import set_role
from console.domain.access import Access as Known
from console.domain.access import Role
from console.domain.role_preview import preview
from console.sandbox.seed import BRANCH_ROLE, DOCKERHUB, REPOSITORY_ROLES
from console.screens.access import Access
from console.screens.access_edit import RoleEditor
from console.screens.access_question import Question
from console.widgets.confirm import Confirm
from tests.support.screens import SIZE, drawn, settled, shows, until
from tests.support.screenshots_world import HOSTILE, MAINTAINER, READS_SECRET, screenshots_world

pytestmark = pytest.mark.enable_socket


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with screenshots_world(tmp_path_factory.mktemp("world")) as world:
        yield world


@pytest.fixture
def role(world):
    """A role of one test's own, and one that gains what it gains."""
    world.sandbox.set_role("user:*", "assume:project:lading")
    world.sandbox.set_role("project:lading", "queue:route:checks", "queue:route:statuses", description="ours")
    return "project:lading"


def scopes_of(world, role_id):
    return world.sandbox.call("GET", "auth", "roles", role_id)["scopes"]


async def opened(pilot, role_id=None):
    """The screen, with the cursor on a role."""
    await settled(pilot)
    await shows(pilot, "last modified")
    if role_id is not None:
        pilot.app.screen.roles.select(role_id)
        await shows(pilot, f" {role_id}\n")
        await settled(pilot)
    return pilot.app.screen


async def editing(pilot, role_id, text):
    await opened(pilot, role_id)
    await pilot.press("e")
    await settled(pilot)
    editor = pilot.app.screen
    assert isinstance(editor, RoleEditor)
    await written(pilot, editor, text)
    return editor


async def written(pilot, editor, text):
    """What comes of the text has been worked out."""
    editor.text.text = text
    await pilot.pause()
    while editor._edit is None:
        await pilot.pause(0.02)
    await pilot.pause()


async def test_this_repositorys_roles_come_first_and_one_is_shown_with_its_scopes_and_change(world):
    app = world.console(first="access")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        screen = await opened(pilot)
        shown = drawn(app)
        assert shown.index("branch:master") < shown.index("anonymous")
        assert "own · gen." in shown
        assert "itself   queue:route:statuses" in shown
        assert "created by static/taskcluster/root" in shown
        await pilot.press("y")
        assert app.clipboard == BRANCH_ROLE
        await pilot.press("Y")
        assert app.clipboard == f"lading role show {BRANCH_ROLE}"
        assert screen.page().endswith("/auth/roles/repo%3Agithub.com%2Fmozilla%2Fbalrog%3Abranch%3Amaster")
        screen.roles.select("mozilla-group:releng")
        await shows(pilot, "roles    secrets:set:repo:github.com/mozilla/balrog:*")


async def test_a_scope_is_explained_by_its_chain_and_its_other_holders(world):
    app = world.console(first="access")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await opened(pilot, "mozilla-group:releng")
        await pilot.press("enter")
        await settled(pilot)
        app.screen.role._scopes.select("secrets:get:repo:github.com/mozilla/balrog:*")
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(app.screen, Question)
        shown = drawn(app)
        assert "✓ YES  by the roles; the server agrees" in shown
        assert "└ role project-admin:balrog   matches exactly" in shown
        assert "project/balrog/deploy" in shown
        await pilot.press("Y")
        assert (
            app.clipboard == "lading can mozilla-group:releng 'secrets:get:repo:github.com/mozilla/balrog:*'"
        )
        await pilot.press("escape", "escape")
        assert isinstance(app.screen, Access)


async def test_who_reads_the_secret_is_one_key_away_clients_and_strangers_too(world):
    pulls = f"{REPOSITORY_ROLES}pull-request"
    world.sandbox.set_role(pulls, READS_SECRET)
    app = world.console(first="access")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await opened(pilot)
        await pilot.press("s")
        await shows(pilot, "project/balrog/deploy")
        shown = drawn(app)
        assert f"✗ Open to strangers, by {pulls}" in shown
        assert "disabled: cannot sign in" in shown
        assert f"7 roles and 6 clients hold {READS_SECRET}" in shown
        app.screen.holders.select(f"client:{MAINTAINER}")
        await pilot.press("y", "enter")
        await shows(pilot, "✓ YES", "assume:login-identity:sandbox-login/0|you")
        assert app.clipboard == MAINTAINER
    world.sandbox.set_role(pulls, "queue:route:checks")


async def test_a_no_names_what_came_nearest_and_a_star_is_said_to_be_one(world):
    app = world.console(first="access")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await opened(pilot)
        await pilot.press("w")
        await settled(pilot)
        who, scope = app.screen.query(Input)[:2]
        assert scope.has_focus
        who.value, scope.value = f"{REPOSITORY_ROLES}pull-*", READS_SECRET
        await pilot.press("enter")
        await shows(pilot, "✗ NO", "Nearest:", "Who is taken for every name that begins with")
        scope.value = "é"
        scope.focus()
        await pilot.press("enter")
        await shows(pilot, "is not a scope")
        who.value, scope.value = "", "no:such:scope"
        await pilot.press("enter")
        await shows(pilot, "hold no:such:scope")


async def test_who_may_not_list_roles_is_told_so_and_is_given_no_no(world):
    reader = world.client("test/reader", "auth:get-role:*")
    app = world.console(reader, first="access")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settled(pilot)
        await shows(pilot, "✗ Not all is shown: the roles could not all be read")
        await pilot.press("s")
        await shows(pilot, "! There may be more: the roles could not all be read")
        app.screen.query_one("#who", Input).value = BRANCH_ROLE
        app.screen.query_one("#who", Input).focus()
        await pilot.press("enter")
        await shows(pilot, "? CANNOT TELL", "Not decided by the roles")


async def test_an_edit_is_previewed_confirmed_and_written(world, role):
    app = world.console(world.client("test/editor", "*"), first="access")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        editor = await editing(pilot, role, "queue:route:checks  \n\nqueue:cancel-task:x\n")
        shown = drawn(app)
        for words in (
            "+ queue:cancel-task:x",
            "- queue:route:statuses",
            "user:*",
            "gains queue:cancel-task:x",
        ):
            assert words in shown
        assert editor.unsaved
        await pilot.press("f2")
        await settled(pilot)
        assert isinstance(app.screen, Confirm)
        assert f"Change role `{role}`?" in drawn(app)
        assert "1 other role or client change" in drawn(app)
        await pilot.press("enter")
        assert "queue:route:statuses" in scopes_of(world, role)
        await pilot.press("f2", "tab", "enter")
        await shows(pilot, f"Role {role} is written.")
        assert isinstance(pilot.app.screen, Access)
    assert scopes_of(world, role) == ["queue:cancel-task:x", "queue:route:checks"]
    assert world.sandbox.call("GET", "auth", "roles", role)["description"] == "ours"


async def test_pitfall_26_somebody_who_was_faster_is_not_overwritten_and_the_text_stays(world, role):
    app = world.console(world.client("test/editor", "*"), first="access")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        editor = await editing(pilot, role, "mine:scope")
        await asyncio.to_thread(world.sandbox.set_role, role, "theirs:scope")
        await pilot.press("f2", "tab", "enter")
        await shows(pilot, "nothing was written", "- theirs:scope")
        assert editor.text.text == "mine:scope"
        assert scopes_of(world, role) == ["theirs:scope"]
        await pilot.press("f2", "tab", "enter")
        await shows(pilot, f"Role {role} is written.")
    assert scopes_of(world, role) == ["mine:scope"]


REFUSED = {
    "a:b**": "auth would refuse",
    "assume:user:x": "✗ The roles would assume one another",
    "queue:cancel-task:*": "✗ You lack queue:cancel-task:*",
    "": "There is not one scope",
    "queue:route:checks\nqueue:route:statuses": "Nothing changes.",
}


async def test_what_auth_would_refuse_is_told_before_the_call(world, role):
    app = world.console(first="access")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        editor = await editing(pilot, role, "first:scope")
        for text, words in REFUSED.items():
            await written(pilot, editor, text)
            await pilot.press("f2")
            await shows(pilot, words)
            assert app.screen is editor
    assert scopes_of(world, role) == ["queue:route:checks", "queue:route:statuses"]


async def test_pitfall_27_a_generated_role_gives_the_text_for_its_repository(world):
    role_id = f"{REPOSITORY_ROLES}release:published"
    app = world.console(world.client("test/editor", "*"), first="access")
    files = [world.folder / "grant.yml", world.folder / "grant-2.yml"]
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        editor = await editing(pilot, role_id, f"{READS_SECRET}\nqueue:route:checks")
        shown = drawn(app)
        assert "generated by ci-admin" in shown
        assert "- queue:route:checks" in shown
        await pilot.press("f3")
        assert app.clipboard == editor._edit.configuration
        # The toast names the file by its path, which may be broken over lines.
        for file in files:
            await pilot.press("f4")
            await until(pilot, file.exists)
        await pilot.press("f2")
        await shows(pilot, "the next run of ci-admin would undo an edit")
        await pilot.press("escape")
        await shows(pilot, "Leave the edit?")
        await pilot.press("tab", "enter")
        await pilot.pause()
        assert isinstance(app.screen, Access)
    assert [file.read_text() for file in files] == [editor._edit.configuration] * 2
    for file in files:
        file.unlink()


async def test_read_only_says_so_before_anything_is_asked(world, role):
    app = world.console(world.client("test/editor", "*"), read_only=True, first="access")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await editing(pilot, role, "a:b")
        await pilot.press("f2")
        await shows(pilot, "This console is read-only.")
    assert "a:b" not in scopes_of(world, role)


async def test_the_closure_of_scopes_is_not_worked_out_on_the_loop(world, role, monkeypatch):
    threads = []

    def noted(real):
        def run(*arguments):
            threads.append(threading.current_thread())
            return real(*arguments)

        return run

    monkeypatch.setattr(set_role, "preview", noted(preview))
    monkeypatch.setattr("console.actions.find_holders.who_can", noted(lambda *_: pytest.fail("asked")))
    app = world.console(world.client("test/editor", "*"), first="access")
    async with app.run_test(size=SIZE) as pilot:
        await editing(pilot, role, "a:b")
    assert threads
    assert threading.main_thread() not in threads


async def test_hostile_names_and_descriptions_are_shown_for_what_they_are(world, monkeypatch):
    hostile = Role(HOSTILE, (HOSTILE, "a:b"), HOSTILE + "\n" * 50)

    async def read(*_arguments, **_more):
        return Known([hostile], roles_unread=HOSTILE)

    monkeypatch.setattr("console.screens.access.read_access", read)
    app = world.console(first="access")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settled(pilot)
        await shows(pilot, "\\x1b[31m[bold]\\u202egnp.exe\\x1b]0;owned\\x07[/]")
        await settled(pilot)
        await pilot.press("enter", "enter")
        await settled(pilot)
        assert [text for text in drawn(app).splitlines() if not text.isprintable()] == []


async def test_any_size_is_drawn_and_a_low_terminal_shows_one_part_at_a_time(world):
    app = world.console(first="access")
    async with app.run_test(size=(40, 10)) as pilot:
        await settled(pilot)
        await shows(pilot, "anonymous")
        await pilot.press("enter")
        await shows(pilot, "itself")
        assert "anonymous" not in drawn(app)
        await pilot.press("escape")
        await shows(pilot, "anonymous")
        for width in (1, 10, 200, 40):
            await pilot.resize_terminal(width, max(1, width // 4))
        await pilot.press("e")
        await settled(pilot)
        for width in (1, 200, 80):
            await pilot.resize_terminal(width, max(1, width // 4))
        await settled(pilot)
        assert DOCKERHUB in drawn(app)
