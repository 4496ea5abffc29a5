"""The worker runs a task as generic-worker does, from the claim to the resolution."""

import asyncio
import datetime as dt
import json
import shlex
from pathlib import Path

import pytest

from console.sandbox.seed import DOCKERHUB, TASK_QUEUE
from console.sandbox.services import queue_resolve
from console.sandbox.signed_http import Api, Credentials, TaskclusterFailure
from runner.masking import Masked
from tests.support.deployment import (
    BACKING_LOG,
    LIMIT_SECONDS,
    LIVE_LOG,
    MACHINE,
    READS_SECRET,
    is_alive,
    outcome,
)

pytestmark = pytest.mark.enable_socket


async def test_a_task_completes_and_its_log_is_kept_by_a_link(busy):
    task_id = await busy.create("echo hello; echo world >&2")
    (run,) = await busy.resolved(task_id)
    assert outcome(run) == ("completed", "completed")
    log = await busy.log(task_id)
    assert "hello\nworld\n" in log
    assert f"Task ID: {task_id}" in log
    assert "Result: completed" in log
    assert await busy.artifact(task_id, BACKING_LOG) == (200, log)
    artifacts = (await busy.api.call("GET", "queue", "task", task_id, "artifacts"))["artifacts"]
    assert {item["name"]: item["storageType"] for item in artifacts} == {LIVE_LOG: "link", BACKING_LOG: "s3"}


async def test_the_log_is_live_while_the_task_runs(busy):
    task_id = await busy.create("echo first-line; while [ ! -e stop ]; do sleep 0.05; done")
    assert await busy.first_line(task_id, "first-line") == "first-line\n"
    (folder,) = busy.folder.glob("*/task")
    (folder / "stop").touch()
    assert outcome((await busy.resolved(task_id))[0]) == ("completed", "completed")


async def test_a_task_has_exactly_the_environment_of_a_task(busy):
    program = "import json, os; print('ENV', json.dumps(dict(os.environ)))"
    script = f"exec python -I -c {shlex.quote(program)}"
    task_id = await busy.create(
        script,
        env={"MINE": "1", "TASKCLUSTER_ROOT_URL": "http://elsewhere", "USER": "other"},
        features={"taskclusterProxy": True},
    )
    await busy.resolved(task_id)
    (line,) = [line for line in (await busy.log(task_id)).splitlines() if line.startswith("ENV ")]
    found = json.loads(line.removeprefix("ENV "))
    # What bash and Python add by themselves.
    for name in ("PWD", "SHLVL", "_", "LC_CTYPE", "OLDPWD"):
        found.pop(name, None)
    assert found.pop("TASKCLUSTER_PROXY_URL").startswith("http://127.0.0.1:")
    workdir = found.pop("TASK_WORKDIR")
    assert Path(workdir).is_relative_to(busy.folder)
    assert found == {
        "TASK_ID": task_id,
        "RUN_ID": "0",
        "TASK_GROUP_ID": task_id,
        "TASKCLUSTER_ROOT_URL": busy.root_url,
        "HOME": workdir,
        "USER": "other",
        "PATH": MACHINE["PATH"],
        "MINE": "1",
    }


async def test_the_commands_run_one_after_another_until_one_fails(busy):
    task_id = await busy.create(
        "", command=[["echo", "one"], ["bash", "-c", "echo two; exit 3"], ["echo", "three"]]
    )
    (run,) = await busy.resolved(task_id)
    assert outcome(run) == ("failed", "failed")
    log = await busy.log(task_id)
    assert "one\n" in log
    assert "two\n" in log
    assert "Exit code: 3" in log
    assert "three\n" not in log


