"""A task knows itself by what every worker sets."""

import pytest

from runner.errors import UsageError
from runner.task.identity import TaskIdentity

TASK = {"TASK_ID": "fN1SbArXTPSVFNUvaOlinQ", "RUN_ID": "1", "TASKCLUSTER_ROOT_URL": "https://tc.example.com/"}


def test_a_task_without_a_proxy():
    identity = TaskIdentity.from_environment({**TASK, "TASKCLUSTER_PROXY_URL": ""})
    assert (identity.run_id, identity.proxy_url) == (1, None)
    assert identity.url == "https://tc.example.com/tasks/fN1SbArXTPSVFNUvaOlinQ/runs/1"


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        ({"TASK_ID": ""}, "TASK_ID is not set"),
        ({"TASK_ID": "", "RUN_ID": ""}, "TASK_ID, RUN_ID is not set"),
        ({"RUN_ID": "one"}, "RUN_ID is no number"),
        ({"RUN_ID": "²"}, "RUN_ID is no number"),
        ({"RUN_ID": "-1"}, "RUN_ID is no number"),
        ({"RUN_ID": "9" * 5000}, "RUN_ID is no number"),
    ],
)
def test_what_is_no_task_is_told(change, seen):
    with pytest.raises(UsageError, match=seen):
        TaskIdentity.from_environment({**TASK, **change})
