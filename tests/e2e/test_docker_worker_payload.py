"""Payloads of docker-worker run on a real engine, as generic-worker's d2g runs them."""

import asyncio
import json
from urllib.parse import quote

import pytest

from console.sandbox.seed import DOCKERHUB
from runner.image.digest import Digest
from tests.support.deployment import MACHINE, READS_SECRET, busy, deployment, outcome

__all__ = ["busy", "deployment"]
pytestmark = pytest.mark.enable_socket


@pytest.fixture
async def worker(deployment, docker_engine):
    """The deployment with a worker whose tasks may use the engine."""
    started = await deployment.start_worker(
        environment={**MACHINE, "DOCKER_HOST": docker_engine.host}, grace=15
    )
    yield deployment
    await started.close()
    assert list(deployment.folder.iterdir()) == []
    assert _containers(docker_engine) == []


def _containers(engine):
    filters = "%7B%22name%22%3A%5B%22taskcontainer_%22%5D%7D"
    return engine.ask("GET", f"/containers/json?all=1&filters={filters}")


async def test_a_container_has_its_environment_and_proxy_and_gives_its_artifacts(worker, debian_base):
    script = """
        echo "<$MINE> $TASK_ID $RUN_ID"
        python3 - <<'end'
import os, urllib.request
urllib.request.urlopen(os.environ["TASKCLUSTER_PROXY_URL"] + "/secrets/v1/secret/" + os.environ["SECRET"])
print("secret read")
end
        mkdir -p /out/deep; printf '{}' > /out/a.json; echo b > /out/deep/b.txt
    """
    task_id = await worker.create(
        "",
        image=debian_base,
        command=["bash", "-ec", script],
        env={"MINE": "it's $HOME", "PATH": "/usr/bin:/bin", "SECRET": DOCKERHUB},
        scopes=[READS_SECRET],
        features={"taskclusterProxy": True},
        artifacts={
            "public/a.json": {"type": "file", "path": "/out/a.json"},
            "public/out": {"type": "directory", "path": "/out"},
            "public/none": {"type": "file", "path": "/none"},
        },
    )
    (run,) = await worker.resolved(task_id)
    log = await worker.log(task_id)
    assert outcome(run) == ("completed", "completed"), log
    assert f"<it's $HOME> {task_id} 0" in log
    assert "secret read" in log
    assert await worker.artifact(task_id, "public/a.json") == (200, "{}")
    assert await worker.artifact(task_id, "public/out/deep/b.txt") == (200, "b\n")
    listed = (await worker.api.call("GET", "queue", "task", task_id, "artifacts"))["artifacts"]
    assert {item["name"]: item["contentType"] for item in listed}["public/a.json"] == "application/json"


async def test_a_container_s_exit_code_is_the_task_s_and_an_absent_image_fails_it(worker, debian_base):
    failing = await worker.create("", image=debian_base, command=["sh", "-c", "exit 3"])
    absent = await worker.create("", image="lading-tests/absent:1", command=["true"])
    retried = await worker.create(
        "",
        image=debian_base,
        command=["sh", "-c", "exit $((RUN_ID == 0 ? 4 : 0))"],
        onExitStatus={"retry": [4]},
        retries=1,
    )
    assert outcome((await worker.resolved(failing))[0]) == ("failed", "failed")
    assert "Exit code: 3" in await worker.log(failing)
    assert outcome((await worker.resolved(absent))[0]) == ("failed", "failed")
    assert "lading-tests/absent:1" in await worker.log(absent)
    first, second = await worker.resolved(retried)
    assert outcome(first) == ("exception", "intermittent-task")
    assert outcome(second) == ("completed", "completed")


async def test_a_cancelled_task_s_container_is_gone(worker, debian_base, docker_engine):
    task_id = await worker.create(
        "", image=debian_base, command=["bash", "-c", "trap exit TERM; echo runs; sleep 1000 & wait"]
    )
    await worker.first_line(task_id, "runs")
    assert len(_containers(docker_engine)) == 1
    await worker.api.call("POST", "queue", "task", task_id, "cancel")
    async with asyncio.timeout(60):
        while _containers(docker_engine) or list(worker.folder.iterdir()):  # noqa: ASYNC110 - the worker sets no Event
            await asyncio.sleep(0.1)
    assert outcome((await worker.resolved(task_id))[0]) == ("exception", "canceled")


async def test_max_run_time_leaves_what_was_made_until_then(worker, debian_base, monkeypatch):
    task_id = await worker.create(
        "",
        image=debian_base,
        command=[
            *("bash", "-c", "trap 'echo late > /late; exit 1' TERM; echo runs; while :; do sleep 0.1; done")
        ],
        maxRunTime=60,
        artifacts={"public/late": {"type": "file", "path": "/late"}},
    )
    await worker.first_line(task_id, "runs")
    worker.pass_time(monkeypatch, 60)
    (run,) = await worker.resolved(task_id)
    assert outcome(run) == ("failed", "failed")
    assert await worker.artifact(task_id, "public/late") == (200, "late\n")


async def test_its_certificate_names_the_image_and_its_log_is_called_as_it_says(
    worker, debian_base, docker_engine
):
    task_id = await worker.create(
        "",
        image=debian_base,
        command=["sh", "-c", "echo hello; echo 1 > /a"],
        log="public/mine.txt",
        features={"chainOfTrust": True},
        artifacts={"public/a": {"type": "file", "path": "/a"}},
    )
    (run,) = await worker.resolved(task_id)
    assert outcome(run) == ("completed", "completed")
    assert "hello" in (await worker.artifact(task_id, "public/mine_backing.txt"))[1]
    status, text = await worker.artifact(task_id, "public/chain-of-trust.json")
    assert status == 200
    certificate = json.loads(text)
    image = docker_engine.ask("GET", f"/images/{quote(debian_base)}/json")
    assert certificate["environment"]["imageHash"] == image["Id"]
    assert certificate["artifacts"]["public/a"] == {"sha256": Digest.of(b"1\n").hex}
