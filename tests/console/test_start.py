"""Where the console opens: a profile, the environment, the default profile, or a sandbox of its own."""

import asyncio
import contextlib
import threading
from types import SimpleNamespace

import pytest

from console import start
from console.config import Config
from console.sandbox import serve
from console.shell import Shell
from runner.errors import Unavailable, UsageError

CONFIG = Config(
    root_urls={"work": "https://work.example", "home": "https://home.example"}, default_profile="home"
)
VARIABLES = {"TASKCLUSTER_ROOT_URL": "https://env.example"}


@pytest.mark.parametrize(
    ("profile", "environment", "config", "name", "root_url"),
    [
        ("work", VARIABLES, CONFIG, "work", "https://work.example"),
        (None, VARIABLES, CONFIG, "", "https://env.example"),
        (None, {}, CONFIG, "home", "https://home.example"),
        (None, {}, Config(), "", ""),
    ],
    ids=["a named profile first", "then the environment", "then the default profile", "else nothing"],
)
def test_the_nearest_says_where(profile, environment, config, name, root_url):
    opening = start._on_deployment(config, environment, profile, read_only=True)
    assert (opening.profile, opening.root_url, opening.read_only) == (name, root_url, True)


async def test_without_a_deployment_the_screens_say_how_to_name_one():
    shell = Shell(start._on_deployment(Config(), {}, None, read_only=False))
    shell.drawn.set()
    with pytest.raises(UsageError, match="No Taskcluster is named"):
        await shell.ready()
    await shell.close()


def test_the_checkout_is_found_from_a_folder_within(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert start._checkout(tmp_path / "a" / "b") == tmp_path
    assert start._checkout(tmp_path) == tmp_path


@pytest.fixture
def sandbox(monkeypatch):
    """A sandbox that starts when it is let, and remembers its end."""
    state = SimpleNamespace(found=object(), may_start=threading.Event(), ended=threading.Event(), fails=None)

    @contextlib.asynccontextmanager
    async def running(**_):
        await asyncio.to_thread(state.may_start.wait)
        if state.fails:
            raise state.fails
        try:
            yield state.found
        finally:
            state.ended.set()

    monkeypatch.setattr(serve, "running", running)
    yield state
    state.may_start.set()


async def test_a_sandbox_ends_with_the_session(sandbox):
    sandbox.may_start.set()
    async with start._sandbox({}) as found:
        assert found is sandbox.found
        assert not sandbox.ended.is_set()
    assert sandbox.ended.is_set()


async def test_a_sandbox_that_is_left_while_it_starts_ends_too(sandbox):
    async def use():
        async with start._sandbox({}):
            raise AssertionError("nobody waits for it any more")

    task = asyncio.create_task(use())
    await asyncio.sleep(0)
    task.cancel()
    sandbox.may_start.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sandbox.ended.is_set()


@pytest.mark.parametrize(
    ("failure", "told"),
    [(OSError("port"), Unavailable), (ValueError("x"), ValueError)],
    ids=["expected", "defect"],
)
async def test_a_sandbox_that_cannot_start_is_told(sandbox, failure, told):
    sandbox.fails = failure
    sandbox.may_start.set()
    with pytest.raises(told):
        async with start._sandbox({}):
            raise AssertionError("it did not start")