async def test_through_the_proxy_a_task_has_its_scopes_and_no_others(busy):
    script = f"""
        curl -sS --fail "$TASKCLUSTER_PROXY_URL/secrets/v1/secret/{DOCKERHUB}" | grep -q hunter2 && echo read
        curl -sS -o /dev/null -w 'status %{{http_code}}\\n' "$TASKCLUSTER_PROXY_URL/secrets/v1/secret/other"
        curl -sS -o /dev/null -w 'reclaim %{{http_code}}\\n' -X POST \\
            "$TASKCLUSTER_PROXY_URL/queue/v1/task/$TASK_ID/runs/$RUN_ID/reclaim"
        port="${{TASKCLUSTER_PROXY_URL##*:}}"
        curl -sS --fail --connect-to "taskcluster:80:127.0.0.1:$port" \\
            "http://taskcluster/secrets/v1/secret/{DOCKERHUB}" | grep -q hunter2 && echo read as in 2016
    """
    task_id = await busy.create(script, scopes=[READS_SECRET], features={"taskclusterProxy": True})
    await busy.resolved(task_id)
    log = await busy.log(task_id)
    assert "read\n" in log
    assert "status 403\n" in log
    assert "reclaim 403\n" in log
    assert "read as in 2016\n" in log


async def test_without_the_feature_there_is_no_proxy(busy):
    task_id = await busy.create('echo "<${TASKCLUSTER_PROXY_URL-none}>"')
    await busy.resolved(task_id)
    assert "<none>\n" in await busy.log(task_id)


async def test_the_public_client_reads_uploads_and_downloads_in_a_task(busy):
    program = f"""
import os, datetime, taskcluster, taskcluster.helper
config = taskcluster.helper.TaskclusterConfig()
config.auth()
assert config.load_secrets({DOCKERHUB!r}, required=["docker"])["docker"]["username"] == "balrog"
print(config.upload_artifact("public/up.txt", b"uploaded", "text/plain", datetime.timedelta(hours=1)))
"""
    task_id = await busy.create(
        f"python -W ignore -c {shlex.quote(program)}",
        scopes=[READS_SECRET],
        features={"taskclusterProxy": True},
    )
    (run,) = await busy.resolved(task_id)
    assert outcome(run) == ("completed", "completed"), await busy.log(task_id)
    assert await busy.artifact(task_id, "public/up.txt") == (200, "uploaded")


async def test_declared_artifacts_are_uploaded_with_their_types(busy):
    task_id = await busy.create(
        "mkdir -p out/deep; printf '{\"a\": 1}' > out/deep/a.json; seq 2000 > out/long.txt; printf x > one.bin",
        artifacts=[
            {"name": "public/out", "path": "out", "type": "directory"},
            {"name": "public/one", "path": "one.bin", "type": "file", "contentType": "application/x-one"},
            {"name": "public/none", "path": "none", "type": "file", "optional": True},
        ],
    )
    (run,) = await busy.resolved(task_id)
    assert outcome(run) == ("completed", "completed")
    assert await busy.artifact(task_id, "public/out/deep/a.json") == (200, '{"a": 1}')
    assert await busy.artifact(task_id, "public/out/long.txt") == (
        200,
        "".join(f"{number}\n" for number in range(1, 2001)),
    )
    assert await busy.artifact(task_id, "public/one") == (200, "x")
    artifacts = (await busy.api.call("GET", "queue", "task", task_id, "artifacts"))["artifacts"]
    types = {item["name"]: item["contentType"] for item in artifacts}
    assert types["public/out/deep/a.json"] == "application/json"
    assert types["public/one"] == "application/x-one"
    assert "public/none" not in types


async def test_a_declared_artifact_that_is_missing_fails_the_task_and_says_why(busy):
    task_id = await busy.create(
        "mkdir folder",
        artifacts=[
            {"name": "public/gone", "path": "gone.txt", "type": "file"},
            {"name": "public/folder", "path": "folder", "type": "file"},
            {"name": "public/host", "path": "/etc/hostname", "type": "file"},
        ],
    )
    (run,) = await busy.resolved(task_id)
    assert outcome(run) == ("failed", "failed")
    for name, reason in (
        ("public/gone", "file-missing-on-worker"),
        ("public/folder", "invalid-resource-on-worker"),
        ("public/host", "invalid-resource-on-worker"),
    ):
        status, body = await busy.artifact(task_id, name)
        assert (status, json.loads(body)["reason"]) == (424, reason)


