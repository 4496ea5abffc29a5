"""A payload is read as generic-worker reads it, and every problem is told at once."""

import pytest

from console.sandbox.task_payload import MalformedPayload, log_names, parse_payload

EXPIRES = "2026-12-04T03:32:32.750Z"
MINIMAL = {"command": [["true"]], "maxRunTime": 60}


def parse(**payload):
    return parse_payload({"payload": {**MINIMAL, **payload}, "expires": EXPIRES})


def test_the_smallest_payload():
    payload = parse()
    assert payload.commands == (("true",),)
    assert payload.max_run_time == 60
    assert not payload.proxy
    assert not payload.chain_of_trust
    assert payload.retry_on == frozenset()


def test_everything_that_is_supported():
    payload = parse(
        env={"A": "b"},
        features={"taskclusterProxy": True, "liveLog": True, "chainOfTrust": False},
        onExitStatus={"retry": [4]},
        mounts=[],
        osGroups=["docker"],
        artifacts=[
            {"name": "public", "path": "out", "type": "directory"},
            {"path": "a.txt", "type": "file", "expires": EXPIRES, "contentType": "text/x", "optional": True},
        ],
    )
    assert payload.proxy
    assert payload.retry_on == {4}
    folder, file = payload.artifacts
    assert (folder.name, folder.path, folder.directory, folder.expires) == ("public", "out", True, None)
    assert (file.name, file.content_type, file.optional, file.gzip) == ("a.txt", "text/x", True, None)


@pytest.mark.parametrize(
    ("payload", "named"),
    [
        ({"command": ["true"]}, "payload.command"),
        ({"command": []}, "payload.command"),
        ({"command": [[]]}, "payload.command"),
        ({"command": [["a", 1]]}, "payload.command"),
        ({"env": {"A": 1}}, "payload.env"),
        ({"env": {"A=B": ""}}, "'A=B' is no variable's name"),
        ({"command": [["a\0b"]]}, "which no process can be told"),
        ({"artifacts": [{"type": "file", "path": "a", "name": "\ud800"}]}, "which no process can be told"),
        ({"artifacts": [{"type": [], "path": "a"}]}, "payload.artifacts[0].type"),
        ({"maxRunTime": 0}, "payload.maxRunTime"),
        ({"maxRunTime": True}, "payload.maxRunTime"),
        ({"maxRunTime": None}, "payload.maxRunTime"),
        ({"features": {"dind": True}}, "payload.features.dind"),
        ({"features": {"chainOfTrust": True, "runTaskAsCurrentUser": True}}, "could read the worker's key"),
        ({"logs": {"live": 1}}, "payload.logs must name"),
        ({"logs": []}, "payload.logs must name"),
        ({"mounts": [{"directory": "x"}]}, "payload.mounts"),
        ({"image": "ubuntu"}, "payload.command must be a list of texts"),
        ({"onExitStatus": {"retry": "4"}}, "payload.onExitStatus"),
        ({"artifacts": {"public": {}}}, "payload.artifacts"),
        ({"artifacts": [{"path": "x", "type": "volume"}]}, "payload.artifacts[0].type"),
        ({"artifacts": [{"type": "file"}]}, "payload.artifacts[0].path"),
        ({"artifacts": [{"path": "x", "type": "file", "expires": "soon"}]}, "payload.artifacts[0].expires"),
        (
            {"artifacts": [{"path": "x", "type": "file", "expires": "2027-01-01T00:00:00Z"}]},
            "expires after the task",
        ),
    ],
)
def test_what_the_worker_does_not_do_is_malformed_and_named(payload, named):
    with pytest.raises(MalformedPayload) as raised:
        parse(**payload)
    assert named in str(raised.value)


def test_every_problem_is_told_at_once():
    with pytest.raises(MalformedPayload) as raised:
        parse(command="x", env=[], maxRunTime="1", features=[], artifacts=3)
    assert len(raised.value.problems) == 5


@pytest.mark.parametrize(
    ("payload", "names"),
    [
        ({}, ("public/logs/live.log", "public/logs/live_backing.log")),
        ({"logs": {"live": "public/a.log"}}, ("public/a.log", "public/logs/live_backing.log")),
        ({"logs": {"live": "public/a.log", "backing": "b"}}, ("public/a.log", "b")),
        ({"image": "i", "log": "public/logs/a.txt"}, ("public/logs/a.txt", "public/logs/a_backing.txt")),
        ({"image": "i", "log": "a"}, ("a", "a_backing")),
        ({"image": "i", "log": ".."}, ("public/logs/live.log", "public/logs/live_backing.log")),
        ({"logs": "x"}, ("public/logs/live.log", "public/logs/live_backing.log")),
        ({"logs": {"live": "/"}}, ("public/logs/live.log", "public/logs/live_backing.log")),
    ],
)
def test_the_log_has_the_names_that_the_payload_gives_or_the_usual_ones(payload, names):
    assert log_names({"payload": payload}) == names
