"""A task is told with its runs, from its decision to its push, and with what could not be read."""

import json

import pytest

from console.actions.build_list import with_details
from console.actions.build_task import read_task
from console.domain.build_result import BuildResult
from console.domain.builds import Build
from tests.support.worked_task import Worked

pytestmark = pytest.mark.enable_socket

DIGEST = "sha256:" + "d" * 64
REPORT = {
    "version": 1,
    "outcome": {"exitCode": 0},
    "steps": [
        {"name": "Build the image", "started": 1.0, "seconds": 4.0, "outcome": "ok", "facts": {}},
        {"name": "Push x", "started": 5.0, "seconds": 2.0, "outcome": "ok", "facts": {"bytesPushed": 9}},
    ],
}
STATEMENT = {"predicate": {"lading": {"published": DIGEST, "tags": {"latest": "moved"}}}}


async def built(gateway):
    """A decision task and the build that it created."""
    decision = await Worked(gateway).create()
    await decision.claim()
    await decision.end()
    build = await Worked(gateway).create(
        taskGroupId=decision.task_id,
        dependencies=[decision.task_id],
        payload={"env": {"LADING_EVENT": "github-push", "LADING_BRANCH": "main"}},
    )
    await gateway.call("queue", "scheduleTask", build.task_id)
    await build.claim()
    await build.upload("public/docker-build-report.json", json.dumps(REPORT).encode(), compressed=True)
    await build.upload("public/docker-image.json", json.dumps(STATEMENT).encode())
    await build.end()
    return decision.task_id, build.task_id


async def test_a_build_is_told_from_its_decision_to_its_push(place):
    gateway = await place.gateway()
    decision, task_id = await built(gateway)
    detail = await read_task(await place.connection(), task_id)
    (result,) = detail.results
    assert (result.digest, result.tags, detail.problems) == (DIGEST, (("latest", "moved"),), ())
    assert [step.kind for step in detail.timeline] == ["decision", "queue", "run", "build", "push"]
    assert detail.timeline[-1].facts == {"bytesPushed": 9}
    assert [needed.task_id for needed in detail.dependencies] == [decision]
    assert [artifact.name for artifact in detail.artifacts] == [
        "public/docker-build-report.json",
        "public/docker-image.json",
    ]
    build = Build(origin="github", group_id=decision, state="success")
    full = await with_details(await place.connection(), build)
    assert (full.digest, full.tags, full.who) == (DIGEST, (("latest", "moved"),), "a@b.c")


async def test_what_may_not_be_read_is_told_and_hinders_nothing(place):
    decision, task_id = await built(await place.gateway())
    limited = await place.client(f"queue:get-task:{task_id}", "queue:status:*", "queue:list-artifacts:*")
    detail = await read_task(await place.connection(limited), task_id)
    assert (detail.results, detail.dependencies) == ((), ())
    assert [step.kind for step in detail.timeline] == ["queue", "run"]
    assert any("queue:get-artifact:public/docker-build-report.json" in each for each in detail.problems)
    build = Build(origin="github", group_id=decision, state="success")
    known = await with_details(await place.connection(limited), build)
    assert (known.state, "queue:list-task-group" in known.problem) == ("success", True)


async def test_what_is_no_json_is_told(place):
    gateway = await place.gateway()
    task = await Worked(gateway).create()
    await task.claim()
    await task.upload("public/docker-image.json", b"no json")
    await task.end()
    detail = await read_task(await place.connection(), task.task_id)
    assert detail.problems == ("public/docker-image.json is no JSON",)


async def test_each_image_of_a_task_is_told_with_what_kept_it_from_being_published(place):
    gateway = await place.gateway()
    task = await Worked(gateway).create()
    await task.claim()
    told = {
        "repository": "docker.io/mozilla/one",
        "outcome": {"exitCode": 1, "error": "The build failed."},
        "warnings": ["the tag moves", 7],
        "steps": [{"name": "Build the image", "outcome": "failed"}],
    }
    await task.upload("public/one/docker-build-report.json", json.dumps(told).encode())
    statement = {**STATEMENT, "subject": [{"name": "docker.io/mozilla/two"}]}
    await task.upload("public/two/docker-image.json", json.dumps(statement).encode())
    await task.end()
    detail = await read_task(await place.connection(), task.task_id)
    assert detail.results == (
        BuildResult("docker.io/mozilla/one", error="The build failed.", warnings=("the tag moves",)),
        BuildResult("docker.io/mozilla/two", DIGEST, (("latest", "moved"),)),
    )
    assert detail.timeline[-1].outcome == "failed"