async def test_an_exit_code_named_for_retry_makes_another_run(busy):
    task_id = await busy.create("exit $((RUN_ID == 0 ? 4 : 0))", retries=1, onExitStatus={"retry": [4]})
    first, second = await busy.resolved(task_id)
    assert outcome(first) == ("exception", "intermittent-task")
    assert second["reasonCreated"] == "task-retry"
    assert outcome(second) == ("completed", "completed")


async def test_without_retries_left_an_exit_code_named_for_retry_ends_the_task(busy):
    task_id = await busy.create("exit 4", retries=0, onExitStatus={"retry": [4]})
    (run,) = await busy.resolved(task_id)
    assert outcome(run) == ("exception", "intermittent-task")


async def test_a_malformed_payload_is_an_exception_and_its_log_names_the_problem(busy):
    task_id = await busy.create("true", features={"dind": True})
    (run,) = await busy.resolved(task_id)
    assert outcome(run) == ("exception", "malformed-payload")
    assert "payload.features.dind is not supported" in await busy.log(task_id)


async def test_a_content_type_that_no_header_can_hold_makes_a_payload_malformed(busy):
    artifact = {"name": "public/a", "path": "a", "type": "file", "contentType": "text/plain\r\nx: y"}
    task_id = await busy.create("touch a", artifacts=[artifact])
    (run,) = await busy.resolved(task_id)
    assert outcome(run) == ("exception", "malformed-payload")
    assert "payload.artifacts[0].contentType must be a text" in await busy.log(task_id)


async def test_max_run_time_ends_a_task_that_may_still_leave_a_report(busy, monkeypatch):
    task_id = await busy.create(
        "trap 'echo report > report.txt; exit 1' TERM; echo runs; while :; do sleep 0.05; done",
        maxRunTime=60,
        artifacts=[{"name": "public/report.txt", "path": "report.txt", "type": "file"}],
    )
    await busy.first_line(task_id, "runs")
    busy.pass_time(monkeypatch, 60)
    (run,) = await busy.resolved(task_id)
    assert outcome(run) == ("failed", "failed")
    assert "maxRunTime of 60 s exceeded" in await busy.log(task_id)
    assert await busy.artifact(task_id, "public/report.txt") == (200, "report\n")


async def test_a_cancelled_task_is_killed_and_its_log_kept(busy):
    task_id = await busy.create("echo pid $$; sleep 1000 & wait")
    pid = int((await busy.first_line(task_id, "pid ")).split()[1])
    await busy.api.call("POST", "queue", "task", task_id, "cancel")
    async with asyncio.timeout(LIMIT_SECONDS):
        while list(busy.folder.iterdir()):  # noqa: ASYNC110 - the worker sets no Event
            await asyncio.sleep(0.05)
    assert not is_alive(pid)
    (run,) = await busy.resolved(task_id)
    assert outcome(run) == ("exception", "canceled")
    assert "Task was resolved by somebody else" in await busy.log(task_id)


async def test_a_task_past_its_deadline_is_killed_and_the_queue_resolves_it(busy):
    task_id = await busy.create("echo pid $$; sleep 1000 & wait", deadline=60)
    pid = int((await busy.first_line(task_id, "pid ")).split()[1])
    services = busy.sandbox._deployment
    services.now = lambda: dt.datetime.now(dt.UTC) + dt.timedelta(seconds=70)
    async with asyncio.timeout(LIMIT_SECONDS):
        while list(busy.folder.iterdir()):  # noqa: ASYNC110 - the worker sets no Event
            await asyncio.sleep(0.05)
    assert not is_alive(pid)
    assert "cancelled, or past its deadline" in await busy.log(task_id)
    services.now = lambda: dt.datetime.now(dt.UTC) + dt.timedelta(seconds=130)
    queue_resolve.pass_time(services)
    (run,) = await busy.resolved(task_id)
    assert outcome(run) == ("exception", "deadline-exceeded")


