"""What changes by itself is looked at again: while somebody looks, and over a lost network."""

import pytest
from textual.screen import Screen

from console.screens import looking
from console.screens.looking import LookingScreen
from runner.errors import Unavailable, UsageError
from runner.retry import Backoff
from tests.support.screens import console, until

WAITS = Backoff(attempts=0, first=0.01, longest=0.01)


class Looking(LookingScreen):
    """Counts its looks; each finds nothing new."""

    by_itself = frozenset({"Looking"})
    looks = 0
    waits: Backoff | None = WAITS
    fails: Exception | None = None

    def look(self):
        self.looks += 1

        async def read(_session):
            if self.fails is not None:
                raise self.fails
            return self.looks

        self.work("Looking", read, lambda _found: self.look_again(self.waits, changed=False))

    load = look


@pytest.fixture
async def looked(monkeypatch):
    monkeypatch.setattr(looking, "_SOON_SECONDS", 0.01)
    app = console(taskcluster=object())
    async with app.run_test() as pilot:
        await pilot.pause()
        screen = Looking(app.shell)
        await app.push_screen(screen)
        yield pilot, screen


async def more_looks(pilot, screen):
    before = screen.looks
    await until(pilot, lambda: screen.looks > before + 1)


async def none_is_planned(pilot, screen):
    await until(pilot, lambda: not list(pilot.app.workers))
    await pilot.pause()
    assert screen._timer is None


async def test_it_is_looked_again_and_again(looked):
    await more_looks(*looked)


async def test_nothing_is_asked_while_another_screen_is_over_it_and_soon_after_it_is(looked):
    pilot, screen = looked
    await more_looks(pilot, screen)
    await pilot.app.push_screen(Screen())
    await none_is_planned(pilot, screen)
    pilot.app.pop_screen()
    await more_looks(pilot, screen)


async def test_what_has_ended_is_left_alone(looked):
    pilot, screen = looked
    screen.waits = None
    await until(pilot, lambda: screen.looks and screen._waits is None)
    await none_is_planned(pilot, screen)


async def test_a_network_that_comes_back_is_noticed_and_another_error_waits_for_a_key(looked):
    pilot, screen = looked
    await more_looks(pilot, screen)
    screen.fails = Unavailable("Nobody answers.")
    await more_looks(pilot, screen)
    screen.fails = None
    await more_looks(pilot, screen)
    screen.fails = UsageError("No.")
    await until(pilot, lambda: screen._errors.display)
    await none_is_planned(pilot, screen)


async def test_a_look_does_not_take_back_what_went_wrong_with_what_somebody_asked_for(looked):
    pilot, screen = looked

    async def refuse(_session):
        raise UsageError("There is nothing to run again.")

    async def rerun(_session):
        return None

    screen.work("Asking for a rerun", refuse, print)
    await until(pilot, lambda: screen._errors.display)
    await more_looks(pilot, screen)
    assert screen._errors.display
    screen.work("Asking for a rerun", rerun, lambda _nothing: None)
    assert not screen._errors.display


@pytest.mark.parametrize("changed", [True, False])
async def test_the_waits_grow_while_nothing_changes(monkeypatch, changed):
    waited = []
    screen = Looking(console().shell)
    monkeypatch.setattr(Looking, "_plan", lambda _self, seconds: waited.append(seconds))
    for _ in range(4):
        screen.look_again(Backoff(attempts=0, first=1.0, longest=3.0), changed=changed)
    assert waited == ([1.125] * 4 if changed else [1.125, 2.25, 3.0, 3.0])
