"""The secrets' screens, against a sandbox and its registry: what the commands do, by keys."""

import re

import pytest
from textual.widgets import Button, Checkbox, Input, RadioButton

from console.sandbox.registry.authentication import Account, TokenAuth
from console.sandbox.registry.server import EmbeddedRegistry
from console.screens.secret_detail import SecretDetail
from console.screens.secret_form import SecretForm
from console.screens.secret_review import SecretReview
from console.widgets.masked_value import MaskedValue
from console.widgets.secret_input import SecretInput
from runner.errors import UsageError
from tests.support.front import Fault
from tests.support.screens import SIZE, Clock, console, drawn, settled

pytestmark = pytest.mark.enable_socket

NAME = "repo:github.com/mozilla/balrog:dockerhub"
OLD, NEW = "dckr_pat_0ld-Token", "dckr_pat_n3w-Token"
JSON = {"Content-Type": "application/json"}


def opened(checkout, **settings):
    """The console; its toasts stay for as long as the test looks for them."""
    app = console(checkout, **settings)
    app.NOTIFICATION_TIMEOUT = 600
    return app


async def shows(pilot, *words):
    """Wait until the screen shows all these words, however it breaks them into lines."""
    for _ in range(600):
        await pilot.pause(0.05)
        if all(word in said(pilot.app) for word in words):
            return
    raise AssertionError(f"{words} are not in:\n{drawn(pilot.app)}")


def said(app):
    return re.sub(r"[\s\u2500-\u259f]+", " ", drawn(app))


async def keep(place, content, name=NAME, expires="2999-01-01T00:00:00.000Z"):
    gateway = await place.gateway()
    await gateway.call("secrets", "set", name, payload={"secret": content, "expires": expires})


async def kept(place, name=NAME):
    gateway = await place.gateway()
    return (await gateway.call("secrets", "get", name))["secret"]


@pytest.fixture
async def registry():
    accounts = (Account("balrog", NEW), Account("balrog", OLD))
    async with EmbeddedRegistry(auth=TokenAuth(accounts)) as embedded:
        yield embedded


@pytest.fixture
def checkout(tmp_path, registry):
    (tmp_path / "lading.toml").write_text(
        f'[image.balrog]\nrepository = "{registry.host}/mozilla/balrog"\nsecret = "{NAME}"\n'
    )
    return tmp_path


def docker(registry, password=OLD):
    return {"docker": {"registry": registry.host, "username": "balrog", "password": password}, "other": 7}


async def on_secrets(pilot, words="2999-01-01"):
    await settled(pilot)
    await pilot.press("2")
    await shows(pilot, words)


async def fill(pilot, token=NEW, **fields):
    screen = pilot.app.screen
    assert isinstance(screen, SecretForm)
    screen.query_one(SecretInput).value = token
    for name, text in fields.items():
        screen.query_one(f"#{name}", Input).value = text
    await pilot.pause()


async def choose(pilot, preset):
    pilot.app.screen.query_one(f"#{preset}", RadioButton).value = True
    await pilot.pause()


async def go_on(pilot):
    await pilot.pause()
    pilot.app.screen.query_one("#continue", Button).press()
    await pilot.pause()


async def reviewed(pilot, *words):
    await shows(pilot, "Save secret", *words)
    assert isinstance(pilot.app.screen, SecretReview)


async def test_a_token_is_rotated_tested_seen_saved_and_undone(place, registry, checkout):
    await keep(place, docker(registry))
    app = opened(checkout, taskcluster=await place.gateway())
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await on_secrets(pilot)
        await shows(pilot, NAME, "static/task")
        await pilot.press("s")
        await shows(pilot, "Written as `docker`", registry.host, "as it is now: 2999-01-01")
        await fill(pilot)
        await choose(pilot, "in-90d")
        assert app.screen.command() == (
            f"lading secret rotate {NAME} --registry {registry.host} --user balrog --expires 90d"
        )
        await go_on(pilot)
        await reviewed(
            pilot,
            "~ docker.password changed",
            "docker.username kept",
            "other kept",
            f"{registry.host} accepts user 'balrog', who may push to",
        )
        assert NEW not in drawn(app)
        assert await kept(place) == docker(registry)
        await pilot.press("enter")
        await shows(pilot, "saved and read back.", "u puts back what was there.")
        # This folder is no checkout: nothing can prove it, which is told where it came from.
        await shows(pilot, "Not proved: ", "lading doctor --prove", "s Rotate")
        assert await kept(place) == docker(registry, NEW)
        await pilot.press("u")
        await shows(pilot, "Undo the change of secret")
        app.screen.query_one("#go", Button).press()
        await shows(pilot, "is as it was before")
        assert await kept(place) == docker(registry)
        await pilot.press("u")
        await shows(pilot, "there is nothing to undo")


