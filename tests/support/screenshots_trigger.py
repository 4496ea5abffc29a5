"""States of what is begun from the console: a release, a hook with its payload, and the proof of a rotation."""

import json
from unittest import mock

import aiohttp
from textual.widgets import Input

from console.domain.proof_task import TOKEN_FINDINGS
from console.sandbox.moments import iso
from console.sandbox.seed import DOCKERHUB
from console.sandbox.signed_http import Api
from console.sandbox.task_artifacts import Run
from tests.support.hooks import HOOK, ROLE
from tests.support.screens import settled, shows
from tests.support.screenshots_builds import NEXT
from tests.support.task import commit, git
from tests.support.task_files import TASK_FILE

_ID = mock.patch("console.actions.task_render.slug_id", return_value=NEXT)
FOUND = {
    "event": "push of master in https://github.com/mozilla/balrog",
    "engine": "docker 20.10.24 at unix:///var/run/docker.sock, overlay2",
    "secret": f"{DOCKERHUB}: balrog at 127.0.0.1:50000",
    "push": "balrog may push to 127.0.0.1:50000/mozilla/balrog",
    "tags": "latest (move), master-2026-03-01-12-00 (create)",
    "artifacts": "by declared directory, until 2026-05-30",
}
assert FOUND.keys() >= TOKEN_FINDINGS


def planned(typed, *words, scopes=()):
    """Plan what is typed in a checkout whose task file takes releases, and wait for words."""

    async def drive(pilot):
        await settled(pilot)
        world = pilot.app.world
        task_file = TASK_FILE.replace("secrets:get:s", ", ".join([f"secrets:get:{DOCKERHUB}", *scopes]))
        (world.folder / ".taskcluster.yml").write_text(task_file)
        commit(world.folder, "Publish releases")
        git(world.folder, "tag", "v3.120")
        world.sandbox.call("PUT", "hooks", "hooks", "project-balrog", "rebuild", payload=HOOK)
        world.sandbox.set_role("hook-id:project-balrog/rebuild", *ROLE)
        with _ID:
            await pilot.press("4", "t")
            await shows(pilot, "BRANCH, tag TAG")
            pilot.app.screen.query_one("#what", Input).value = typed
            await pilot.pause()
            await pilot.press("enter")
            await shows(pilot, *words)
            await settled(pilot)

    return drive


def then(drive, key, *words):
    """Press one key more."""

    async def driven(pilot):
        await drive(pilot)
        await pilot.press(key)
        await shows(pilot, *words)
        await settled(pilot)

    return driven


def proved(rotate):
    """Save a rotation, be the worker that tries the token, and see the end."""

    async def drive(pilot):
        await rotate(pilot)
        with _ID:
            await pilot.press("enter")
            await shows(pilot, "pending", "lading-doctor-prove")
        world = pilot.app.world
        run = ("queue", "task", NEXT, "runs", "0")
        world.sandbox.call("POST", *run, "claim", payload={"workerGroup": "gcp", "workerId": "vm-7"})
        world.sandbox.wait(_leave(world))
        world.sandbox.call("POST", *run, "completed")
        await shows(pilot, "✓ Proved")
        # How long the worker took decides whether what was told of the save is still there.
        pilot.app.clear_notifications()
        await settled(pilot)

    return drive


async def _leave(world):
    findings = [{"name": name, "level": "ok", "seen": seen, "action": ""} for name, seen in FOUND.items()]
    path = world.folder.parent / "plan"
    path.write_text(json.dumps({"findings": findings}))
    async with aiohttp.ClientSession() as session:
        api = Api(session, world.sandbox.root_url, world.sandbox.root)
        task = await api.call("GET", "queue", "task", NEXT)
        expires = task.get("expires") or iso(world.clock())
        await Run(api, session, NEXT, 0, expires).upload(
            "public/docker-plan.json", path, "application/json", compress=False
        )
