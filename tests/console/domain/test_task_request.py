"""What the queue asks of a definition, and of whoever creates the task."""

from datetime import UTC, datetime
from typing import Any

import pytest

from console.domain.task_request import lacking_scopes, needed_scopes, pool_of, refusals

NOW = datetime(2026, 11, 24, 3, 29, 36, tzinfo=UTC)
TASK_ID = "OrYN85nUSMq8yJTlZELeYw"
TASK: dict[str, Any] = {
    "taskQueueId": "proj-opt/ci",
    "schedulerId": "taskcluster-github",
    "projectId": "opt",
    "taskGroupId": TASK_ID,
    "priority": "low",
    "deadline": "2026-11-24T05:32:32.750Z",
    "scopes": ["secrets:get:project/opt/*"],
    "routes": ["index.opt.v1", "statuses"],
    "payload": {},
    "metadata": {"name": "n", "description": "d", "owner": "o", "source": "https://example.com"},
}


def test_the_expression_is_the_one_of_the_queues_own_403():
    assert needed_scopes(TASK) == {
        "AllOf": [
            "secrets:get:project/opt/*",
            "queue:route:index.opt.v1",
            "queue:route:statuses",
            "queue:create-task:project:opt",
            "queue:scheduler-id:taskcluster-github",
            {
                "AnyOf": [
                    f"queue:create-task:{level}:proj-opt/ci"
                    for level in ("highest", "very-high", "high", "medium", "low")
                ]
            },
        ]
    }


def test_without_a_project_and_a_priority_it_is_project_none_at_the_lowest():
    assert lacking_scopes([{"provisionerId": "p", "workerType": "w"}], []) == (
        "queue:create-task:lowest:p/w",
        "queue:create-task:project:none",
        "queue:scheduler-id:-",
    )


def test_what_is_lacking_is_the_least_that_suffices():
    held = ["queue:create-task:high:proj-opt/*", "queue:route:*", "queue:scheduler-id:taskcluster-github"]
    assert lacking_scopes([TASK], held) == ("queue:create-task:project:opt", "secrets:get:project/opt/*")
    lacking = lacking_scopes([TASK], [])
    assert "queue:create-task:low:proj-opt/ci" in lacking
    assert lacking_scopes([TASK], lacking) == ()


def test_a_definition_in_order_is_refused_nothing():
    assert list(refusals(TASK_ID, TASK, NOW)) == []


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"taskGroupId": "group"}, ("taskGroupId",)),
        ({"taskQueueId": "proj-opt"}, ("taskQueueId",)),
        ({"taskQueueId": None}, ()),
        ({"deadline": "2026-12-24T05:32:32.750Z"}, ("deadline",)),
        ({"deadline": "2026-11-23T05:32:32.750Z"}, ("deadline",)),
        ({"deadline": "tomorrow"}, ("deadline",)),
        ({"created": "2026-11-24"}, ("created",)),
        ({"expires": "2026-11-24T04:00:00Z"}, ("expires",)),
        ({"priority": "normal"}, ("priority",)),
        ({"payload": None}, ("payload",)),
        ({"metadata": None}, ("metadata",)),
        ({"metadata": {**TASK["metadata"], "owner": 3}}, ("metadata", "owner")),
        ({"metadata": {**TASK["metadata"], "source": "ftp://x"}}, ("metadata", "source")),
        ({"scopes": ["a**"]}, ("scopes", 0)),
        ({"scopes": ["a", "ä"]}, ("scopes", 1)),
        ({"scopes": "a"}, ("scopes",)),
        ({"routes": ["x" * 250]}, ("routes", 0)),
    ],
    ids=str,
)
def test_what_the_queue_refuses_is_told_with_its_place(change, path):
    task = {key: value for key, value in {**TASK, **change}.items() if value is not None}
    assert [found for _reason, found in refusals(TASK_ID, task, NOW)] == [path]


def test_an_id_that_is_no_slug_is_refused():
    assert [path for _reason, path in refusals("build", TASK, NOW)] == [("taskId",)]


def test_both_spellings_of_a_pool_are_read():
    assert pool_of({"provisionerId": "p", "workerType": "w"}) == pool_of({"taskQueueId": "p/w"}) == "p/w"