async def test_a_token_that_the_registry_refuses_is_not_saved_and_not_lost(place, registry, checkout):
    await keep(place, docker(registry))
    app = opened(checkout, taskcluster=await place.gateway())
    async with app.run_test(size=(100, 40), notifications=True) as pilot:
        await on_secrets(pilot)
        await pilot.press("s")
        await shows(pilot, "Written as `docker`", "balrog")
        await fill(pilot, "wrong-token")
        await go_on(pilot)
        await shows(pilot, "does not accept the user name and password", "Nothing was saved.")
        assert await kept(place) == docker(registry)
        # Untested, the same token is saved without being typed again.
        app.screen.query_one("#test", Checkbox).value = False
        await go_on(pilot)
        await reviewed(pilot, "! It was not tested on the registry.")
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(app.screen, SecretForm)
        assert await kept(place) == docker(registry)
        assert app.screen.unsaved


async def test_pitfall_13_a_secret_that_changed_meanwhile_is_not_written_over(place, registry, checkout):
    await keep(place, docker(registry))
    app = opened(checkout, taskcluster=await place.gateway())
    async with app.run_test(size=(100, 40), notifications=True) as pilot:
        await on_secrets(pilot)
        await pilot.press("s")
        await shows(pilot, "Written as `docker`", "balrog")
        await fill(pilot)
        await go_on(pilot)
        await reviewed(pilot)
        await keep(place, {**docker(registry), "theirs": 1})
        await pilot.press("enter")
        await shows(pilot, "was changed by static/taskcluster/root", "(theirs)", "nothing was written")
        assert await kept(place) == {**docker(registry), "theirs": 1}
        # The form is as it was: once more, over what is there now.
        await go_on(pilot)
        await reviewed(pilot, "theirs kept")
        await pilot.press("enter")
        await shows(pilot, "saved and read back.")
        assert await kept(place) == {**docker(registry, NEW), "theirs": 1}


async def test_pitfall_32_an_expired_session_keeps_what_was_typed(place, registry, checkout):
    await keep(place, docker(registry))
    app = opened(checkout, taskcluster=await place.gateway())
    async with app.run_test(size=(100, 40), notifications=True) as pilot:
        await on_secrets(pilot)
        await pilot.press("s")
        await shows(pilot, "Written as `docker`", "balrog")
        await fill(pilot)
        place.front.faults = [Fault(401, JSON, {"code": "AuthenticationFailed", "message": "expired"})]
        await go_on(pilot)
        await shows(pilot, "401 from secrets")
        while not isinstance(app.screen, SecretForm):
            await pilot.press("escape")
            await pilot.pause()
        await go_on(pilot)
        await reviewed(pilot, "~ docker.password changed")


async def test_a_secret_is_made_where_there_is_none(place, registry, checkout):
    app = opened(checkout, taskcluster=await place.gateway())
    async with app.run_test(size=(100, 40), notifications=True) as pilot:
        await on_secrets(pilot, "No secret is visible.")
        await pilot.press("a")
        await shows(pilot, "Set registry credentials")
        await go_on(pilot)
        await shows(pilot, "The secret has no name yet.")
        await fill(pilot, name=NAME, registry=registry.host, user="balrog")
        await go_on(pilot)
        await shows(pilot, "When the secret expires has to be said")
        await choose(pilot, "in-never")
        await go_on(pilot)
        await reviewed(pilot, f"+ dockercfg.auths.{registry.host}.auth added", "expires never")
        await pilot.press("enter")
        await shows(pilot, "saved and read back.")
        assert list((await kept(place))["dockercfg"]["auths"]) == [registry.host]


async def test_a_secret_is_shown_masked_and_revealed_for_30_seconds(place, registry, checkout):
    await keep(place, docker(registry))
    clock = Clock()
    app = opened(checkout, taskcluster=await place.gateway(), clock=clock)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await on_secrets(pilot)
        await pilot.press("enter")
        await shows(pilot, "docker.password ••••••••", "other ••••••••", "created by static/taskcluster/root")
        assert OLD not in drawn(app)
        await pilot.press("down", "j")
        assert app.screen.command() == f"lading secret get {NAME} --reveal docker.password"
        await pilot.press("v")
        await shows(pilot, OLD, "(30 s)")
        with pytest.raises(UsageError, match="A secret is shown"):
            app.export_screenshot()
        clock.pass_(seconds=31)
        (value,) = [each for each in app.screen.query(MaskedValue) if each.revealed]
        value.tick()
        await pilot.pause()
        assert OLD not in drawn(app)
        await pilot.press("v")
        await shows(pilot, OLD)
        await pilot.press("k")
        assert OLD not in drawn(app)


async def test_pitfall_17_a_revealed_value_is_masked_by_whatever_comes_between(place, registry, checkout):
    await keep(place, {"password": OLD})
    app = opened(checkout, taskcluster=await place.gateway())
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await on_secrets(pilot)
        await pilot.press("enter")
        await shows(pilot, "password ••••••••")
        value = app.screen.query_one(MaskedValue)
        # Help, the cover, a question, another screen, and going back.
        for away, back in (("question_mark", "escape"), ("ctrl+l", "space"), ("x", "escape"), ("1", "2")):
            await pilot.press("v")
            await shows(pilot, OLD)
            await pilot.press(away)
            await pilot.pause()
            assert not value.revealed
            assert OLD not in drawn(app)
            await pilot.press(back)
            await shows(pilot, "password ••••••••")
        await pilot.press("v")
        await shows(pilot, OLD)
        await pilot.press("escape")
        await shows(pilot, "changed")
        assert OLD not in drawn(app)


