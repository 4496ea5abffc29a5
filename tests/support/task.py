"""A task for the runner to run in: a sandbox on a thread, a claimed task, its proxy, its environment."""

from __future__ import annotations

import secrets
import subprocess
import sys
from base64 import urlsafe_b64encode
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from console.sandbox.proxy import TaskProxy
from console.sandbox.signed_http import Credentials
from console.sandbox.taskcluster import Sandbox
from runner.task.hawk import hawk_authorizer
from runner.task.taskcluster_http import Taskcluster, quoted
from tests.support.loops import loop_on_thread

POOL = "proj-balrog/ci"
SLUG = "mozilla/balrog"
SECRET = f"repo:github.com/{SLUG}:dockerhub"
ANONYMOUS = (
    "queue:get-artifact:public/*",
    "queue:get-task:*",
    "queue:status:*",
    "queue:list-artifacts:*",
    "index:find-task:*",
)
ROOT = Path(__file__).parents[2]


def slugid():
    """A new task id."""
    raw = bytearray(secrets.token_bytes(16))
    raw[0] &= 0x7F
    raw[6] = (raw[6] & 0x0F) | 0x40
    raw[8] = (raw[8] & 0x3F) | 0x80
    return urlsafe_b64encode(bytes(raw)).decode().rstrip("=")


def moment(**delta):
    """A time from now on, as Taskcluster writes it."""
    return (datetime.now(UTC) + timedelta(**delta)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class RootTaskcluster:
    """A sandbox, called with the root client's credentials, and the tasks in it.

    Args:
        wait: gives what a coroutine of the sandbox's thread returns.
        sandbox: on that thread.
    """

    def __init__(self, wait, sandbox):
        self.wait = wait
        self.root_url = sandbox.root_url
        credentials = {"clientId": sandbox.root_client_id, "accessToken": sandbox.root_access_token.reveal()}
        self.client = Taskcluster(self.root_url, authorize=hawk_authorizer(credentials, self.clock))
        self.proxies = []

    @staticmethod
    def clock():
        return datetime.now(UTC).timestamp()

    def call(self, method, service, path, body=None):
        """What a service answers the root client."""
        return self.client.call(method, service, path, body)

    def set_secret(self, content, name=SECRET):
        """Set a secret that does not expire soon."""
        self.call("PUT", "secrets", f"secret/{quoted(name)}", {"secret": content, "expires": moment(days=30)})

    def task(self, *, scopes=(f"secrets:get:{SECRET}",), payload=None, **changes):
        """Create a task and claim its first run."""
        definition = {
            "taskQueueId": POOL,
            "schedulerId": "taskcluster-github",
            "created": moment(),
            "deadline": moment(hours=1),
            "expires": moment(days=20),
            "scopes": list(scopes),
            "payload": payload or {},
            "metadata": {
                "name": "image",
                "description": "builds the image",
                "owner": "release@example.com",
                "source": f"https://github.com/{SLUG}",
            },
            **changes,
        }
        task_id = slugid()
        self.call("PUT", "queue", f"task/{task_id}", definition)
        return Task(self, task_id, 0, definition)


class Task:
    """One run of a task, claimed."""

    def __init__(self, taskcluster, task_id, run_id, definition):
        self.taskcluster, self.task_id, self.run_id, self.definition = (
            taskcluster,
            task_id,
            run_id,
            definition,
        )
        worker = {"workerGroup": "grp", "workerId": "w1"}
        claim = taskcluster.call("POST", "queue", f"task/{task_id}/runs/{run_id}/claim", worker)
        self.credentials = Credentials.from_json(claim["credentials"])
        scopes = [*definition["scopes"], f"queue:create-artifact:{task_id}/{run_id}"]
        proxy = taskcluster.wait(TaskProxy.start(taskcluster.root_url, self.credentials, scopes))
        taskcluster.proxies.append(proxy)
        self.proxy_url = proxy.url

    @property
    def environment(self):
        """What a worker gives a task."""
        return {
            "TASK_ID": self.task_id,
            "RUN_ID": str(self.run_id),
            "TASKCLUSTER_ROOT_URL": self.taskcluster.root_url,
            "TASKCLUSTER_PROXY_URL": self.proxy_url,
        }

    def resolve(self, how="completed"):
        """End the run."""
        self.taskcluster.call("POST", "queue", f"task/{self.task_id}/runs/{self.run_id}/{how}", {})

    def rerun(self):
        """End this run, if it has not ended, and claim the next."""
        self.taskcluster.call("POST", "queue", f"task/{self.task_id}/rerun")
        return Task(self.taskcluster, self.task_id, self.run_id + 1, self.definition)

    def upload(self, name, content, content_type="application/json"):
        """Upload an artifact as a worker does."""
        path = f"task/{self.task_id}/runs/{self.run_id}/artifacts/{quoted(name)}"
        body = {"storageType": "s3", "contentType": content_type, "expires": moment(days=10)}
        answer = self.taskcluster.call("POST", "queue", path, body)
        self.taskcluster.client.put_bytes(answer["putUrl"], content, {"Content-Type": content_type})

    def upload_folder(self, folder):
        """Upload a declared directory, as the worker does when the command has ended."""
        for file in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
            self.upload(f"public/{file.relative_to(folder)}", file.read_bytes())


@contextmanager
def taskcluster():
    """A running sandbox with the role `anonymous` as public deployments have it."""
    with loop_on_thread("sandbox") as wait:
        sandbox = wait(Sandbox.start())
        found = RootTaskcluster(wait, sandbox)
        try:
            role = {"description": "as public deployments have it", "scopes": list(ANONYMOUS)}
            found.call("PUT", "auth", "roles/anonymous", role)
            yield found
        finally:
            for proxy in found.proxies:
                wait(proxy.close())
            found.client.close()
            wait(sandbox.close())


def git(folder, *arguments):
    """Run git with an identity of its own and nobody's configuration."""
    identity = {
        f"GIT_{who}_{what}": "t@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    environment = {
        **identity,
        "PATH": "/usr/bin:/bin:/usr/local/bin",
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def commit(folder, message="change"):
    """Commit everything; returns the commit."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", message)
    return git(folder, "rev-parse", "HEAD")


def checkout(folder, files):
    """A git checkout with these files, on branch master, with the remote that Balrog has."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "--quiet", "--initial-branch", "master")
    git(folder, "remote", "add", "origin", f"https://github.com/{SLUG}.git")
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    commit(folder, "first")
    return folder


def push_event(folder, branch="master"):
    """The environment of a task for a push to a branch of this checkout."""
    return {
        "LADING_EVENT": "push",
        "LADING_REPOSITORY": f"https://github.com/{SLUG}",
        "LADING_BRANCH": branch,
        "LADING_REVISION": git(folder, "rev-parse", "HEAD"),
        "LADING_CREATED": "2026-11-24T10:20:30.000Z",
    }


def run_lading(*arguments, environment, folder=None, program="runner", timeout=120, python=()):
    """Run `python -I -m runner`, or `lading` for `console.cli`, as a process; `python` is the interpreter's options."""
    start = (
        ["-I", *python, "-m", "runner"]
        if program == "runner"
        else ["-c", "import sys; from console.cli import main; sys.exit(main())"]
    )
    return subprocess.run(
        [sys.executable, *start, *map(str, arguments)],
        cwd=folder or ROOT,
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