async def test_several_workers_run_tasks_at_once(deployment):
    workers = [await deployment.start_worker(worker_id=f"local-{number}") for number in (1, 2)]
    # Each waits for the other: one at a time, neither would end.
    script = "touch {own}; while [ ! -e {other} ]; do sleep 0.05; done"
    meet = deployment.folder.parent
    first = await deployment.create(script.format(own=meet / "a", other=meet / "b"), maxRunTime=120)
    second = await deployment.create(script.format(own=meet / "b", other=meet / "a"), maxRunTime=120)
    runs = [*await deployment.resolved(first), *await deployment.resolved(second)]
    for worker in workers:
        await worker.close()
    assert [outcome(run) for run in runs] == [("completed", "completed")] * 2
    assert {run["workerId"] for run in runs} == {"local-1", "local-2"}


async def test_reclaiming_renews_what_the_proxy_signs_with(busy):
    script = f"""
        client() {{
            curl -sS -o /dev/null -D - "$TASKCLUSTER_PROXY_URL/secrets/v1/secret/{DOCKERHUB}" |
                sed -n 's/^x-taskcluster-proxy-temp-clientid: //Ip'
        }}
        first=$(client); second=$first
        while [ "$first" = "$second" ]; do sleep 0.1; second=$(client); done
        echo "first $first"; echo "second $second"
    """
    task_id = await busy.create(
        script, scopes=[READS_SECRET], features={"taskclusterProxy": True}, maxRunTime=120
    )
    (run,) = await busy.resolved(task_id)
    log = await busy.log(task_id)
    assert outcome(run) == ("completed", "completed"), log
    assert f"first task-client/{task_id}/0/on/sandbox/local/until/" in log
    assert f"second task-client/{task_id}/0/on/sandbox/local/until/" in log


async def test_a_worker_that_is_stopped_gives_its_task_back(deployment):
    worker = await deployment.start_worker()
    task_id = await deployment.create("echo pid $$; sleep 1000 & wait", retries=1)
    pid = int((await deployment.first_line(task_id, "pid ")).split()[1])
    await worker.close()
    assert not is_alive(pid)
    assert list(deployment.folder.iterdir()) == []
    status = (await deployment.api.call("GET", "queue", "task", task_id, "status"))["status"]
    first, second = status["runs"]
    assert outcome(first) == ("exception", "worker-shutdown")
    assert (second["state"], second["reasonCreated"]) == ("pending", "retry")


async def test_a_worker_that_is_stopped_while_a_cancelled_task_ends_sees_its_end_first(deployment):
    worker = await deployment.start_worker(grace=30.0)
    goes = deployment.folder.parent / "goes"
    task_id = await deployment.create(
        f"trap 'echo told' TERM; echo pid $$; while [ ! -e {goes} ]; do sleep 0.05; done"
    )
    pid = int((await deployment.first_line(task_id, "pid ")).split()[1])
    await deployment.api.call("POST", "queue", "task", task_id, "cancel")
    (log,) = deployment.folder.glob("*/live.log")
    async with asyncio.timeout(LIMIT_SECONDS):
        while "told" not in log.read_text():  # noqa: ASYNC110 - the process sets no Event
            await asyncio.sleep(0.05)
    closing = asyncio.create_task(worker.close())
    await asyncio.sleep(0)
    goes.touch()
    await closing
    assert not is_alive(pid)
    assert list(deployment.folder.iterdir()) == []


async def test_folders_without_write_permission_are_removed_too(busy):
    task_id = await busy.create("mkdir -p a/b; touch a/b/c; chmod 500 a/b a")
    (run,) = await busy.resolved(task_id)
    assert outcome(run) == ("completed", "completed")


async def test_a_task_may_not_reach_what_its_worker_may(busy):
    task_id = await busy.create("env; cat /proc/self/environ", features={"taskclusterProxy": True})
    await busy.resolved(task_id)
    log = await busy.log(task_id)
    assert "TASKCLUSTER_ACCESS_TOKEN" not in log
    assert "TASKCLUSTER_CLIENT_ID" not in log
    with pytest.raises(TaskclusterFailure):
        await Api(busy.http, busy.root_url, Credentials("sandbox/worker", Masked("x"))).call(
            "POST", "queue", "claim-work", TASK_QUEUE, payload={}
        )
