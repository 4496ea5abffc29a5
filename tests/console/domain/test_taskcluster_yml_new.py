"""The files for a repository that has none: they render, are taken by queue and worker, and need few grants."""

import dataclasses
import json
import os
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest
import referencing.jsonschema

from console.domain.task_request import refusals
from console.domain.taskcluster_yml import read
from console.domain.taskcluster_yml_advice import advise
from console.domain.taskcluster_yml_event import pull_request_event, push_event, release_event
from console.domain.taskcluster_yml_new import NewTask
from runner.settings import load_settings
from runner.task.event import EventKind, event_from_environment

SLUG = "mozilla/balrog"
REVISION = "b79ce60be819cdc482c9c6a84dc3c457959aa66f"
TASK_ID = "OrYN85nUSMq8yJTlZELeYw"
SECRET = "repo:github.com/mozilla/balrog:dockerhub"
NEW = NewTask(slug=SLUG, branch="main", pool="proj-balrog/ci", image="mozilla/balrog", secret=SECRET)
FULL = dataclasses.replace(
    NEW,
    branch="release/1.x",
    index="project.balrog.docker",
    requirement="lading @ git+https://example.com/it's?x=1@abc",
)
PUSH = push_event(SLUG, "refs/heads/main", REVISION)
RELEASE = release_event(SLUG, "v3.120")
REFERENCES = Path(
    os.environ.get("TASKCLUSTER_REFERENCES", Path(__file__).parents[4] / "shared" / "taskcluster")
)


def rendering(new, event):
    return read(new.task_file()).render(
        event,
        root_url="https://tc.example",
        now="2026-11-24T03:29:36.992Z",
        new_id=lambda: TASK_ID,
    )


def task_of(new, event):
    return rendering(new, event).tasks[TASK_ID]


@pytest.mark.parametrize(("new", "branch"), [(NEW, "main"), (FULL, "release/1.x")])
def test_it_runs_on_its_branch_and_on_releases_and_on_nothing_else(new, branch):
    assert rendering(new, push_event(SLUG, f"refs/heads/{branch}", REVISION)).tasks
    assert rendering(new, RELEASE).tasks
    for event in (
        push_event(SLUG, f"refs/heads/{branch}x", REVISION),
        push_event(SLUG, f"refs/tags/{branch}", REVISION),
        pull_request_event(SLUG, 1, REVISION),
        pull_request_event(SLUG, 1, REVISION, trusted=False),
        release_event(SLUG, "v1", action="created"),
    ):
        assert not rendering(new, event).tasks


def test_the_task_is_told_of_a_push_what_the_runner_asks_for():
    env = task_of(NEW, PUSH)["payload"]["env"]
    event, problems = event_from_environment(env, lambda: None, lambda: None)
    assert problems == []
    assert event is not None
    assert (event.kind, event.slug, event.branch, event.tag, event.revision) == (
        EventKind.PUSH,
        SLUG,
        "main",
        None,
        REVISION,
    )
    assert event.role == PUSH.role
    assert env["CHECKED_OUT"] == REVISION


def test_the_task_is_told_of_a_release_what_the_runner_asks_for():
    env = task_of(NEW, RELEASE)["payload"]["env"]
    event, problems = event_from_environment(env, lambda: None, lambda: REVISION)
    assert problems == []
    assert event is not None
    assert (event.kind, event.branch, event.tag, event.version) == (
        EventKind.RELEASE,
        None,
        "v3.120",
        "3.120",
    )
    assert event.role == RELEASE.role
    assert env["CHECKED_OUT"] == "refs/tags/v3.120"


@pytest.mark.parametrize("new", [NEW, FULL])
def test_the_queue_refuses_nothing_of_it_and_nothing_is_out_of_date(new):
    event = push_event(SLUG, f"refs/heads/{new.branch}", REVISION)
    now = datetime(2026, 11, 24, 3, 29, 36, tzinfo=UTC)
    assert list(refusals(TASK_ID, task_of(new, event), now)) == []
    assert advise(read(new.task_file())) == ()


@pytest.mark.skipif(
    not (REFERENCES / "references.json").exists(), reason="the references are not on this machine"
)
@pytest.mark.parametrize("event", [PUSH, RELEASE], ids=["push", "release"])
def test_the_published_schemas_take_it(event):
    listed = json.loads((REFERENCES / "references.json").read_text())
    registry = referencing.Registry().with_resources(
        (
            f"http://references.test/{one['filename']}#",
            referencing.jsonschema.DRAFT6.create_resource(one["content"]),
        )
        for one in listed
        if one["filename"].startswith("schemas/")
    )

    def check(name, value):
        schema = {"$ref": f"http://references.test/schemas/{name}"}
        jsonschema.Draft6Validator(schema, registry=registry).validate(value)

    task = task_of(FULL if event is RELEASE else NEW, event)
    check("queue/v1/create-task-request.json", task)
    check("generic-worker/multiuser_posix.json", task["payload"])
    check("github/v1/taskcluster-github-config.v1.json", read(FULL.task_file()).yaml.value)


def test_the_settings_are_read_by_the_runner():
    settings = load_settings(FULL.settings_file(), {}, {}, image=None, slug=None)
    assert (settings.image, str(settings.repository), settings.secret, settings.index) == (
        "balrog",
        "docker.io/mozilla/balrog",
        SECRET,
        "project.balrog.docker",
    )
    assert "index" not in tomllib.loads(NEW.settings_file())["image"]["balrog"]


def test_lading_is_installed_only_where_a_requirement_is_given():
    script = task_of(FULL, RELEASE)["payload"]["command"][0][-1]
    assert r"pip install --quiet 'lading @ git+https://example.com/it'\''s?x=1@abc'" in script
    assert "lading/bin/lading-runner publish" in script
    assert "pip" not in task_of(NEW, PUSH)["payload"]["command"][0][-1]


def test_branch_and_release_are_granted_what_the_task_needs_and_pull_requests_nothing():
    scopes = (
        "generic-worker:os-group:proj-balrog/ci/docker",
        "index:insert-task:project.balrog.docker.sha256.*",
        "queue:create-task:lowest:proj-balrog/ci",
        "queue:create-task:project:none",
        f"secrets:get:{SECRET}",
    )
    assert FULL.grants() == {
        "repo:github.com/mozilla/balrog:branch:release/1.x": scopes,
        "repo:github.com/mozilla/balrog:release:published": scopes,
    }
    assert not set(FULL.ungranted) & set(FULL.grants())


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"pool": "proj-balrog"}, "the pool is 'proj-balrog'"),
        ({"branch": 'a"b'}, "the branch"),
        ({"branch": "a'b"}, "the branch"),
        ({"branch": "a${b}"}, "the branch"),
        ({"branch": ""}, "the branch"),
        ({"secret": "a b"}, "the secret's name"),
        ({"secret": "${x}"}, "the secret's name"),
        ({"image": "Mozilla/Balrog"}, "the image's repository"),
        ({"index": "a..b"}, "the index namespace"),
        ({"requirement": "lading${x}"}, "the requirement"),
        ({"requirement": "lading\nrm"}, "the requirement"),
    ],
)
def test_what_would_make_another_file_than_meant_is_refused(change, why):
    (problem,) = dataclasses.replace(NEW, **change).problems()
    assert problem.startswith(why)
    assert list(NEW.problems()) == list(FULL.problems()) == []