async def test_who_else_can_read_a_secret_is_one_key_away(place, registry, checkout):
    await keep(place, {"password": OLD})
    gateway = await place.gateway()
    payload = {"description": "", "scopes": [f"secrets:get:{NAME}"]}
    await gateway.call("auth", "createRole", "project:reads", payload=payload)
    app = opened(checkout, taskcluster=gateway)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await on_secrets(pilot)
        await pilot.press("w")
        await shows(pilot, f"secrets:get:{NAME}", "project:reads")


async def test_one_key_is_set_and_the_others_are_kept(place, registry, checkout):
    await keep(place, {"password": OLD, "port": 5000})
    app = opened(checkout, taskcluster=await place.gateway())
    async with app.run_test(size=(100, 40), notifications=True) as pilot:
        await on_secrets(pilot)
        await pilot.press("enter")
        await shows(pilot, "port ••••••••")
        await pilot.press("e")
        await shows(pilot, "Set one key of a secret", "All its other keys are kept.", "as it is now")
        assert app.screen.command().startswith(f"lading secret set {NAME} password")
        await fill(pilot)
        await go_on(pilot)
        await reviewed(pilot, "~ password changed", "port kept", "nothing was tested")
        await pilot.press("enter")
        await shows(pilot, "saved and read back.")
        assert await kept(place) == {"password": NEW, "port": 5000}
        assert isinstance(app.screen, SecretDetail)


async def test_a_secret_is_deleted_once_its_name_is_typed(place, registry, checkout):
    await keep(place, {"password": OLD})
    app = opened(checkout, taskcluster=await place.gateway())
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await on_secrets(pilot)
        await pilot.press("x")
        await shows(pilot, "Delete secret", "This cannot be undone.")
        assert app.screen.query_one("#go", Button).disabled
        app.screen.query_one("#typed", Input).value = NAME
        await pilot.pause()
        app.screen.query_one("#go", Button).press()
        await shows(pilot, "is deleted", "No secret is visible.")


async def test_who_may_set_but_not_get_is_told_what_is_lost(place, registry, checkout):
    await keep(place, docker(registry))
    writer = await place.client("secrets:list-secrets", f"secrets:set:{NAME}")
    app = opened(checkout, taskcluster=await place.gateway(writer))
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await on_secrets(pilot, "you lack")
        await pilot.press("enter")
        await shows(pilot, "Whether there is such a secret is not told to you.")
        await pilot.press("s")
        await shows(pilot, "! You lack secrets:get:")
        await fill(pilot, registry=registry.host, user="balrog")
        await choose(pilot, "in-1y")
        await go_on(pilot)
        await reviewed(pilot, "cannot be checked")
        assert app.focused.id == "cancel"
        app.screen.query_one("#go", Button).press()
        await shows(pilot, "it cannot be read back")
        assert list(await kept(place)) == ["dockercfg"]


async def test_pitfall_49_read_only_nothing_opens_a_form(place, registry, checkout):
    await keep(place, {"password": OLD})
    app = opened(checkout, taskcluster=await place.gateway(read_only=True), read_only=True)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await on_secrets(pilot)
        for key in ("s", "x", "u", "a"):
            await pilot.press(key)
            await pilot.pause()
            assert app.screen.TITLE == "Secrets"
        await shows(pilot, "read-only")


async def test_pitfall_6_and_7_a_token_is_not_copied_nor_cut_nor_half_pasted(place, registry, checkout):
    await keep(place, docker(registry))
    app = opened(checkout, taskcluster=await place.gateway())
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await on_secrets(pilot)
        await pilot.press("s")
        await shows(pilot, "Written as `docker`")
        field = app.screen.query_one(SecretInput)
        field.value = NEW
        field.select_all()
        field.action_copy()
        field.action_cut()
        assert app.clipboard == ""
        assert field.value == NEW
        await shows(pilot, "A secret is not copied.")
        form = app.screen
        await pilot.press("escape")
        await shows(pilot, "Leave the form?")
        app.screen.query_one("#go", Button).press()
        await shows(pilot, "changed")
        assert field.value == ""
        assert form not in app.screen_stack


async def test_names_full_of_control_characters_and_markup_are_drawn_harmlessly(place, registry, checkout):
    name = "evil[/][bold]\x1b]0;x\x07\u202e\u200b"
    await keep(place, {"key[red]\x1b[2J": OLD}, name)
    app = opened(checkout, taskcluster=await place.gateway())
    async with app.run_test(size=(100, 40), notifications=True) as pilot:
        await on_secrets(pilot, "evil[/][bold]")
        await pilot.press("enter")
        await shows(pilot, "key[red]")
        await pilot.press("s")
        await shows(pilot, "Set registry credentials: evil[/][bold]")
        assert not {"\x1b", "\u202e", "\u200b"} & set(drawn(app))
