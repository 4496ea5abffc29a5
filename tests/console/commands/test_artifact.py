"""`lading artifact`: what a task left behind is listed, and saved over nothing."""

import base64
import datetime as dt
import hashlib
import json
import os
import re
import signal
import subprocess
import sys

import pytest

from runner.narration import UNPRINTABLE
from tests.support.builds import builds_with_worker, until
from tests.support.hanging_storage import artifact_elsewhere, storage_that_hangs
from tests.support.hosted_sandbox import Terminal
from tests.support.terminal import ROOT

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
    assert all(f"  expires {dt.datetime.now(dt.UTC).year + 1}-" in line for line in out.splitlines())
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
    assert (
        "nothing to compare with: its storage has no hash of it, and its run no public/chain-of-trust" in out
    )
    code, _, err = builds.lading("artifact", "get", task_id, "public/numbers.txt")
    assert (code, "nothing is overwritten" in err) == (2, True)
    code, out, _ = builds.lading("artifact", "get", task_id, "public/x", "--output", "y", "--json")
    assert code == 0
    assert json.loads(out) == {
        "path": "y",
        "size": 1,
        "sha256": hashlib.sha256(b"x").hexdigest(),
        "encoding": None,
        "comparedWith": [],
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


def test_an_artifact_is_compared_with_what_its_worker_hashed(builds, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    script = """
    mkdir public; seq 5000 | tee public/good > public/bad; hash=$(sha256sum public/good | cut -c-64)
    listed='"public/good": {"sha256": "%s"}, "public/bad": {"sha256": "%s"}'
    printf '{"taskId": "%s", "runId": %d, "artifacts": {'"$listed"'}}' $TASK_ID $RUN_ID $hash ${hash//[0-9]/a} \\
        > public/chain-of-trust.json
    """
    task_id = builds.create(
        script, payload={"artifacts": [{"type": "directory", "name": "public", "path": "public"}]}
    )
    assert builds.resolved(task_id)["state"] == "completed"
    code, out, _ = builds.lading("artifact", "get", task_id, "public/good")
    assert (code, "compared with the Chain of Trust" in out) == (0, True)
    code, out, err = builds.lading("artifact", "get", task_id, "public/bad")
    assert (code, out) == (6, "")
    assert "the Chain of Trust has sha256:" in err
    assert [path.name for path in tmp_path.iterdir()] == ["good"]


def stored_object(builds, name, content, **hashes):
    """A task that the test works, and an object that it left; its uploader told these hashes."""
    task_id = builds.create("true", queue="proj-balrog/nobody")
    run = ("queue", "task", task_id, "runs", "0")
    builds.call("POST", *run, "claim", payload={"workerGroup": "g", "workerId": "w"})
    expires = (dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    announced = {"storageType": "object", "contentType": "text/plain", "expires": expires}
    made = builds.call("POST", *run, "artifacts", name, payload=announced)
    upload = {key: made[key] for key in ("projectId", "uploadId")}
    inline = {"contentType": "text/plain", "objectData": base64.b64encode(content).decode()}
    methods = {"expires": made["expires"], "proposedUploadMethods": {"dataInline": inline}}
    builds.call("PUT", "object", "upload", made["name"], payload={**upload, **methods})
    builds.call("POST", "object", "finish-upload", made["name"], payload={**upload, "hashes": hashes})
    builds.call("PUT", *run, "artifacts", name, payload={"uploadId": made["uploadId"]})
    return task_id


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_an_object_is_compared_with_what_its_uploader_told(builds, tmp_path, monkeypatch, algorithm):
    monkeypatch.chdir(tmp_path)
    digits = hashlib.new(algorithm, b"content").hexdigest()
    task_id = stored_object(builds, "public/object", b"content", **{algorithm: digits})
    code, out, _ = builds.lading("artifact", "get", task_id, "public/object", "--read-only", "--json")
    assert (code, json.loads(out)["comparedWith"]) == (0, ["object service"])
    task_id = stored_object(builds, "public/other", b"another content", **{algorithm: digits})
    code, _, err = builds.lading("artifact", "get", task_id, "public/other")
    assert (code, f"the object service has {algorithm}:{digits}" in err) == (6, True)
    assert [path.name for path in tmp_path.iterdir()] == ["object"]


def test_nothing_that_an_artifact_says_is_obeyed(builds, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    task_id = builds.create("true", queue="proj-balrog/nobody")
    run = ("queue", "task", task_id, "runs", "0")
    builds.call("POST", *run, "claim", payload={"workerGroup": "g", "workerId": "w"})
    expires = (dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    said = {
        "contentType": "\x1b]0;owned\x07\u202e",
        "storageType": "reference",
        "url": "http://127.0.0.1:9/\x1b[2J",
    }
    error = {"storageType": "error", "reason": "file-missing-on-worker", "message": "\x1b[2J\x9b2Jgone\r"}
    for name, payload in (("public/[bold]a[/]", error), ("public/b", said)):
        builds.call("POST", *run, "artifacts", name, payload={**payload, "expires": expires})
    for code, *words in ((0, "list", task_id), (1, "get", task_id, "public/[bold]a[/]", "--output", "a")):
        found, out, err = builds.lading("artifact", *words, stdout=Terminal(), NO_COLOR="1")
        assert (found, re.findall(UNPRINTABLE, f"{out}{err}".replace("\n", ""))) == (code, [])
        assert "public/[bold]a[/]" in f"{out}{err}"


def test_ctrl_c_during_a_download_ends_with_130_and_leaves_nothing(builds, tmp_path):
    program = "import sys; from console.cli import main; sys.exit(main())"
    with storage_that_hangs(4 << 20) as url:
        task_id = artifact_elsewhere(builds, url)
        with subprocess.Popen(
            [sys.executable, "-X", "dev", "-c", program, "artifact", "get", task_id, "public/big.bin"],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **builds.variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            until((tmp_path / "big.bin.part").exists, "a download begins")
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
    assert (process.returncode, out, list(tmp_path.iterdir())) == (130, "", [])
    assert "Traceback" not in err
    assert "Unclosed" not in err
