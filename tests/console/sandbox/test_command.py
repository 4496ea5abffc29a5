"""`lading sandbox` is a process: what it writes, what it seeds, and that nothing of it is left."""

import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
import taskcluster

from console import cli
from console.sandbox.seed import BRANCH_ROLE, DOCKERHUB

pytestmark = pytest.mark.enable_socket

PROGRAM = "from console.cli import main; raise SystemExit(main())"


class Process:
    """A sandbox that runs, and the variables that it wrote."""

    def __init__(self, popen, env_file):
        self.popen = popen
        self.env_file = env_file
        self.variables = dict(line.split("=", 1) for line in env_file.read_text().splitlines())

    def service(self, name):
        options = {
            "rootUrl": self.variables["TASKCLUSTER_ROOT_URL"],
            "credentials": {
                "clientId": self.variables["TASKCLUSTER_CLIENT_ID"],
                "accessToken": self.variables["TASKCLUSTER_ACCESS_TOKEN"],
            },
        }
        return getattr(taskcluster, name)(options)

    def end(self, number=signal.SIGTERM):
        self.popen.send_signal(number)
        stdout, stderr = self.popen.communicate(timeout=120)
        return self.popen.returncode, stdout, stderr


@contextlib.contextmanager
def sandbox(tmp_path, *words):
    scratch = tmp_path / "scratch"
    scratch.mkdir(exist_ok=True)
    env_file = tmp_path / "sandbox.env"
    popen = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "sandbox", "--env-file", env_file, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "TMPDIR": str(scratch),
            "XDG_DATA_HOME": str(tmp_path / "data"),
        },
    )
    try:
        deadline = time.monotonic() + 120
        while not env_file.exists():
            assert popen.poll() is None, popen.communicate()[1]
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield Process(popen, env_file)
    finally:
        if popen.poll() is None:
            popen.kill()
            popen.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_is_ready_when_its_file_is_there_and_leaves_nothing(tmp_path, number):
    with sandbox(tmp_path, "--ephemeral") as process:
        assert list(process.variables) == [
            "TASKCLUSTER_ROOT_URL",
            "TASKCLUSTER_CLIENT_ID",
            "TASKCLUSTER_ACCESS_TOKEN",
            "LADING_REGISTRY",
            "LADING_SAMPLE_REPO",
            "LADING_KEYS",
        ]
        assert process.variables["TASKCLUSTER_CLIENT_ID"] == "static/taskcluster/root"
        assert stat.S_IMODE(process.env_file.stat().st_mode) == 0o600
        assert process.service("Auth").currentScopes()["scopes"] == ["*"]
        code, stdout, stderr = process.end(number)
    assert (code, stdout) == (0, "")
    assert process.variables["TASKCLUSTER_ACCESS_TOKEN"] not in stderr
    assert not process.env_file.exists()
    assert list((tmp_path / "scratch").iterdir()) == []
    assert not (tmp_path / "data").exists()


def registry_statuses(host, account):
    """What is answered who pulls a tag that is not there, and who pushes."""
    scope = {"scope": "repository:mozilla/balrog:pull,push"}
    token = requests.get(f"http://{host}/token", params=scope, auth=account, timeout=60).json()["token"]
    bearer = {"Authorization": f"Bearer {token}"}
    pulled = requests.get(f"http://{host}/v2/mozilla/balrog/manifests/none", headers=bearer, timeout=60)
    pushed = requests.post(f"http://{host}/v2/mozilla/balrog/blobs/uploads/", headers=bearer, timeout=60)
    return pulled.status_code, pushed.status_code


