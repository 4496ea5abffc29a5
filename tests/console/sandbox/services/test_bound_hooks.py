"""Hooks that are bound to the queue's messages fire when tasks change."""

import pytest
import taskcluster

from console.sandbox.pulse import matches
from console.sandbox.services import hook_fire
from console.sandbox.taskcluster import Sandbox

pytestmark = pytest.mark.enable_socket
COMPLETED = "exchange/taskcluster-queue/v1/task-completed"
DEFINED = "exchange/taskcluster-queue/v1/task-defined"
TASK = {
    "taskQueueId": "proj/ci",
    "payload": {},
    "metadata": {"name": "n", "description": "d", "owner": "a@b.c", "source": "https://example.com"},
}
HOOK = {
    "metadata": {"name": "n", "description": "d", "owner": "a@b.c"},
    "triggerSchema": {"type": "object"},
    "task": {
        **TASK,
        "taskQueueId": "proj/hooks",
        "payload": {"heard": {"$eval": "payload"}, "by": "${firedBy}"},
    },
}


@pytest.fixture
async def bound(service):
    """Create a hook of the group `g` that is bound to an exchange by a pattern."""
    scopes = ["queue:create-task:*", "queue:scheduler-id:-"]
    await service("auth").createRole("hook-id:g/*", {"description": "", "scopes": scopes})

    async def make(name, exchange, pattern, **members):
        bindings = [{"exchange": exchange, "routingKeyPattern": pattern}]
        await service("hooks").createHook("g", name, {**HOOK, "bindings": bindings, **members})

    return make


@pytest.fixture
def completed(service, clock):
    """Run a task to its end; its id."""

    async def run(**members):
        task_id = taskcluster.slugId()
        times = {"created": clock.at(), "deadline": clock.at(hours=1)}
        queue = service("queue")
        await queue.createTask(task_id, {**TASK, **times, **members})
        await queue.claimTask(task_id, "0", {"workerGroup": "grp", "workerId": "w1"})
        await queue.reportCompleted(task_id, "0")
        return task_id

    return run


@pytest.fixture
def fires(sandbox, service):
    """The payloads of the tasks that a hook made, the newest first."""

    async def of(name):
        hook_fire.fire_bound(sandbox._deployment)
        status = await service("hooks").getHookStatus("g", name)
        if status["lastFire"]["result"] == "no-fire":
            return []
        told = await service("hooks").listLastFires("g", name)
        assert {fire["firedBy"] for fire in told["lastFires"]} == {"pulseMessage"}
        return [(await service("queue").task(fire["taskId"]))["payload"] for fire in told["lastFires"]]

    return of


async def test_a_hook_hears_of_the_tasks_that_its_pattern_names_once_each(bound, completed, fires):
    await bound("group", COMPLETED, "primary.*.*.*.*.*.*.*.GvsJ43Q5S2ylqHjEvCIsCQ.#")
    await bound("route", COMPLETED, "route.index.mine.*")
    await bound("worker", COMPLETED, "primary.*.0.grp.w1.#")
    group = "GvsJ43Q5S2ylqHjEvCIsCQ"
    mine = await completed(taskGroupId=group, routes=["index.mine.a", "index.mine.b"], tags={"a": "b"})
    other = await completed()
    (heard,) = await fires("group")
    assert heard["by"] == "pulseMessage"
    assert heard["heard"]["status"]["taskId"] == mine
    assert heard["heard"]["status"]["state"] == "completed"
    assert heard["heard"]["task"] == {"tags": {"a": "b"}}
    assert (heard["heard"]["runId"], heard["heard"]["workerId"]) == (0, "w1")
    assert [found["heard"]["status"]["taskId"] for found in await fires("route")] == [mine]
    assert [found["heard"]["status"]["taskId"] for found in await fires("worker")] == [other, mine]


async def test_a_message_that_the_schema_does_not_take_is_discarded(bound, completed, fires):
    picky = {"properties": {"task": {"properties": {"tags": {"required": ["wanted"]}}}}}
    await bound("default", COMPLETED, "#", triggerSchema={"type": "object", "additionalProperties": False})
    await bound("picky", COMPLETED, "#", triggerSchema=picky)
    await bound("unusable", COMPLETED, "#", triggerSchema={"$ref": "http://nowhere.invalid/"})
    await completed()
    wanted = await completed(tags={"wanted": "yes"})
    assert [found["heard"]["status"]["taskId"] for found in await fires("picky")] == [wanted]
    assert await fires("default") == []
    assert await fires("unusable") == []


async def test_a_hook_hears_no_more_once_it_is_unbound_or_removed(bound, completed, fires, service, sandbox):
    await bound("unbound", COMPLETED, "#")
    await bound("removed", COMPLETED, "#")
    await service("hooks").updateHook("g", "unbound", {**HOOK, "bindings": []})
    await completed()
    assert await fires("unbound") == []
    assert sandbox._deployment.pulse.is_heard
    await service("hooks").removeHook("g", "removed")
    assert not sandbox._deployment.pulse.is_heard


async def test_a_hook_that_hears_of_its_own_tasks_leaves_the_sandbox_time_for_others(bound, completed, fires):
    await bound("echo", DEFINED, "#")
    await completed()
    first = len(await fires("echo"))
    assert 0 < first < len(await fires("echo"))


async def test_bindings_outlive_a_restart(tmp_path):
    database = str(tmp_path / "sandbox.sqlite")
    for start in range(2):
        sandbox = await Sandbox.start(database=database)
        try:
            if start == 0:
                hooks = taskcluster.aio.Hooks(
                    {
                        "rootUrl": sandbox.root_url,
                        "credentials": {
                            "clientId": sandbox.root_client_id,
                            "accessToken": sandbox.root_access_token.reveal(),
                        },
                    }
                )
                await hooks.createHook(
                    "g", "h", {**HOOK, "bindings": [{"exchange": COMPLETED, "routingKeyPattern": "#"}]}
                )
            assert sandbox._deployment.pulse.is_heard
        finally:
            await sandbox.close()


@pytest.mark.parametrize(
    ("pattern", "key", "routes"),
    [
        ("#", "", True),
        ("#", "a.b", True),
        ("a.#", "a", True),
        ("a.#.c", "a.c", True),
        ("a.#.c", "a.b.b.c", True),
        ("a.#.c", "a.b.b", False),
        ("*", "a.b", False),
        ("*.b", "a.b", True),
        ("a.*", "a", False),
        ("a.b", "a.b", True),
        ("a.b", "a.c", False),
        ("#.#.*", "a", True),
        (".".join(["#"] * 200) + ".x", ".".join("a" * 200), False),
    ],
)
def test_a_topic_pattern_routes_what_amqp_says(pattern, key, routes):
    assert matches(pattern, key) is routes
