"""Hooks create tasks: when they are triggered, and when they are due."""

import pytest
import taskcluster
from taskcluster.exceptions import TaskclusterRestFailure

from console.sandbox.services import hook_fire

pytestmark = pytest.mark.enable_socket
TASK = {
    "taskQueueId": "proj/ci",
    "payload": {"by": {"$eval": "firedBy"}},
    "metadata": {"name": "n", "description": "d", "owner": "a@b.c", "source": "https://example.com"},
}


@pytest.fixture
def hook(service):
    """Create a hook `g/h` whose role may create its task."""

    async def make(*, role=("queue:create-task:*", "queue:scheduler-id:-"), **members):
        if role:
            await service("auth").createRole("hook-id:g/h", {"description": "", "scopes": list(role)})
        metadata = {"name": "n", "description": "d", "owner": "a@b.c"}
        return await service("hooks").createHook("g", "h", {"metadata": metadata, "task": TASK, **members})

    return make


def _due(sandbox):
    hook_fire.fire_scheduled(sandbox._deployment)


async def _fires(service):
    return [
        (fire["firedBy"], fire["result"], fire["taskState"])
        for fire in (await service("hooks").listLastFires("g", "h"))["lastFires"]
    ]


async def test_a_hook_fires_by_itself_when_it_is_due_and_once(sandbox, service, clock, hook):
    await hook(schedule=["* * * * *"])
    before = (await service("hooks").getHookStatus("g", "h"))["nextScheduledDate"]
    _due(sandbox)
    clock.advance(minutes=5)
    _due(sandbox)
    _due(sandbox)
    assert await _fires(service) == [("schedule", "success", "pending")]
    status = await service("hooks").getHookStatus("g", "h")
    assert status["nextScheduledDate"] > before
    created = await service("queue").task(status["lastFire"]["taskId"])
    assert created["payload"] == {"by": "schedule"}


async def test_a_due_hook_that_cannot_fire_says_so_and_stays(sandbox, service, clock, hook):
    await hook(schedule=["* * * * *"], role=())
    clock.advance(minutes=2)
    _due(sandbox)
    assert await _fires(service) == [("schedule", "error", "unknown")]
    last = (await service("hooks").getHookStatus("g", "h"))["lastFire"]
    assert last["error"]["message"].startswith("The role `hook-id:g/h` does not have sufficient scopes")


async def test_what_the_role_lacks_is_told_to_who_triggers(service, hook):
    await hook(role=("queue:create-task:project:none",))
    with pytest.raises(TaskclusterRestFailure, match="is missing the following") as refused:
        await service("hooks").triggerHook("g", "h", {})
    assert refused.value.status_code == 403
    assert "queue:scheduler-id:-" in str(refused.value)


async def test_what_the_queue_refuses_is_told(service, hook):
    await hook(task={**TASK, "priority": "urgent"})
    with pytest.raises(
        TaskclusterRestFailure, match="While calling createTask: InputValidationError"
    ) as refused:
        await service("hooks").triggerHook("g", "h", {})
    assert refused.value.status_code == 400


async def test_a_template_that_renders_to_nothing_creates_nothing(service, hook):
    await hook(task={"$if": "'go' in payload", "then": TASK}, triggerSchema={"type": "object"})
    assert await service("hooks").triggerHook("g", "h", {}) == {}
    with pytest.raises(TaskclusterRestFailure, match="No such hook or never fired"):
        await _fires(service)
    task_id = taskcluster.slugId()
    fired = await service("hooks").triggerHook("g", "h", {"go": 1, "taskId": task_id})
    assert fired["taskId"] == task_id
    assert await _fires(service) == [("triggerHook", "success", "pending")]


async def test_an_operand_that_is_wrong_is_an_error_of_the_hook(service, hook):
    await hook(task={**TASK, "payload": {"$eval": "payload.a - payload.b"}}, triggerSchema={"type": "object"})
    with pytest.raises(TaskclusterRestFailure, match="While firing hook:"):
        await service("hooks").triggerHook("g", "h", {"a": "x", "b": []})


async def test_last_fires_come_in_pages_the_newest_first(service, hook):
    await hook()
    made = [(await service("hooks").triggerHook("g", "h", {}))["taskId"] for _ in range(5)]
    listed: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = await service("hooks").listLastFires("g", "h", query={"limit": 2, **token})
        listed += [fire["taskId"] for fire in page["lastFires"]]
        if "continuationToken" not in page:
            break
        token = {"continuationToken": page["continuationToken"]}
    assert listed == made[::-1]
