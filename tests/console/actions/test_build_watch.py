"""Watching over trouble, and creating a task once however often it is sent."""

import asyncio
import datetime as dt
import json
from contextlib import aclosing

import pytest

from console.actions.build_plan import plan_hook, plan_retrigger, slug_id
from console.actions.build_trigger import trigger
from console.actions.build_watch import watch, what_to_watch
from console.domain.build_plan import KEEPS
from console.domain.group_progress import Standing, TaskChange
from console.failures import Absent
from runner.errors import Conflict, ExitCode, Unavailable, UsageError
from tests.support.front import CUT, CUT_AFTER, Fault

pytestmark = pytest.mark.enable_socket


def at(**delta):
    moment = dt.datetime.now(dt.UTC) + dt.timedelta(**delta)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def create(gateway, task_id=None, **members):
    task_id = task_id or slug_id()
    task = {
        "taskQueueId": "proj-balrog/ci",
        "created": at(),
        "deadline": at(hours=1),
        "payload": {"nothing": None},
        "metadata": {"name": "n", "description": "d", "owner": "a@b.c", "source": "https://b.invalid"},
        **members,
    }
    await gateway.call("queue", "createTask", task_id, payload=task)
    return task_id


async def watched(connection, named, meanwhile=None):
    found = []
    async with (
        asyncio.timeout(120),
        aclosing(watch(connection, await what_to_watch(connection, named))) as steps,
    ):
        async for step in steps:
            found.append(step)
            if meanwhile is not None:
                await meanwhile()
                meanwhile = None
    return found


async def test_a_network_that_is_lost_for_good_is_told_after_all_attempts(place):
    gateway = await place.gateway()
    task_id = await create(gateway)

    async def lose():
        place.front.faults = [Fault(CUT)] * 100

    with pytest.raises(Unavailable) as caught:
        await watched(await place.connection(), task_id, lose)
    assert caught.value.exit_code == ExitCode.UNAVAILABLE
    # Four looks, of four attempts each.
    assert sum("It is asked again." in told for told in place.told) == 3


async def test_a_network_that_comes_back_is_no_end(place):
    gateway = await place.gateway()
    task_id = await create(gateway)

    async def cancel_then_lose():
        await gateway.call("queue", "cancelTask", task_id)
        place.front.faults = [Fault(CUT)] * 5 + [Fault(429, {"Retry-After": "7"}), Fault(503)]

    *changes, end = await watched(await place.connection(), task_id, cancel_then_lose)
    assert [change.task.result for change in changes] == ["pending", "exception (canceled)"]
    assert end == Standing({"exception": 1}, (task_id,))
    assert 7.0 in place.slept
    assert any("It is asked again." in told for told in place.told)


async def test_a_rerun_is_a_change_though_the_state_is_the_same(place):
    gateway = await place.gateway()
    task_id = await create(gateway)

    async def again():
        await gateway.call("queue", "cancelTask", task_id)
        await gateway.call("queue", "rerunTask", task_id)
        await gateway.call("queue", "cancelTask", task_id)

    *changes, _end = await watched(await place.connection(), task_id, again)
    assert [(len(change.task.runs), change.before) for change in changes] == [(1, None), (2, "pending")]


async def test_what_is_no_task_and_no_group_is_told(place):
    with pytest.raises(Absent):
        await what_to_watch(await place.connection(), slug_id())


async def test_a_group_whose_id_is_no_task_is_watched_whole(place):
    gateway = await place.gateway()
    group = slug_id()
    ids = {await create(gateway, taskGroupId=group) for _number in range(3)}

    async def end():
        for task_id in ids:
            await gateway.call("queue", "cancelTask", task_id)

    found = await watched(await place.connection(), group, end)
    assert {step.task.task_id for step in found if isinstance(step, TaskChange)} == ids
    assert found[-1].counts == {"exception": 3}


@pytest.mark.parametrize("fault", [CUT, CUT_AFTER])
async def test_a_task_is_created_once_by_the_same_bytes_however_often_it_is_sent(place, fault):
    gateway = await place.gateway()
    old = await create(gateway)
    connection = await place.connection()
    plan = await plan_retrigger(connection, old)
    (task,) = plan.tasks
    sent = json.dumps(task.definition)
    place.front.faults = [Fault(fault)] * 2
    place.front.requests.clear()
    done = await trigger(connection, plan)
    assert done.task_ids == (task.task_id,)
    assert place.front.requests.count(f"PUT /api/queue/v1/task/{task.task_id}") == 3
    assert json.dumps(task.definition) == sent
    kept = await gateway.call("queue", "task", task.task_id)
    assert kept["payload"] == {"nothing": None}
    # The plan done twice makes nothing new.
    assert await trigger(connection, plan) == done


async def test_what_was_created_though_no_answer_came_is_found(place):
    gateway = await place.gateway()
    old = await create(gateway)
    connection = await place.connection()
    plan = await plan_retrigger(connection, old)
    place.front.faults = [Fault(CUT_AFTER)] + [Fault(CUT)] * 3
    assert (await trigger(connection, plan)).task_ids == (plan.tasks[0].task_id,)


async def test_a_sealed_group_takes_no_more_and_says_so(place):
    gateway = await place.gateway()
    old = await create(gateway)
    await gateway.call("queue", "sealTaskGroup", old)
    connection = await place.connection()
    plan = await plan_retrigger(connection, old, same_group=True)
    with pytest.raises(Conflict, match="is sealed"):
        await trigger(connection, plan)
    assert (await trigger(connection, await plan_retrigger(connection, old))).group_id != old


async def test_a_plan_that_is_too_old_is_not_sent(place):
    gateway = await place.gateway()
    connection = await place.connection()
    plan = await plan_retrigger(connection, await create(gateway))
    later = await place.connection(now=lambda: (plan.made + KEEPS).timestamp() + 60)
    with pytest.raises(UsageError, match="Plan it again"):
        await trigger(later, plan)


async def test_a_hook_must_be_named_whole(place):
    with pytest.raises(UsageError, match="GROUP/HOOK"):
        await plan_hook(await place.connection(), "project-balrog", {})
