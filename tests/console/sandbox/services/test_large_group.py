"""A group of 50,000 tasks is listed to its end, a page at a time and no more in memory than a page."""

import base64

import pytest

from console.sandbox.services.queue_model import Task, save
from console.sandbox.store import Store, collation

pytestmark = pytest.mark.enable_socket
SIZE = 50_000
GROUP = "AULwDfvWTe6jAvPHgMIHQQ"


def _task_id(number):
    raw = bytearray((number * 0x9E3779B97F4A7C15).to_bytes(16, "big"))
    raw[6], raw[8] = 0x40 | (raw[6] & 0x0F), 0x80 | (raw[8] & 0x3F)
    return base64.urlsafe_b64encode(bytes(raw)).decode().rstrip("=")


@pytest.fixture
def seeded(sandbox, task, clock):
    """The ids of a group's tasks, in the order of the list; only the first hundred are not resolved."""
    deployment = sandbox._deployment
    definition = task(
        provisionerId="proj",
        workerType="ci",
        taskGroupId=GROUP,
        schedulerId="-",
        projectId="none",
        priority="low",
        expires=clock.at(days=1),
    )
    deployment.store.run("insert into task_groups values (?, '-', ?, null)", GROUP, clock.at(days=2))
    ids = [_task_id(number) for number in range(SIZE)]
    assert len(set(ids)) == SIZE
    run = {"runId": 0, "state": "completed", "reasonCreated": "scheduled", "scheduled": clock.at()}
    with deployment.store.transaction():
        for number, task_id in enumerate(ids):
            save(deployment, Task(task_id, definition, 5, [run] if number >= 100 else []))
    return sorted(ids, key=collation)


async def test_a_large_group_is_listed_to_its_end_and_cancelled(sandbox, service, seeded, monkeypatch):
    most, read = 0, Store.all

    def all_rows(store, sql, *values):
        nonlocal most
        rows = read(store, sql, *values)
        most = max(most, len(rows))
        return rows

    monkeypatch.setattr(Store, "all", all_rows)
    queue, listed = service("queue"), []
    query: dict[str, str] = {}
    while True:
        page = await queue.listTaskGroup(GROUP, query=query)
        listed += [item["status"]["taskId"] for item in page["tasks"]]
        if "continuationToken" not in page:
            break
        query = {"continuationToken": page["continuationToken"]}
    assert listed == seeded
    await queue.sealTaskGroup(GROUP)
    cancelled = await queue.cancelTaskGroup(GROUP)
    assert (cancelled["taskGroupSize"], cancelled["cancelledCount"]) == (SIZE, 100)
    assert most <= 1001


async def test_a_group_s_list_neither_repeats_nor_loses_what_is_there_while_it_grows(service, task):
    queue = service("queue")
    ids = sorted(map(_task_id, range(9)), key=collation)
    await queue.createTask(ids[4], task(taskGroupId=GROUP))
    for task_id in (ids[2], ids[6]):
        await queue.createTask(task_id, task(taskGroupId=GROUP))
    first = await queue.listTaskGroup(GROUP, query={"limit": 2})
    for task_id in (ids[0], ids[5]):
        await queue.createTask(task_id, task(taskGroupId=GROUP))
    token = {"continuationToken": first["continuationToken"]}
    second = await queue.listTaskGroup(GROUP, query={"limit": 2, **token})
    listed = [item["status"]["taskId"] for page in (first, second) for item in page["tasks"]]
    assert listed == [ids[2], ids[4], ids[5], ids[6]]
    assert "continuationToken" not in second
