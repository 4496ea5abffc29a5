"""The console's states that are drawn: for `make screenshots`, and for the tests that hold them to it.

A screen's owner adds a line to STATES: a name, and how to come there from the first screen.
"""

import asyncio
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from console.domain.secret_change import Fingerprints
from console.sandbox.seed import BRANCH_ROLE, DOCKERHUB
from tests.support.screens import settled, shows
from tests.support.screenshots_builds import NEXT, add_builds
from tests.support.screenshots_trigger import planned, proved, then
from tests.support.screenshots_verify import verify
from tests.support.screenshots_world import NEXT_TOKEN, READS_SECRET, USER, screenshots_world

NARROW, WIDE = (80, 24), (120, 40)


def press(*keys, until=()):
    """Press keys, each when all before it has been done, then wait for words."""

    async def drive(pilot):
        await settled(pilot)
        for key in keys:
            await pilot.press(key)
            await settled(pilot)
        await shows(pilot, *until)
        await settled(pilot)

    return drive


async def without_the_scope(pilot):
    """The role does not grant the secret: the first row that is red has the cursor."""
    await press(until=["The next push will publish"])(pilot)
    world = pilot.app.world
    scopes = world.sandbox.call("GET", "auth", "roles", BRANCH_ROLE)["scopes"]
    world.sandbox.set_role(BRANCH_ROLE, *(scope for scope in scopes if scope != READS_SECRET))
    await press("r", until=["The next push will not publish"])(pilot)
    world.sandbox.set_role(BRANCH_ROLE, *scopes, description="Seeded by the sandbox")


async def edit_role(pilot):
    """Give a role a scope that its editor lacks, and one that others gain by."""
    await press("3", "e", until=[f"secrets:get:{DOCKERHUB}"])(pilot)
    text = pilot.app.screen.text
    text.text = text.text.replace("queue:route:statuses", "queue:cancel-task:*")
    await shows(pilot, "By that")
    await settled(pilot)


def rotate_secret(token, *until):
    """Fill in the form of a secret, and go on to what the registry or the diff says."""

    async def drive(pilot):
        await press("2", "s", until=["as it is now", USER])(pilot)
        form = pilot.app.screen
        form.desk.fingerprints = Fingerprints(bytes(16))
        form.query_one("#value").value = token
        form.query_one("#in-90d").value = True
        await settled(pilot)
        await pilot.press("enter")
        await shows(pilot, *until)
        await settled(pilot)

    return drive


def of_a_build(*steps):
    """Where there are builds, press keys and wait for words, in turn; the next task's id is known."""

    async def drive(pilot):
        await settled(pilot)
        add_builds(pilot.app.world)
        with mock.patch("console.actions.build_plan.slug_id", return_value=NEXT):
            for keys, words in (("4", "3 d ago"), *steps):
                await press(*keys, until=[words])(pilot)

    return drive


TO_TASK = (("j", "✓ success"), (["enter"], "All have ended"), (["enter"], "From decision"))


RELEASE = planned("release v3.120", "Build release v3.120", "it pushes")
PRIVILEGED = "docker-worker:capability:privileged"


@dataclass(frozen=True)
class State:
    """One picture.

    Args:
        name: of the files.
        drive: comes there, given the pilot of a console on its first screen.
    """

    name: str
    drive: object


STATES = [
    State("overview", press(until=["The next push"])),
    State("secrets", press("2", until=["2026-09-01"])),
    State("secret", press("2", "enter", until=["docker.password"])),
    State("secret-rotate", press("2", "s", until=["as it is now", USER])),
    State("secret-refused", rotate_secret("a wrong token", "Nothing was saved.")),
    State("secret-review", rotate_secret(NEXT_TOKEN, "who may push")),
    State("secret-delete", press("2", "x", until=["cannot be undone"])),
    State("overview-red", without_the_scope),
    State("builds", of_a_build()),
    State("group", of_a_build(*TO_TASK[:2])),
    State("task", of_a_build(*TO_TASK)),
    State("trigger", of_a_build(*TO_TASK, ("T", "Retrigger docker-image"))),
    State("trigger-lacking", planned("release v3.120", "✗ you lack", scopes=[PRIVILEGED])),
    State("trigger-release", then(RELEASE, "c", "Type v3.120")),
    State("trigger-payload", then(planned("hook project-balrog/rebuild", "✗ payload"), "p", "JSON or YAML")),
    State("secret-proved", proved(rotate_secret(NEXT_TOKEN, "who may push"))),
    State("log", of_a_build(("jl", "ended: completed"))),
    State("artifacts", of_a_build(*TO_TASK, ("a", "public/logs/live"))),
    State("verify", verify("Verified (exit code 0)", "✓ signature")),
    State("verify-differs", verify("NOT verified", moved=True)),
    State("sign-in", press("ctrl+r", until=["A client that lives a day"])),
    State("access", press("3", until=["last modified"])),
    State("access-why", press("3", "enter", "G", "enter", until=["the server agrees"])),
    State("access-who-can-read-the-secret", press("3", "s", until=["project/balrog/deploy"])),
    State("access-edit", edit_role),
    State("audit", of_a_build(("7", "is not kept"))),
    State("access-generated", press("3", "j", "j", "e", until=["generated"])),
]


async def picture(world, state, size):
    """A state as SVG."""
    app = world.console()
    async with app.run_test(size=size, notifications=True) as pilot:
        await state.drive(pilot)
        return app.export_screenshot(title=f"lading · {state.name}")


async def draw(folder, names):
    """All states in both sizes, as SVG and PNG; each in a world of its own, for some change theirs."""
    for state in STATES:
        if names and state.name not in names:
            continue
        for size in (NARROW, WIDE):
            with tempfile.TemporaryDirectory() as scratch, screenshots_world(Path(scratch)) as world:
                path = folder / f"{state.name}-{size[0]}x{size[1]}.svg"
                path.write_text(await picture(world, state, size), encoding="utf-8")
            to_png(path)
            sys.stdout.write(f"{path}\n")


def to_png(path):
    """Beside the SVG; librsvg takes a blank that begins a text for none, unless it is told to keep it."""
    kept = path.read_text(encoding="utf-8").replace("<text ", '<text xml:space="preserve" ')
    words = ("rsvg-convert", "--output", path.with_suffix(".png"))
    subprocess.run(words, check=True, input=kept.encode())


def main():
    """`make screenshots`; words name the states."""
    if shutil.which("rsvg-convert") is None:
        sys.exit("rsvg-convert is not on PATH: apt-get install librsvg2-bin")
    folder = Path(__file__).parents[2] / "screenshots"
    folder.mkdir(exist_ok=True)
    asyncio.run(draw(folder, sys.argv[1:]))


if __name__ == "__main__":
    main()