def test_it_is_seeded_with_balrogs_role_secret_registry_and_repository(tmp_path):
    with sandbox(tmp_path, "--ephemeral") as process:
        host = process.variables["LADING_REGISTRY"]
        role = process.service("Auth").role(BRANCH_ROLE)
        assert f"secrets:get:{DOCKERHUB}" in role["scopes"]
        assert "queue:create-task:highest:proj-balrog/ci" in role["scopes"]
        assert "queue:create-task:project:none" in role["scopes"]
        anonymous = process.service("Auth").role("anonymous")
        assert "queue:get-artifact:public/*" in anonymous["scopes"]
        docker = process.service("Secrets").get(DOCKERHUB)["secret"]["docker"]
        assert docker["registry"] == host
        account = (docker["username"], docker["password"])
        assert registry_statuses(host, None) == (404, 401)
        assert registry_statuses(host, account) == (404, 202)
        assert requests.get(f"http://{host}/token", auth=("balrog", "wrong"), timeout=60).status_code == 401
        sample = Path(process.variables["LADING_SAMPLE_REPO"])
        assert f'"{host}/mozilla/balrog"' in (sample / "lading.toml").read_text()
        assert (sample / "Dockerfile").read_text().startswith("FROM scratch\n")
        assert (sample / ".taskcluster.yml").read_text().startswith("version: 1\n")
        clean = subprocess.run(
            ["git", "-C", sample, "status", "--porcelain", "--branch"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert clean.stdout == "## master\n"
        assert process.end()[0] == 0


def test_another_registry_is_named_where_the_embedded_one_would_be(tmp_path):
    with sandbox(tmp_path, "--ephemeral", "--registry", "127.0.0.1:5999") as process:
        assert process.variables["LADING_REGISTRY"] == "127.0.0.1:5999"
        docker = process.service("Secrets").get(DOCKERHUB)["secret"]["docker"]
        assert docker["registry"] == "127.0.0.1:5999"
        assert process.end()[0] == 0


def test_without_ephemeral_the_next_start_has_the_same_state(tmp_path):
    with sandbox(tmp_path) as first:
        first.service("Secrets").set("kept", {"secret": {"a": "b"}, "expires": "2036-01-01T00:00:00.000Z"})
        pinned = Path(first.variables["LADING_KEYS"]).read_text()
        assert pinned.startswith(f"{first.variables['TASKCLUSTER_ROOT_URL']} ")
        assert first.end()[0] == 0
    with sandbox(tmp_path) as second:
        assert second.variables == first.variables
        assert Path(second.variables["LADING_KEYS"]).read_text() == pinned
        assert second.service("Secrets").get("kept")["secret"] == {"a": "b"}
        assert second.end()[0] == 0
    assert stat.S_IMODE((tmp_path / "data" / "lading" / "sandbox").stat().st_mode) == 0o700


def test_a_registry_that_is_none_is_a_usage_error(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "sandbox", "--registry", "no/registry"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("lading: --registry: ")
    assert done.stderr.count("\n") == 1


def lading(process, *words):
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={"PATH": os.environ["PATH"], **process.variables},
    )


def test_a_push_creates_the_task_that_the_repository_describes(tmp_path):
    with sandbox(tmp_path, "--ephemeral") as process:
        done = lading(process, "sandbox", "push", "--branch", "master", "--json")
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        (made,) = answer["tasks"]
        assert made["name"] == "docker-image"
        assert made["taskId"] == answer["taskGroupId"]
        task = process.service("Queue").task(made["taskId"])
        sample = Path(process.variables["LADING_SAMPLE_REPO"])
        head = subprocess.run(
            ["git", "-C", sample, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        )
        assert task["payload"]["env"]["LADING_REVISION"] == head.stdout.strip()
        assert task["payload"]["env"]["LADING_BRANCH"] == "master"
        assert task["payload"]["env"]["CLONE_URL"] == sample.as_uri()
        assert task["routes"] == ["statuses"]
        assert task["schedulerId"] == "taskcluster-github"
        assert process.end()[0] == 0


def test_a_push_has_the_scopes_of_its_branch_alone(tmp_path):
    with sandbox(tmp_path, "--ephemeral") as process:
        sample = process.variables["LADING_SAMPLE_REPO"]
        subprocess.run(["git", "-C", sample, "branch", "feature/x"], check=True)
        done = lading(process, "sandbox", "push", "--branch", "feature/x", "--repo", sample)
        assert (done.returncode, done.stdout) == (3, "")
        assert "repo:github.com/mozilla/balrog:branch:feature/x" in done.stderr
        assert "queue:create-task:project:none" in done.stderr
        assert process.end()[0] == 0


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--branch", "nosuch"), 2, "no git repository with a branch nosuch"),
        (("--branch", "master", "--repo", "/"), 2, "no git repository with a branch master"),
    ],
)
def test_a_push_that_cannot_be_says_why(tmp_path, words, code, message):
    with sandbox(tmp_path, "--ephemeral") as process:
        done = lading(process, "sandbox", "push", *words)
        assert done.returncode == code
        assert message in done.stderr
        assert done.stderr.count("\n") == 1
        assert process.end()[0] == 0


def test_it_runs_as_many_workers_as_it_is_told_to(tmp_path):
    with sandbox(tmp_path, "--ephemeral", "--workers", "2") as process:
        queue, seen = process.service("Queue"), set[str]()
        deadline = time.monotonic() + 120
        while len(seen) < 2 and time.monotonic() < deadline:
            listed = queue.listWorkers("proj-balrog", "ci")["workers"]
            seen = {worker["workerId"] for worker in listed}
            time.sleep(0.05)
        assert seen == {"local", "local-2"}
        assert process.end()[0] == 0


@pytest.mark.parametrize("number", ["0", "17", "two", "-1"])
def test_a_number_of_workers_that_is_none_is_refused(number, capsys):
    assert cli.run(["sandbox", f"--workers={number}"], {}, sys.stdout, sys.stderr) == 2
    assert "is no number from 1 to 16" in capsys.readouterr().err
