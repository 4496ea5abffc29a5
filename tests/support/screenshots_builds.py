"""The builds of the world in pictures: what they did, said and left behind, at times that are fixed."""

import json
from datetime import timedelta
from itertools import accumulate

import aiohttp

from console.sandbox.moments import iso
from console.sandbox.seed import BRANCH_ROLE, INDEX_NAMESPACE, REPOSITORY_ROLES, SOURCE, TASK_QUEUE
from console.sandbox.signed_http import Api
from console.sandbox.task_artifacts import TEXT, Run
from tests.support.screens import Clock

DIGEST = f"sha256:{'3f9a1c5e' * 8}"
PUBLISHED, TAGGED, BROKEN, RUNNING = (
    "Qd2mV0hUQ3mXc1sJr5o0Tw",
    "Ab7nK4wZTtC9eJ1yXl8q2g",
    "MzX5pE0rS4uYt6bNc3v1Hg",
    "fG8kL2sDQ9mWaR4jTy7o5A",
)
NEXT = "TnP6yC3vRk2oXh9uWd5e0Q"
COMMITS = {
    PUBLISHED: "8d1f0c4b7a",
    TAGGED: "51c07e92ab",
    BROKEN: "c4e2b6f013",
    RUNNING: "f07a93d5e8",
}
STEPS = [
    ("Check the checkout and the Dockerfile", 0.4, {}),
    ("Find the engine", 1.2, {"engine": "docker 20.10.24"}),
    ("Fetch the secret", 0.3, {}),
    ("Look at the tags", 0.6, {}),
    ("Build the image", 71.3, {"layers": 6}),
    ("Push", 24.8, {"bytesPushed": 48_211_904, "layersReused": 4}),
    ("Read back by tag and by digest", 1.1, {}),
    ("Leave the statement", 0.1, {}),
]
# The last lines are a package's: nothing in them may reach the terminal as it is.
LOG = "".join(
    [
        "[taskcluster 2026-02-28T15:31:12.004Z] Task ID: Qd2mV0hUQ3mXc1sJr5o0Tw\n",
        *(
            f"{number}/8 {name} ...\n    done in {seconds:.1f} s\n"
            for number, (name, seconds, _) in enumerate(STEPS, 1)
        ),
        "\x1b[32mStep 4/9 : RUN pip install --no-cache-dir -r requirements.txt\x1b[0m\n",
        "\x1b[33mWARNING: running pip as root may break what the system installed\x1b[0m\n",
        "\x1b[1;31mERROR: no matching distribution for balrog-extras\x1b[0m, going on without it\n",
        "a title \x1b]0;owned\x07, a clipboard \x1b]52;c;aHVudGVy\x07, \x9b2J, \u202egnp.exe, [bold]no[/]\n",
        f"Published {DIGEST}\n",
    ]
)


def _files(tags):
    """What a task leaves behind: name, type and content."""
    told = {"lading": {"published": DIGEST, "tags": tags}}
    statement = {"subject": [{"name": "docker.io/mozilla/balrog"}], "predicate": told}
    began = accumulate((seconds for _, seconds, _ in STEPS), initial=1772292727.0)
    steps = [
        {"name": name, "started": started, "seconds": seconds, "outcome": "ok", "facts": facts}
        for started, (name, seconds, facts) in zip(began, STEPS, strict=False)
    ]
    yield "public/docker-image.json", "application/json", json.dumps(statement)
    yield "public/docker-build-report.json", "application/json", json.dumps({"steps": steps})
    yield "public/logs/live_backing.log", TEXT, LOG


