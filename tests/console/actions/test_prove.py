"""Which task proves a secret, and how long it is waited for."""

import os
from contextlib import AsyncExitStack

import pytest

from console.actions.prove import plan_secret_proof, prove
from console.domain.proof_task import Proof
from console.failures import Absent
from console.sandbox.sample import TASKCLUSTER_YML
from console.sandbox.seed import DOCKERHUB, TASK_QUEUE
from console.sandbox.taskcluster import Sandbox
from runner.errors import Unavailable, UsageError
from tests.support.front import front_of
from tests.support.gateways import Place
from tests.support.task import checkout, git

pytestmark = pytest.mark.enable_socket

# A push to master alone publishes.
ONLY_MASTER = TASKCLUSTER_YML.replace('event.ref[:11] == "refs/heads/"', 'event.ref == "refs/heads/master"')
PATH = os.environ["PATH"]


@pytest.fixture
async def place():
    """As elsewhere, but who asks for work is told at once that there is none."""
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(await Sandbox.start(long_poll=0.0))
        front = await stack.enter_async_context(front_of(sandbox.root_url))
        yield Place(sandbox, front, stack)


@pytest.fixture
def folder(tmp_path):
    return checkout(tmp_path / "balrog", {".taskcluster.yml": ONLY_MASTER})


async def asks_for_work(gateway):
    payload = {"tasks": 1, "workerGroup": "g", "workerId": "w"}
    await gateway.call("queue", "claimWork", TASK_QUEUE, payload=payload)


async def test_the_branch_that_publishes_proves_it_whichever_is_checked_out(place, folder):
    connection = await place.connection()
    await asks_for_work(connection.taskcluster)
    published = git(folder, "rev-parse", "HEAD")
    git(folder, "checkout", "--quiet", "-b", "feature/x")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "not published")
    (folder / "below").mkdir()
    plan = await plan_secret_proof(connection, folder / "below", PATH, DOCKERHUB)
    assert plan.title == f"Prove that mozilla/balrog at {published[:12]} may publish"
    (task,) = plan.tasks
    assert task.definition["payload"]["env"]["LADING_REVISION"] == published
    assert task.definition["payload"]["env"]["CLONE_URL"] == folder.as_uri()
    with pytest.raises(UsageError, match="No push to a branch of mozilla/balrog reads another"):
        await plan_secret_proof(connection, folder, PATH, "another")


async def test_a_real_task_clones_what_was_pushed_from_github(place, tmp_path):
    folder = checkout(tmp_path / "balrog", {".taskcluster.yml": TASKCLUSTER_YML})
    connection = await place.connection()
    await asks_for_work(connection.taskcluster)
    pushed = git(folder, "rev-parse", "HEAD")
    git(folder, "update-ref", "refs/remotes/origin/master", pushed)
    git(folder, "checkout", "--quiet", "-b", "not-pushed")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "not pushed")
    elsewhere = type(connection)(
        type(connection.settings)("https://tc.example.org", connection.settings.credentials),
        connection.taskcluster,
    )
    plan = await plan_secret_proof(elsewhere, folder, PATH, DOCKERHUB)
    environment = plan.tasks[0].definition["payload"]["env"]
    assert environment["LADING_REVISION"] == pushed
    assert environment["CLONE_URL"] == "https://github.com/mozilla/balrog.git"


async def test_where_no_worker_asks_nothing_is_waited_for(place, folder):
    connection = await place.connection()
    with pytest.raises(Unavailable, match=f"No worker of {TASK_QUEUE} has asked for tasks"):
        await plan_secret_proof(connection, folder, PATH, DOCKERHUB)


async def test_a_task_that_no_worker_takes_is_waited_for_so_long_and_no_longer(place, folder):
    connection = await place.connection()
    await asks_for_work(connection.taskcluster)
    plan = await plan_secret_proof(connection, folder, PATH, DOCKERHUB)
    with pytest.raises(Absent):
        await connection.taskcluster.call("queue", "task", plan.tasks[0].task_id)
    found = [each async for each in prove(connection, plan, patience=0.0)]
    proof = found[-1]
    assert isinstance(proof, Proof)
    assert (proof.is_good, proof.failure) == (
        None,
        "No worker took it within 0 s; it still waits for one.",
    )
    assert await connection.taskcluster.call("queue", "task", plan.tasks[0].task_id)
