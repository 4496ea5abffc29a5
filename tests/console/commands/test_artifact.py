"""`lading artifact`: what a task left behind is listed, and saved over nothing."""

import hashlib
import json

import pytest

from tests.support.builds import builds_with_worker

pytestmark = pytest.mark.enable_socket


@pytest.fixture(scope="module")
def builds(tmp_path_factory):
    with builds_with_worker(tmp_path_factory.mktemp("worker")) as found:
        yield found


@pytest.fixture(scope="module")
def task_id(builds):
    script = "mkdir public; seq 5000 > public/numbers.txt; printf x > public/x"
    artifacts = [
        {"type": "directory", "name": "public", "path": "public"},
        {"type": "file", "name": "public/missing", "path": "missing"},
    ]
    found = builds.create(script, payload={"artifacts": artifacts})
    builds.resolved(found)
    return found


def test_artifacts_are_listed(builds, task_id):
    code, out, _ = builds.lading("artifact", "list", task_id)
    assert code == 0
    assert {line.split()[0]: line.split()[1] for line in out.splitlines()} == {
        "public/logs/live.log": "link",
        "public/logs/live_backing.log": "s3",
        "public/missing": "error",
        "public/numbers.txt": "s3",
        "public/x": "s3",
    }
    (found,) = [
        each
        for each in json.loads(builds.lading("artifact", "list", task_id, "--json")[1])
        if each["name"] == "public/x"
    ]
    assert (found["storageType"], found["run"]) == ("s3", 0)


def test_an_artifact_is_saved_with_the_hash_of_what_is_saved(builds, task_id, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    numbers = "".join(f"{number}\n" for number in range(1, 5001)).encode()
    code, out, _ = builds.lading("artifact", "get", task_id, "public/numbers.txt")
    assert code == 0
    assert (tmp_path / "numbers.txt").read_bytes() == numbers
    assert f"sha256:{hashlib.sha256(numbers).hexdigest()}  (of the file as it is here, after gzip" in out
    code, _, err = builds.lading("artifact", "get", task_id, "public/numbers.txt")
    assert (code, "nothing is overwritten" in err) == (2, True)
    code, out, _ = builds.lading("artifact", "get", task_id, "public/x", "--output", "y", "--json")
    assert code == 0
    assert json.loads(out) == {
        "path": "y",
        "size": 1,
        "sha256": hashlib.sha256(b"x").hexdigest(),
        "encoding": None,
    }
    code, out, _ = builds.lading("artifact", "get", task_id, "public/logs/live.log")
    assert code == 0
    assert b"Result: failed" in (tmp_path / "live.log").read_bytes()


def test_what_is_not_there_is_told_with_its_reason(builds, task_id, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = builds.lading("artifact", "get", task_id, "public/missing")
    assert (code, "file-missing-on-worker" in err) == (1, True)
    code, _, err = builds.lading("artifact", "get", task_id, "public/nothing")
    assert (code, f"`lading artifact list {task_id}`" in err) == (1, True)
    code, _, err = builds.lading("artifact", "get", task_id, "public/..")
    assert (code, "Give --output" in err) == (2, True)
    assert list(tmp_path.iterdir()) == []
