"""`.taskcluster.yml` becomes the tasks that the real github service makes of it."""

import contextlib
import itertools
import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.taskcluster_yml import BadTaskclusterYml, parse, push_scopes, render

ROOT = "https://tc.example"
REFERENCES = Path(
    os.environ.get("TASKCLUSTER_REFERENCES", Path(__file__).parents[4] / "shared" / "taskcluster")
)
EXCHANGES = REFERENCES / "exchanges.json"


def rendered(text, event=None):
    numbers = itertools.count()
    return render(
        parse(text),
        tasks_for="github-push",
        event=event or {"ref": "refs/heads/master"},
        root_url=ROOT,
        now="2026-11-24T03:29:36.992Z",
        new_id=lambda: f"id{next(numbers)}",
    )


def test_a_task_alone_is_its_own_group():
    group, tasks = rendered("version: 1\ntasks: [{payload: {}}]")
    assert list(tasks) == [group]
    assert tasks[group] == {
        "schedulerId": "taskcluster-github",
        "taskGroupId": group,
        "routes": ["statuses"],
        "payload": {},
    }


def test_several_tasks_share_a_group_that_is_none_of_them():
    group, tasks = rendered("version: 1\ntasks: [{payload: {}}, {payload: {}}]")
    assert len(tasks) == 2
    assert group not in tasks
    assert {task["taskGroupId"] for task in tasks.values()} == {group}


def test_a_task_comes_after_those_that_it_depends_on():
    _, tasks = rendered("""
version: 1
tasks:
  - {taskId: {$eval: 'as_slugid("b")'}, dependencies: [{$eval: 'as_slugid("a")'}], metadata: {name: second}}
  - {taskId: {$eval: 'as_slugid("a")'}, metadata: {name: first}}
""")
    assert [task["metadata"]["name"] for task in tasks.values()] == ["first", "second"]


def test_checks_are_reported_where_the_file_asks_for_them():
    _, tasks = rendered("version: 1\nreporting: checks-v1\ntasks: [{routes: [checks, own], payload: {}}]")
    (task,) = tasks.values()
    assert task["routes"] == ["checks", "own"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("version: 1\ntasks: [{a: '${nosuch}'}]", "unknown context value nosuch"),
        ("version: 1\ntasks: 3", "does not render to a list of tasks"),
        ("version: 0\ntasks: []", "version 0"),
        ("- version: 1", "not an object"),
        ("version: [1", "is no YAML"),
        ("!!python/object:os.system {}", "is no YAML"),
        ("version: 1\ntasks: [{taskId: x}, {taskId: x}]", "two tasks have the id x"),
        (
            "version: 1\ntasks: [{taskId: x, dependencies: [y]}, {taskId: y, dependencies: [x]}]",
            "in a circle",
        ),
    ],
)
def test_what_makes_no_tasks_says_why(text, why):
    with pytest.raises(BadTaskclusterYml) as raised:
        rendered(text)
    assert why in str(raised.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("yes", "yes"),
        ("no", "no"),
        ("012", 12),
        ("0x1f", 31),
        ("-7", -7),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("true", True),
        ("~", None),
        ("", None),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("v3.120", "v3.120"),
    ],
)
def test_scalars_are_read_as_by_js_yaml(text, value):
    assert parse(f"version: 1\nvalue: {text}\n")["value"] == value


@pytest.mark.parametrize(
    ("ref", "role"),
    [
        ("refs/heads/master", "repo:github.com/mozilla/balrog:branch:master"),
        ("refs/heads/feature/x", "repo:github.com/mozilla/balrog:branch:feature/x"),
        ("refs/tags/v3.120", "repo:github.com/mozilla/balrog:tag:v3.120"),
    ],
)
def test_a_push_is_created_with_the_scopes_of_its_branch_or_tag(ref, role):
    assert push_scopes("github.com", "mozilla/balrog", ref, None) == (
        f"assume:{role}",
        "queue:route:statuses",
        "queue:scheduler-id:taskcluster-github",
    )


@given(st.text(max_size=40))
def test_no_text_breaks_the_reader(text):
    with contextlib.suppress(BadTaskclusterYml):
        assert parse(text)["version"] == 1


def recorded():
    """Bodies that the real service rendered for a push, and what it answered."""
    if not EXCHANGES.exists():
        return []
    asked = [
        (exchange["asked"].get("body") or {}, exchange["answer"])
        for exchange in json.loads(EXCHANGES.read_text())["groups"]["github"]
    ]
    return [
        pytest.param(body["body"], answer["body"], id=f"exchange-{number}")
        for number, (body, answer) in enumerate(asked)
        if answer["status"] == 200
        and str(body.get("body", "")).startswith("version: 1")
        and body["fakeEvent"]["type"] == "github-push"
        # The service's own fake event is not published.
        and "event." not in body["body"]
        and "overrides" not in body["fakeEvent"]
    ]


@pytest.mark.skipif(not EXCHANGES.exists(), reason="the recorded exchanges are not on this machine")
@pytest.mark.parametrize(("text", "answer"), recorded())
def test_the_real_service_rendered_the_same(text, answer):
    _, tasks = rendered(text)
    found = [{"taskId": task_id, "task": task} for task_id, task in tasks.items()]
    assert matches(answer["tasks"], found, {}), (answer["tasks"], found)


def matches(recorded, found, slugs):
    """Whether what was found is what was recorded, where a placeholder stands for one value throughout."""
    if isinstance(recorded, dict) and isinstance(found, dict):
        return recorded.keys() == found.keys() and all(
            matches(value, found[key], slugs) for key, value in recorded.items()
        )
    if isinstance(recorded, list) and isinstance(found, list):
        return len(recorded) == len(found) and all(map(lambda a, b: matches(a, b, slugs), recorded, found))
    if isinstance(recorded, str) and re.fullmatch(r"<slug-\d+>", recorded):
        return slugs.setdefault(recorded, found) == found
    if recorded == "<root>":
        return found == ROOT
    if isinstance(recorded, str) and recorded.startswith("<t"):
        return re.fullmatch(r"[-0-9T:.]+Z", found) is not None
    return recorded == found
