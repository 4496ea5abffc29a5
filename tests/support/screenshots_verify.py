"""How the Verify screen is come to in pictures: from a build, whose image is as it was, or is another's."""

import contextlib

from textual.widgets import Input

from tests.support.published_world import KEYS, published
from tests.support.screens import settled, shows


def verify(*until, moved=False):
    """Verify the image of a build, with the keys of its pool; or when its tag has been moved."""

    async def drive(pilot):
        await settled(pilot)
        world = pilot.app.world
        with published(world) as made, contextlib.chdir(world.folder), contextlib.ExitStack() as stack:
            if moved:
                stack.enter_context(made.moved())
            await pilot.press("4")
            await shows(pilot, "v3.82")
            await pilot.press("v")
            await shows(pilot, "exit code")
            field = pilot.app.screen.query_one("#image", Input)
            field.value += f" --keys {KEYS}"
            field.focus()
            await pilot.press("enter")
            await shows(pilot, *until)
            await settled(pilot)

    return drive
