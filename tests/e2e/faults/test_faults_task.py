"""Taskcluster that fails, a proxy that is gone, disks that are full, and a clock that is wrong."""

import socket
import subprocess
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass

import pytest

from tests.support.fault_proxies import Interference, http_middleman, refusal

pytestmark = [pytest.mark.enable_socket, pytest.mark.xdist_group("faults")]


@dataclass(frozen=True)
class Case:
    """A fault between the task and Taskcluster.

    Args:
        name: what happens.
        fault: that makes it happen.
        code: the exit code.
        text: what is said.
        declared: whether the task declares a directory for artifacts.
    """

    name: str
    fault: Interference
    code: int
    text: str = ""
    declared: bool = True


SECRET, INDEX, ARTIFACT = "/secrets/v1/secret/", "/index/v1/task/", "/artifacts/"
STALE = refusal("AuthenticationFailed", "Unauthorized: Stale timestamp")
NO_SCOPES = refusal("InsufficientScopes", "missing the following scopes:\n\n```\na:b\n```\n\n---\n\nfooter")
CASES = [
    Case("secrets 500 once", Interference(SECRET, 500, times=1), 0, "secrets: status 500; attempt 2"),
    Case("secrets 500", Interference(SECRET, 500), 4, "Taskcluster's secrets does not answer: status 500"),
    Case("secrets 429", Interference(SECRET, 429), 4, "status 429"),
    Case("secrets 401", Interference(SECRET, 401), 3, "may have lost its credentials"),
    Case("secrets 401, the clocks differ", Interference(SECRET, 401, body=STALE), 3, "Stale timestamp"),
    Case("secrets 403", Interference(SECRET, 403, body=NO_SCOPES), 3, "this task lacks `secrets:get:"),
    Case("secrets 404", Interference(SECRET, 404), 3, "is absent or expired"),
    Case("secrets cut once", Interference(SECRET, 0, times=1), 0, "attempt 2"),
    Case("secrets answers a page", Interference(SECRET, 200, body=b"<html>"), 4, "no JSON"),
    Case("secrets answers null", Interference(SECRET, 200, body=b"null"), 3, "holds no object"),
    Case("the task's definition 403", Interference("/queue/v1/task/", 403, "GET"), 0),
    Case("the task's definition 500", Interference("/queue/v1/task/", 500, "GET"), 0),
    Case("index 403", Interference(INDEX, 403, "PUT", body=NO_SCOPES), 3, "this task lacks `index:"),
    Case("index cut", Interference(INDEX, 0, "PUT"), 4, "index does not answer"),
    Case("index 500", Interference(INDEX, 500, "PUT"), 4, "Taskcluster's index does not answer"),
    Case("index takes it, its answer cut", Interference(INDEX, -1, "PUT", times=1), 0, "attempt 2"),
    Case(
        "artifact 403", Interference(ARTIFACT, 403, "POST", body=NO_SCOPES), 3, "Missing: a:b", declared=False
    ),
    Case("artifact 500 once", Interference(ARTIFACT, 500, "POST", times=1), 0, "attempt 2", declared=False),
    Case("artifact 500", Interference(ARTIFACT, 500, "POST"), 4, "queue does not answer", declared=False),
    Case("artifact made, its answer cut", Interference(ARTIFACT, -1, "POST", times=1), 0, declared=False),
    Case("artifact not finished", Interference(ARTIFACT, 500, "PUT", times=1), 0, declared=False),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_taskcluster(place, task, case):
    changes = {} if case.declared else {"LADING_ARTIFACTS": None}
    fault = deepcopy(case.fault)
    with http_middleman(task.proxy_url, [fault]) as url:
        struck = place.publish(task, "direct", TASKCLUSTER_PROXY_URL=url, **changes)
    assert fault.struck, "it did not strike"
    place.settle(struck, task, "direct", case.code, case.text)


def test_the_proxy_is_gone(place, task):
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # nobody else has the port, and nobody listens on it
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        struck = place.publish(task, "direct", TASKCLUSTER_PROXY_URL=url)
    place.settle(struck, task, "direct", 4, "Taskcluster's secrets does not answer: no connection")


def test_the_task_is_resolved_before_its_artifacts_are_left(place, task):
    struck = place.publish(
        task,
        "direct",
        at="Leave the statement",
        do=lambda _pid: task.resolve("failed"),
        LADING_ARTIFACTS=None,
    )
    place.settle(struck, task, "direct", 8, "the task is already resolved")


@pytest.mark.parametrize("seconds", [-7200, 7200])
def test_a_clock_that_is_wrong_is_named_where_an_artifact_is_refused(place, task, seconds):
    struck = place.publish(task, "direct", clock=seconds, LADING_ARTIFACTS=None)
    place.settle(struck, task, "direct", 3, "Stale timestamp")


@pytest.mark.parametrize("seconds", [-7200, 7200])
def test_a_clock_that_is_wrong_disturbs_no_registry(place, task, seconds):
    struck = place.publish(task, "direct", clock=seconds)
    place.settle(struck, task, "direct", 0)


@contextmanager
def small_disk(folder, size):
    """A file system of this size over the folder."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_the_disk_for_artifacts_is_full_before_the_build(place, task):
    with small_disk(place.artifacts, "64k"):
        struck = place.publish(task, "direct")
    assert "Build the image" not in struck.stderr
    place.settle(struck, task, "direct", 4, "No space left on device", "is full")


def test_the_disk_for_artifacts_is_full_after_the_push(place, task):
    def fill(_pid):
        try:
            (place.artifacts / "filler").write_bytes(bytes(2 << 20))
        except OSError:
            return

    with small_disk(place.artifacts, "1m"):
        struck = place.publish(task, "direct", at="Leave the statement", do=fill)
    place.settle(struck, task, "direct", 4, "No space left on device", "is full")


@pytest.mark.parametrize("size", ["16k", "700k"])
def test_the_disk_for_packed_layers_is_full(place, task, size):
    with small_disk(place.temporary, size):
        struck = place.publish(task, "direct")
    place.settle(struck, task, "direct", 4, "No space left on device")
