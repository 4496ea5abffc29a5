"""A group of many tasks, put into a sandbox's store as if they had been created and had run."""

import datetime as dt
from types import SimpleNamespace

from console.actions.build_plan import slug_id
from console.sandbox.services.queue_model import Task, save
from console.sandbox.signed_http import Credentials

# What a build's definition has besides: three times as much as a row shows.
_PAYLOAD = {
    "command": [["bash", "-c", "lading-runner publish --repository mozilla/balrog " + "--label a=b " * 40]],
    "env": {f"LADING_VARIABLE_{number}": "value " * 8 for number in range(16)},
    "maxRunTime": 3600,
}


def at(**delta):
    moment = dt.datetime.now(dt.UTC) + dt.timedelta(**delta)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def add_group(sandbox, states):
    """A group with a task in each of the states; its id, and theirs in that order."""
    deployment, group_id = sandbox._deployment, slug_id()
    ids = [slug_id() for _ in states]
    deployment.store.run("insert into task_groups values (?, '-', ?, null)", group_id, at(days=2))
    run = {"runId": 0, "reasonCreated": "scheduled", "scheduled": at(minutes=-9), "started": at(minutes=-8)}
    ended = {"resolved": at(minutes=-5)}
    with deployment.store.transaction():
        for number, (task_id, state) in enumerate(zip(ids, states, strict=True)):
            definition = {
                "provisionerId": "proj-balrog",
                "workerType": "ci",
                "taskQueueId": "proj-balrog/ci",
                "taskGroupId": group_id,
                "schedulerId": "-",
                "projectId": "none",
                "priority": "low",
                "created": at(minutes=-10),
                "deadline": at(hours=2),
                "expires": at(days=1),
                "payload": _PAYLOAD,
                "metadata": {
                    "name": f"test-linux-{number}",
                    "description": "d",
                    "owner": "a@b.c",
                    "source": "https://example.com",
                },
            }
            is_over = state != "running"
            runs = [{**run, **(ended if is_over else {}), "state": state, "reasonResolved": state}]
            if not is_over:
                runs[0].pop("reasonResolved")
                runs[0]["takenUntil"] = at(hours=1)
            save(deployment, Task(task_id, definition, 5, runs))
    return group_id, ids


def as_root(root_url, client_id, token):
    """What `tests.support.builds_console.console` wants to know of a sandbox."""
    return SimpleNamespace(root_url=root_url, hosted=SimpleNamespace(root=Credentials(client_id, token)))
