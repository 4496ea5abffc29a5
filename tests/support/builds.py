"""A hosted sandbox with its worker, and tasks to build in it."""

import datetime as dt
import io
import threading
import time
from contextlib import contextmanager

from console import cli
from console.actions.build_plan import slug_id
from console.sandbox.seed import TASK_QUEUE
from console.sandbox.signed_http import Credentials
from console.sandbox.task_run import WorkerSettings
from console.sandbox.worker import Worker
from tests.support.deployment import MACHINE
from tests.support.hosted_sandbox import hosted_sandbox

LIMIT_SECONDS = 120


def until(condition, what):
    """Ask until the answer is something."""
    end = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {LIMIT_SECONDS} s: {what}")


class Builds:
    """The sandbox, and what a test does in it as root.

    Args:
        hosted: the sandbox.
        folder: where its worker's tasks run.
    """

    def __init__(self, hosted, folder):
        self.hosted = hosted
        self.folder = folder

    def __getattr__(self, name):
        return getattr(self.hosted, name)

    @property
    def variables(self):
        """The variables of the root client."""
        return {
            "TASKCLUSTER_ROOT_URL": self.hosted.root_url,
            "TASKCLUSTER_CLIENT_ID": self.hosted.root.client_id,
            "TASKCLUSTER_ACCESS_TOKEN": self.hosted.root.access_token.reveal(),
        }

    def create(self, script, *, group=None, task_id=None, hours=1.0, queue=TASK_QUEUE, retries=0, **members):
        """Create a task that runs a script; its id."""
        task_id = task_id or slug_id()
        now = dt.datetime.now(dt.UTC)
        payload = {
            "command": [["bash", "-c", script]],
            "maxRunTime": 600,
            **members.pop("payload", {}),
        }
        task = {
            "taskQueueId": queue,
            "taskGroupId": group or task_id,
            "schedulerId": "taskcluster-github",
            "created": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "deadline": (now + dt.timedelta(hours=hours))
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            "retries": retries,
            "payload": payload,
            "metadata": {
                "name": "a build",
                "description": "d",
                "owner": "octocat@example.com",
                "source": f"https://github.com/mozilla/balrog/commit/{'a' * 40}",
            },
            **members,
        }
        self.call("PUT", "queue", "task", task_id, payload=task)
        return task_id

    def status(self, task_id):
        return self.call("GET", "queue", "task", task_id, "status")["status"]

    def when(self, task_id, *states):
        """Wait for the task to be in one of the states."""

        def reached():
            status = self.status(task_id)
            return status if status["state"] in states else None

        return until(reached, f"{task_id} {states}")

    def resolved(self, task_id):
        return self.when(task_id, "completed", "failed", "exception")

    def release(self, name):
        """Make the file that tasks wait for by `wait_for(name)`."""
        (self.folder / name).touch()

    def wait_for(self, name):
        """A line of a script that waits for `release`."""
        return f"while [ ! -e {self.folder / name} ]; do sleep 0.05; done"


class Meanwhile:
    """A command that runs while the test goes on, and reads nothing."""

    def __init__(self, builds, *words, **variables):
        self._code = None
        self._out, self._err = io.StringIO(), io.StringIO()
        self._thread = threading.Thread(target=self._run, args=(words, {**builds.variables, **variables}))
        self._thread.start()

    def _run(self, words, variables):
        self._code = cli.run(words, variables, self._out, self._err)

    def until_it_says(self, words):
        """Wait for it to print that."""
        until(lambda: words in self._out.getvalue(), words)

    def end(self):
        """What it exits with, prints and tells."""
        self._thread.join(60)
        assert not self._thread.is_alive()
        return self._code, self._out.getvalue(), self._err.getvalue()


@contextmanager
def builds_with_worker(folder):
    """A sandbox whose worker is at work, for as long as the context is open."""
    tasks = folder / "tasks"
    tasks.mkdir()
    with hosted_sandbox() as hosted:
        client = hosted.call("POST", "auth", "clients", "sandbox/worker", "reset")
        settings = WorkerSettings(
            root_url=hosted.root_url,
            task_queue_id=TASK_QUEUE,
            environment=MACHINE,
            folder=tasks,
            grace=5.0,
            renew_every=0.2,
        )
        worker = hosted.wait(Worker.start(settings, Credentials.from_json(client)))
        try:
            yield Builds(hosted, folder)
        finally:
            hosted.wait(worker.close())
