"""A payload of docker-worker becomes one of generic-worker, or is malformed with every problem named."""

import pytest

from console.sandbox.task_payload import MalformedPayload, parse_payload

EXPIRES = "2026-12-04T03:32:32.750Z"
PRIVILEGED = "docker-worker:capability:privileged"


def parse(scopes=(), **payload):
    task = {
        "payload": {"image": "ubuntu:24.04", "maxRunTime": 60, **payload},
        "scopes": list(scopes),
        "taskQueueId": "proj/ci",
        "expires": EXPIRES,
    }
    return parse_payload(task, "taskcontainer_x")


def script(**payload):
    ((bash, flag, text),) = parse(**payload).commands
    assert (bash, flag) == ("bash", "-c")
    return text


def test_the_container_runs_the_image_by_name_and_is_named_for_removal():
    payload = parse(command=["sh", "-c", "echo 'a b'"])
    assert payload.container == "taskcontainer_x"
    text = payload.commands[0][2]
    assert "image=ubuntu:24.04" in text
    assert """-- "$image" sh -c 'echo '"'"'a b'"'"''""" in text
    assert "--pull=never" in text


def test_what_a_payload_asks_for_becomes_flags_and_what_it_does_not_does_not():
    plain = script()
    for flag in ("--privileged", "SYS_PTRACE", "seccomp", "--volume", "TASKCLUSTER_PROXY_URL"):
        assert flag not in plain
    asked = script(
        scopes=[f"{PRIVILEGED}:proj/ci", "docker-worker:cache:c"],
        capabilities={"privileged": True, "disableSeccomp": True},
        features={"allowPtrace": True, "taskclusterProxy": True, "localLiveLog": True},
        cache={"c": "/home/c"},
        env={"A": "it's", "LINES": "1\n2"},
    )
    for flag in ("--privileged", "--cap-add=SYS_PTRACE", "seccomp=unconfined", "--volume /home/c"):
        assert flag in asked
    assert "TASKCLUSTER_PROXY_URL > env.list" in asked
    assert "--env 'LINES=1\n2'" in asked


def test_an_image_may_be_an_artifact_of_a_task_or_of_an_indexed_one():
    text = script(image={"type": "task-image", "taskId": "T", "path": "public/image.tar"})
    assert '"$TASKCLUSTER_ROOT_URL"/api/queue/v1/task/T/artifacts/public/image.tar' in text
    text = script(image={"type": "indexed-image", "namespace": "a.b", "path": "public/image.tar"})
    assert "/api/index/v1/task/a.b/artifacts/public/image.tar" in text
    assert "image=name:1" in script(image={"type": "docker-image", "name": "name:1"})


def test_artifacts_are_copied_out_and_none_must_be_there():
    payload = parse(
        artifacts={
            "public/a.json": {"type": "file", "path": "/out/a.json", "expires": EXPIRES},
            "public/all": {"type": "volume", "path": "/all"},
        }
    )
    file, folder = payload.artifacts
    assert (file.name, file.path, file.directory, file.optional) == (
        "public/a.json",
        "artifact0.json",
        False,
        True,
    )
    assert (folder.name, folder.path, folder.directory) == ("public/all", "artifact1", True)
    assert "docker cp taskcontainer_x:/out/a.json artifact0.json" in payload.commands[0][2]


@pytest.mark.parametrize(
    ("payload", "named"),
    [
        (
            {"features": {"dind": True}},
            "payload.features.dind is not supported by the sandbox's worker: Taskclu",
        ),
        ({"features": {"dockerSave": True}}, "payload.features.dockerSave"),
        (
            {"features": {"interactive": True}},
            "features.interactive is not supported by the sandbox's worker: ",
        ),
        ({"log": ""}, "payload.log must be"),
        ({"features": ["x"]}, "payload.features must be an object"),
        ({"capabilities": {"devices": {"kvm": True}}}, "payload.capabilities.devices"),
        ({"capabilities": {"privileged": True}}, f"needs {PRIVILEGED} in the task's scopes"),
        ({"cache": {"c": "/c"}}, "needs docker-worker:cache:c in the task's scopes"),
        ({"command": [["true"]]}, "payload.command"),
        ({"env": {"A": 1}}, "payload.env"),
        ({"env": []}, "payload.env must be an object"),
        ({"image": {"type": "task-image"}}, "payload.image"),
        ({"image": 3}, "payload.image"),
        ({"maxRunTime": 0}, "payload.maxRunTime"),
        ({"mounts": []}, "payload.mounts"),
        ({"artifacts": {"public/a": {"type": "file"}}}, "payload.artifacts.public/a"),
        ({"artifacts": []}, "payload.artifacts must be an object"),
        ({"onExitStatus": {"retry": "4"}}, "payload.onExitStatus.retry"),
    ],
)
def test_what_cannot_be_done_is_malformed_and_named(payload, named):
    with pytest.raises(MalformedPayload) as raised:
        parse(**payload)
    assert named in str(raised.value)
