"""What the sandbox's queue publishes is of the published form."""

import jsonschema
import pytest

from console.sandbox.services.queue_messages import messages
from console.sandbox.services.queue_model import Task

GROUP = "AAAAAAAAQAGAAAAAAAAAAA"
TIME = "2026-11-24T03:32:32.750Z"
DEFINITION = {
    "provisionerId": "proj",
    "workerType": "ci",
    "taskQueueId": "proj/ci",
    "schedulerId": "-",
    "projectId": "none",
    "taskGroupId": GROUP,
    "priority": "lowest",
    "deadline": TIME,
    "expires": TIME,
    "routes": ["index.a.b"],
    "tags": {"a": "b"},
}
CLAIMED = {"state": "running", "workerGroup": "grp", "workerId": "w1", "takenUntil": TIME, "started": TIME}


def task(*runs):
    return Task(GROUP, DEFINITION, 5, [{"runId": number, **run} for number, run in enumerate(runs)])


PENDING = {"state": "pending", "reasonCreated": "scheduled", "scheduled": TIME}
RUNNING = {**PENDING, **CLAIMED}
LOST = {**RUNNING, "state": "exception", "reasonResolved": "claim-expired", "resolved": TIME}
CANCELLED = {"state": "exception", "reasonCreated": "exception", "reasonResolved": "canceled"}
CANCELLED |= {"scheduled": TIME, "resolved": TIME}


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (None, task(), ["defined"]),
        (None, task(PENDING), ["defined", "pending"]),
        (task(), task(PENDING), ["pending"]),
        (task(PENDING), task(RUNNING), ["running"]),
        (task(RUNNING), task(RUNNING), []),
        (task(RUNNING), task(LOST, PENDING), ["pending"]),
        (task(LOST, PENDING), task(LOST, RUNNING), ["running"]),
        (task(), task(CANCELLED), ["exception"]),
        *(
            (
                task(RUNNING),
                task({**RUNNING, "state": state, "reasonResolved": state, "resolved": TIME}),
                [state],
            )
            for state in ("completed", "failed")
        ),
    ],
)
def test_each_change_of_a_task_is_told_by_its_message(schemas, before, after, told):
    found = list(messages(before, after))
    assert [message.exchange for message in found] == [
        f"exchange/taskcluster-queue/v1/task-{what}" for what in told
    ]
    for message, what in zip(found, told, strict=True):
        schema = {"$ref": f"http://references.test/schemas/queue/v1/task-{what}-message.json#"}
        jsonschema.Draft6Validator(schema, registry=schemas).validate(message.payload)
        primary, *copies = message.keys
        last = after.runs[-1] if after.runs else {}
        words = [last.get(name, "_") for name in ("runId", "workerGroup", "workerId")]
        assert primary == ".".join(map(str, ["primary", GROUP, *words, "proj", "ci", "-", GROUP, "_"]))
        assert copies == ["route.index.a.b"]
