"""Tasks live and end by the queue's rules, those of time included."""

import asyncio

import pytest
import taskcluster
from taskcluster.exceptions import TaskclusterRestFailure

from console.sandbox.services import queue_resolve

pytestmark = pytest.mark.enable_socket
WORKER = {"workerGroup": "g", "workerId": "w"}


@pytest.fixture
def running(service, task):
    """Create a task and claim it: its id and its credentials."""

    async def make(**members):
        queue, task_id = service("queue"), taskcluster.slugId()
        await queue.createTask(task_id, task(**members))
        return task_id, (await queue.claimTask(task_id, "0", WORKER))["credentials"]

    return make


def _pass(sandbox):
    queue_resolve.pass_time(sandbox._deployment)


async def _state(service, task_id):
    status = (await service("queue").status(task_id))["status"]
    return status["state"], [(run["state"], run.get("reasonResolved")) for run in status["runs"]]


async def test_a_claim_that_is_not_renewed_is_given_up_and_retried(sandbox, service, clock, running):
    task_id, _credentials = await running(retries=1)
    clock.advance(minutes=20, seconds=4)
    _pass(sandbox)
    assert (await _state(service, task_id))[0] == "running"
    clock.advance(seconds=2)
    _pass(sandbox)
    assert await _state(service, task_id) == ("pending", [("exception", "claim-expired"), ("pending", None)])
    with pytest.raises(TaskclusterRestFailure, match="is resolved or not running"):
        await service("queue").reclaimTask(task_id, "0")


async def test_without_retries_left_an_expired_claim_ends_the_task(sandbox, service, clock, running):
    task_id, _credentials = await running(retries=0)
    clock.advance(minutes=21)
    _pass(sandbox)
    assert await _state(service, task_id) == ("exception", [("exception", "claim-expired")])


async def test_a_renewed_claim_lives_on(sandbox, service, clock, running):
    task_id, credentials = await running()
    clock.advance(minutes=12)
    renewed = await service("queue", **credentials).reclaimTask(task_id, "0")
    clock.advance(minutes=12)
    _pass(sandbox)
    mine = service("queue", **renewed["credentials"])
    assert (await mine.reportCompleted(task_id, "0"))["status"]["state"] == "completed"


async def test_task_credentials_end_after_twenty_minutes(service, clock, running):
    task_id, credentials = await running()
    clock.advance(minutes=20, seconds=1)
    with pytest.raises(taskcluster.exceptions.TaskclusterAuthFailure, match=r"certificate\.expiry < now"):
        await service("queue", **credentials).reclaimTask(task_id, "0")


async def test_task_credentials_hold_what_a_run_may_and_its_task_scopes(service, running):
    await service("auth").createRole("anonymous", {"description": "", "scopes": ["auth:current-scopes"]})
    task_id, credentials = await running(scopes=["secrets:get:x"])
    held = (await service("auth", **credentials).currentScopes())["scopes"]
    own = [f"queue:{what}:{task_id}/0" for what in ("create-artifact", "reclaim-task", "resolve-task")]
    assert held == ["assume:anonymous", "auth:current-scopes", *own, "secrets:get:x"]


async def test_a_task_is_resolved_a_minute_after_its_deadline(sandbox, service, clock, task):
    task_id = taskcluster.slugId()
    await service("queue").createTask(task_id, task(deadline=clock.at(minutes=1)))
    clock.advance(minutes=1, seconds=50)
    _pass(sandbox)
    assert (await _state(service, task_id))[0] == "pending"
    clock.advance(seconds=20)
    _pass(sandbox)
    assert await _state(service, task_id) == ("exception", [("exception", "deadline-exceeded")])


async def test_who_waits_for_work_is_given_it_at_once(sandbox, service, task, monkeypatch):
    arrivals, waits = sandbox._deployment.arrivals, asyncio.Event()
    wait = arrivals.wait

    async def wait_and_tell(*arguments):
        waits.set()
        await wait(*arguments)

    monkeypatch.setattr(arrivals, "wait", wait_and_tell)
    sandbox._deployment.long_poll = 600
    queue, task_id = service("queue"), taskcluster.slugId()
    waiting = asyncio.create_task(queue.claimWork("proj/ci", {"tasks": 1, **WORKER}))
    await waits.wait()
    await queue.createTask(task_id, task())
    async with asyncio.timeout(120):
        claimed = await waiting
    assert [item["status"]["taskId"] for item in claimed["tasks"]] == [task_id]