class Past:
    """Tasks that come to be and end while the world's clock goes on.

    Args:
        world: whose sandbox has them.
    """

    def __init__(self, world):
        self._world = world
        self._sandbox = world.sandbox

    def build(
        self, task_id, *, role, event, who, ago, after=0, ends=None, number=None, tags=None, **variables
    ):
        """One push of one task.

        Args:
            task_id: its id, and its group's.
            role: that its scopes assume.
            event: as the github service calls it.
            who: its owner.
            ago: before now, when it began.
            after: seconds until a worker takes it.
            ends: `completed` or `failed` and after how many seconds, or None where it runs.
            number: of a pull request.
            tags: that it published, with their states.
            variables: of its payload.
        """
        clock, sha = self._world.clock, (COMMITS[task_id] * 4)
        clock.time = Clock().time - ago
        definition = self._definition(sha, who, [f"assume:{role}"], variables)
        self._sandbox.call("PUT", "queue", "task", task_id, payload={**definition, "taskGroupId": task_id})
        self._record(task_id, event, sha, number)
        clock.pass_(seconds=after)
        run = ("queue", "task", task_id, "runs", "0")
        self._sandbox.call("POST", *run, "claim", payload={"workerGroup": "gcp", "workerId": "vm-7"})
        if ends is not None:
            state, seconds = ends
            clock.pass_(seconds=seconds)
            if state == "completed":
                self._sandbox.wait(self._leave(task_id, definition["expires"], tags or {}))
            self._sandbox.call("POST", *run, state)
        clock.time = Clock().time

    def _definition(self, sha, who, scopes, variables):
        now = self._world.clock()
        return {
            "taskQueueId": TASK_QUEUE,
            "schedulerId": "taskcluster-github",
            "created": iso(now),
            "deadline": iso(now + timedelta(hours=1)),
            "expires": iso(now + timedelta(days=90)),
            "scopes": scopes,
            "routes": [f"index.{INDEX_NAMESPACE}.sha256.{DIGEST.removeprefix('sha256:')}"],
            "payload": {
                "command": [["lading-runner", "publish"]],
                "maxRunTime": 1800,
                "env": {"LADING_REPOSITORY": SOURCE, "LADING_REVISION": sha, **variables},
            },
            "metadata": {
                "name": "docker-image",
                "description": "Builds the image, pushes it and publishes its digest",
                "owner": who,
                "source": f"{SOURCE}/commit/{sha}",
            },
        }

    def _record(self, task_id, event, sha, number):
        body = {
            "organization": "mozilla",
            "repository": "balrog",
            "sha": sha,
            "ref": "refs/heads/master",
            "taskGroupId": task_id,
            "eventType": event,
            **({"pullRequestNumber": number} if number else {}),
        }
        self._sandbox.call("POST", "github", "sandbox", "builds", payload=body)

    async def _leave(self, task_id, expires, tags):
        path = self._world.folder.parent / "artifact"
        async with aiohttp.ClientSession() as session:
            api = Api(session, self._sandbox.root_url, self._sandbox.root)
            run = Run(api, session, task_id, 0, expires)
            for name, content_type, text in _files(tags):
                path.write_text(text)
                await run.upload(name, path, content_type, compress=False)
            await run.create("public/logs/live.log", "link", artifact="public/logs/live_backing.log")


def add_builds(world):
    """Four: one that runs, two that were published, and one that failed."""
    past = Past(world)
    past.build(
        TAGGED,
        role=f"{REPOSITORY_ROLES}release:published",
        event="release.published",
        who="ana@example.org",
        ago=timedelta(days=3),
        after=9,
        ends=("completed", 118),
        LADING_EVENT="release",
        tags={"v3.81": "pushed"},
        LADING_TAG="v3.81",
    )
    past.build(
        BROKEN,
        role=f"{REPOSITORY_ROLES}pull-request",
        event="pull_request.opened",
        who="bo@example.org",
        ago=timedelta(hours=22),
        after=2,
        ends=("failed", 31),
        number=1234,
        LADING_EVENT="pull-request",
    )
    past.build(
        PUBLISHED,
        role=BRANCH_ROLE,
        event="push",
        who="ana@example.org",
        ago=timedelta(hours=20, minutes=28),
        after=6.4,
        ends=("completed", 99.8),
        tags={"v3.82": "pushed", "latest": "moved"},
        LADING_EVENT="push",
        LADING_BRANCH="master",
    )
    past.build(
        RUNNING,
        role=BRANCH_ROLE,
        event="push",
        who="cy@example.org",
        ago=timedelta(minutes=2),
        after=4,
        LADING_EVENT="push",
        LADING_BRANCH="master",
    )