async def test_where_there_is_no_work_the_answer_is_empty(service):
    assert await service("queue").claimWork("proj/none", {"tasks": 1, **WORKER}) == {"tasks": []}


async def test_the_highest_priority_is_claimed_first(service, task):
    queue = service("queue")
    for priority in ("lowest", "high", "medium"):
        await queue.createTask(taskcluster.slugId(), task(priority=priority))
    claimed = (await queue.claimWork("proj/ci", {"tasks": 2, **WORKER}))["tasks"]
    assert [item["task"]["priority"] for item in claimed] == ["high", "medium"]


@pytest.mark.parametrize(
    "case",
    [
        ("all-completed", "reportCompleted", "pending"),
        ("all-completed", "reportFailed", "unscheduled"),
        ("all-resolved", "reportFailed", "pending"),
    ],
    ids=" ".join,
)
async def test_a_task_waits_for_those_it_depends_on(service, task, running, case):
    requires, ends, expected = case
    first, credentials = await running()
    second = taskcluster.slugId()
    await service("queue").createTask(second, task(dependencies=[first], requires=requires))
    await getattr(service("queue", **credentials), ends)(first, "0")
    assert (await _state(service, second))[0] == expected


@pytest.mark.parametrize(
    ("reason", "created"), [("worker-shutdown", "retry"), ("intermittent-task", "task-retry")]
)
async def test_some_exceptions_are_worth_another_run(service, running, reason, created):
    task_id, credentials = await running()
    answer = await service("queue", **credentials).reportException(task_id, "0", {"reason": reason})
    assert answer["status"]["runs"][1]["reasonCreated"] == created
    assert answer["status"]["retriesLeft"] == 4


async def test_the_scopes_of_a_task_are_needed_to_create_it(service, clock, task):
    held = ["queue:create-task:low:proj/ci", "queue:create-task:project:none", "queue:scheduler-id:-"]
    body = {"expires": clock.at(hours=1), "description": "", "scopes": held}
    made = await service("auth").createClient("maker", body)
    mine = service("queue", clientId="maker", accessToken=made["accessToken"])
    await mine.createTask(taskcluster.slugId(), task(priority="lowest"))
    with pytest.raises(TaskclusterRestFailure, match="missing the following scopes") as refused:
        await mine.createTask(taskcluster.slugId(), task(scopes=["secrets:get:x"]))
    assert refused.value.status_code == 403
    with pytest.raises(TaskclusterRestFailure, match="queue:create-task:highest:proj/ci"):
        await mine.createTask(taskcluster.slugId(), task(priority="high"))


async def test_artifacts_are_taken_for_25_minutes_after_an_exception(service, clock, running):
    task_id, _credentials = await running()
    queue = service("queue")
    await queue.reportException(task_id, "0", {"reason": "internal-error"})
    artifact = {"storageType": "s3", "contentType": "text/plain", "expires": clock.at(days=1)}
    clock.advance(minutes=24)
    await queue.createArtifact(task_id, "0", "public/a", artifact)
    clock.advance(minutes=2)
    with pytest.raises(TaskclusterRestFailure, match="only up to 25 min past resolution"):
        await queue.createArtifact(task_id, "0", "public/b", artifact)


async def test_an_expired_artifact_is_gone_and_still_described(service, clock, running):
    task_id, _credentials = await running()
    queue = service("queue")
    artifact = {"storageType": "s3", "contentType": "text/plain", "expires": clock.at(minutes=1)}
    await queue.createArtifact(task_id, "0", "public/a", artifact)
    clock.advance(minutes=2)
    with pytest.raises(TaskclusterRestFailure) as gone:
        await queue.getArtifact(task_id, "0", "public/a")
    assert gone.value.status_code == 410
    assert (await queue.artifactInfo(task_id, "0", "public/a"))["storageType"] == "s3"
