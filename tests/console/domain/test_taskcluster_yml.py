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

from console.domain.taskcluster_yml import BadTaskclusterYml, read
from console.domain.taskcluster_yml_event import (
    GithubEvent,
    TasksFor,
    Told,
    pull_request_event,
    push_event,
    release_event,
)

ROOT = "https://tc.example"
NOW = "2026-11-24T03:29:36.992Z"
SLUG = "mozilla/balrog"
REVISION = "b79ce60be819cdc482c9c6a84dc3c457959aa66f"
REFERENCES = Path(
    os.environ.get("TASKCLUSTER_REFERENCES", Path(__file__).parents[4] / "shared" / "taskcluster")
)
EXCHANGES = REFERENCES / "exchanges.json"
PUSH = push_event(SLUG, "refs/heads/main", REVISION)


def rendering(text, event=PUSH):
    numbers = itertools.count()
    return read(text).render(event, root_url=ROOT, now=NOW, new_id=lambda: f"id{next(numbers)}")


def test_a_task_alone_is_its_own_group():
    found = rendering("version: 1\ntasks: [{payload: {}}]")
    assert list(found.tasks) == [found.group]
    assert found.tasks[found.group] == {
        "schedulerId": "taskcluster-github",
        "taskGroupId": found.group,
        "routes": ["statuses"],
        "payload": {},
    }


@pytest.mark.parametrize("names", ["taskId: T", "taskGroupId: T", "taskId: T, taskGroupId: T"])
def test_a_task_alone_has_one_id_for_both_whichever_it_names(names):
    found = rendering(f"version: 1\ntasks: [{{{names}}}]")
    assert (list(found.tasks), found.group) == (["T"], "T")


def test_several_tasks_share_a_group_that_is_none_of_them():
    found = rendering("version: 1\ntasks: [{payload: {}}, {payload: {}}]")
    assert len(found.tasks) == 2
    assert found.group not in found.tasks
    assert {task["taskGroupId"] for task in found.tasks.values()} == {found.group}


def test_a_task_comes_after_those_that_it_depends_on():
    found = rendering("""
version: 1
tasks:
  - {taskId: {$eval: 'as_slugid("b")'}, dependencies: [{$eval: 'as_slugid("a")'}], metadata: {name: second}}
  - {taskId: {$eval: 'as_slugid("a")'}, metadata: {name: first}}
""")
    assert [task["metadata"]["name"] for task in found.tasks.values()] == ["first", "second"]


def test_checks_are_reported_where_the_file_asks_for_them():
    found = rendering("version: 1\nreporting: checks-v1\ntasks: [{routes: [checks, own], payload: {}}]")
    (task,) = found.tasks.values()
    assert task["routes"] == ["checks", "own"]
    assert "queue:route:checks" in found.scopes


def test_hooks_are_triggered_beside_the_tasks():
    found = rendering("version: 1\nhooks: [{name: group/hook, context: {a: 1}}, {name: b/c}]")
    assert (found.hooks, found.contexts) == (("group/hook", "b/c"), ({"a": 1}, {}))
    assert (dict(found.tasks), found.group) == ({}, None)


V1 = """version: 1
tasks:
  - payload:
      ref: "${event.ref}"
"""


@pytest.mark.parametrize(
    ("text", "line", "column", "why"),
    [
        ("version: 1\ntasks: [{a: '${nosuch}'}]", 2, 16, "unknown context value nosuch"),
        (
            "version: 1\ntasks:\n  - payload:\n      command: |\n        one\n        two ${nosuch}\n",
            6,
            15,
            "at template.tasks[0].payload.command: unknown context value nosuch",
        ),
        (
            "version: 1\ntasks:\n  $let: {a: 1}\n  in:\n    - $if: 'true'\n      then: {x: {$eval: wrong}}\n",
            6,
            25,
            "unknown context value wrong",
        ),
        (
            "version: 1\ntasks:\n  - $if: 'tasks_for == nosuch'\n    then: {}\n",
            3,
            24,
            "unknown context value nosuch",
        ),
        ("version: 1\ntasks: [{a: {$eval: '1 +'}}]", 2, 13, "at template.tasks[0].a"),
        ("version: 1\ntasks: [{a: {$fromNow: soon}}]", 2, 13, "soon"),
        ("version: 1\ntasks: [{$eval: '1 / 0'}]", 2, 9, "division by zero"),
        ("version: 1\ntasks: [{}, {$fromNow: '99999999999 years'}]", 2, 13, "OverflowError"),
        ("version: 1\ntasks: 3", 2, 8, "tasks must be array"),
        ("version: 1\ntasks: {$eval: '3'}", 2, 8, "does not render to a list of tasks"),
        ("version: 1\ntasks: [1]", 2, 9, "tasks.0 must be object"),
        ("version: 1\npolicy: {pullRequests: nobody}", 2, 24, "policy.pullRequests must be equal to one of"),
        ("version: 1\nreporting: 3", 2, 12, "reporting must be string"),
        ("version: 1\nzzz: 1", 1, 1, 'must NOT have additional properties: "zzz"'),
        ("version: 1\nhooks: [{}]", 2, 9, "hooks.0 must have required property 'name'"),
        ("version: 2", 1, 10, "version must be equal to one of the allowed values"),
        ("version: '1'", 1, 10, "version must be integer"),
        ("version: true", 1, 10, "version must be integer"),
        ("tasks: []", 1, 1, "must have required property 'version'"),
        ("- version: 1", 1, 1, "is not an object"),
        ("", None, None, "is empty"),
        ("version: [1", 1, 12, "is no YAML"),
        ("version: 1\n tasks: []", 2, 7, "is no YAML"),
        ("version: 1\nversion: 1", 2, 1, "'version' twice"),
        ("!!python/object:os.system {}", 1, 1, "has the tag"),
        ("version: 1\nx: !!timestamp 2020-01-01", 2, 4, "has the tag"),
        ("version: 1\ntasks: &a [*a]", 2, 8, "contains itself"),
        ("version: 1\ntasks: [{taskId: x}, {taskId: x}]", 2, 31, "two tasks have the id x"),
        ("version: 1\ntasks: [{taskId: 1}]", 2, 18, "does not render to a text"),
        ("version: 1\ntasks: [{routes: x}]", 2, 18, "routes"),
        (
            "version: 1\ntasks: [{taskId: x, dependencies: [y]}, {taskId: y, dependencies: [x]}]",
            2,
            8,
            "in a circle",
        ),
        ("version: 1\ntasks: [{a: .inf}]", 2, 13, "JSON does not have"),
        (f"version: 1\ntasks: [{{a: {'9' * 5000}}}]", 2, 13, "cannot be read"),
        (f"version: 1\ntasks: {'[' * 500}", None, None, "nested too deeply"),
        ("version: 0\npolicy: {}", 1, 1, 'must NOT have additional properties: "policy"'),
        ("version: 0\nallowPullRequests: all", 2, 20, "allowPullRequests must be equal to one of"),
        ("version: 0\nmetadata: {name: 1}", 2, 18, "metadata.name must be string"),
        ("version: 0\ntasks: [{created: 1}]", 2, 19, "tasks.0.created must be string"),
        (
            "version: 0\ntasks: [{extra: {github: {env: true}}}]",
            2,
            26,
            "`extra.github.events` must be a list",
        ),
        (
            "version: 0\ntasks: [{extra: {github: {events: [push], branches: [a], excludeBranches: [b]}}}]",
            2,
            53,
            "Cannot specify both",
        ),
        ("version: 0\ntasks: [{extra: {github: {events: [push], env: true}}}]", 2, 9, "needs a `payload`"),
        ("version: 0\ntasks: [{deadline: \"{{ 'soon' | $fromNow }}\"}]", 2, 25, "'soon' is no time"),
    ],
)
def test_what_makes_no_tasks_says_why_and_where(text, line, column, why):
    with pytest.raises(BadTaskclusterYml) as raised:
        rendering(text)
    problem = next(problem for problem in raised.value.problems if why in str(problem))
    found = (problem.position.line, problem.position.column) if problem.position else (None, None)
    if line is not None:
        assert found == (line, column), str(problem)
        assert str(problem).startswith(f".taskcluster.yml:{line}:{column}: ")


def test_every_problem_of_the_form_is_told_at_once():
    with pytest.raises(BadTaskclusterYml) as raised:
        read("version: 1\nzzz: 1\npolicy: {a: 1, pullRequests: nobody}\n")
    assert len(raised.value.problems) == 3


def test_aliases_of_aliases_are_counted_before_they_fill_the_memory():
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(BadTaskclusterYml, match="aliases counted"):
        read("\n".join(lines))


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
        ("1.0", 1),
        ("1e3", 1000),
        ("v3.120", "v3.120"),
    ],
)
def test_scalars_are_read_as_by_js_yaml(text, value):
    found = read(f"version: 1\ntasks: [{{value: {text}}}]\n".replace("value: }", "value: ~}"))
    assert found.yaml.value["tasks"] == [{"value": value}]


def test_merged_objects_give_way_to_the_keys_beside_them():
    found = read("version: 1\ntasks:\n  - &a {x: 1, y: 1}\n  - {<<: *a, y: 2}\n")
    assert found.yaml.value["tasks"][1] == {"x": 1, "y": 2}


def test_a_task_is_found_in_the_file_though_those_before_it_rendered_to_nothing():
    text = "version: 1\ntasks:\n  - {$if: 'false', then: {}}\n  - $if: 'true'\n    then: {scopes: [a]}\n"
    found = rendering(text)
    position = read(text).place_of(found, found.group, ("scopes", 0))
    assert (position.line, position.column) == (5, 21)


PREFIX = "assume:repo:github.com/mozilla/balrog:"


@pytest.mark.parametrize(
    ("event", "role"),
    [
        (push_event(SLUG, "refs/heads/master", REVISION), "branch:master"),
        (push_event(SLUG, "refs/heads/feature/x", REVISION), "branch:feature/x"),
        (push_event(SLUG, "refs/tags/v3.120", REVISION), "tag:v3.120"),
        (pull_request_event(SLUG, 36, REVISION), "pull-request"),
        (pull_request_event(SLUG, 36, REVISION, trusted=False), "pull-request-untrusted"),
        (release_event(SLUG, "v3.120"), "release:published"),
        (release_event(SLUG, "v3.120", action="created"), "release:created"),
        (GithubEvent(TasksFor.COMMENT, SLUG, {"action": "created"}), "pull-request"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_each_event_has_a_role_of_its_own(event, role):
    assert rendering("version: 1", event).scopes == (
        PREFIX + role,
        "queue:route:statuses",
        "queue:scheduler-id:taskcluster-github",
    )


def test_a_release_of_version_0_is_always_as_if_published_and_a_comment_has_no_role():
    assert rendering("version: 0", release_event(SLUG, "v1", action="created")).scopes[0] == (
        f"{PREFIX}release:published"
    )
    assert rendering("version: 0", GithubEvent(TasksFor.COMMENT, SLUG, {})).role is None


def test_a_branch_that_no_scope_can_name_is_refused():
    with pytest.raises(BadTaskclusterYml, match="ascii-printable"):
        rendering("version: 1", push_event(SLUG, "refs/heads/bränch", REVISION))


@pytest.mark.parametrize(
    ("text", "policy", "strangers", "roles"),
    [
        ("version: 1", "collaborators", False, ("pull-request",)),
        ("version: 1\npolicy: {pullRequests: public}", "public", True, ("pull-request",)),
        (
            "version: 1\npolicy: {pullRequests: public_restricted}",
            "public_restricted",
            True,
            ("pull-request", "pull-request-untrusted"),
        ),
        ("version: 0", "collaborators", False, ("pull-request",)),
        ("version: 0\nallowPullRequests: public", "public", True, ("pull-request",)),
    ],
)
def test_the_policy_says_whose_pull_requests_run_and_with_which_roles(text, policy, strangers, roles):
    file = read(text)
    assert (file.pull_requests, file.runs_for_strangers, file.roles_of_pull_requests) == (
        policy,
        strangers,
        roles,
    )


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats()
WORDS = st.sampled_from(
    [
        "version",
        "tasks",
        "$if",
        "then",
        "$let",
        "in",
        "$map",
        "each(x)",
        "$eval",
        "extra",
        "github",
        "events",
        "taskId",
        "routes",
        "dependencies",
        "payload",
        "env",
        "$fromNow",
        "reporting",
        "$flatten",
        "$merge",
    ]
)
DOCUMENTS = st.recursive(
    SCALARS | st.sampled_from(["${event.ref}", "event", "{{ event.version }}", "{{ 'x' | $fromNow }}"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=12,
)


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(text):
    with contextlib.suppress(BadTaskclusterYml):
        rendering(text)


@given(st.sampled_from([0, 1]), DOCUMENTS, st.sampled_from([PUSH, release_event(SLUG, "v1")]))
def test_no_document_breaks_the_renderer(version, tasks, event):
    text = json.dumps({"version": version, "tasks": tasks})
    with contextlib.suppress(BadTaskclusterYml):
        rendering(text, event)


def fake_event(fake, slug):
    """The service's own fake event, as far as its recorded answers tell it."""
    told = Told(sender="awesome-dev", default_branch="master")
    kind, action = TasksFor(fake["type"]), fake.get("action", "")
    overrides = fake.get("overrides", {})
    if kind is TasksFor.PUSH:
        ref = overrides.get("ref", "refs/heads/" + overrides.get("branch", "main"))
        event = push_event(slug, ref, REVISION, before="7a257a6d139708a3188bf2e0cd1f15e466a88d0e", told=told)
        event.body["pusher"]["email"] = None
    elif kind is TasksFor.RELEASE:
        told = Told(sender="mozilla", default_branch="master", subject="Testing 123")
        event = release_event(slug, "testing-789", action=action, told=told)
    else:
        event = pull_request_event(
            slug,
            36,
            "b12ead3c5f3499e34356c970e20d7858f1747542",
            action=action,
            trusted=kind is TasksFor.PULL_REQUEST,
            before="55e752e3a914db81eee3f90260f7eb69b7169ada",
            told=Told(sender="awesome-dev", default_branch="master", subject="Update README.md"),
        )
        event.body["pull_request"]["head"]["ref"] = "awesome-dev-patch-2"
    return GithubEvent(kind, slug, {**event.body, **overrides})


def recorded():
    """What the real service was asked to render, and what it answered."""
    if not EXCHANGES.exists():
        return []
    exchanges = json.loads(EXCHANGES.read_text())["groups"]["github"]
    return [
        pytest.param(exchange["asked"]["body"], exchange["answer"], id=exchange["name"])
        for exchange in exchanges
        if exchange["asked"]["path"].endswith("/taskcluster-yml")
        # The others are refused for what else they say.
        and "render-taskcluster-yml-input" not in str(exchange["answer"]["body"])
    ]


@pytest.mark.skipif(not EXCHANGES.exists(), reason="the recorded exchanges are not on this machine")
@pytest.mark.parametrize(("asked", "answer"), recorded())
def test_the_real_service_answered_the_same(asked, answer):
    slug = f"{asked.get('organization', 'taskcluster')}/{asked.get('repository', 'testing')}"
    event = fake_event(asked["fakeEvent"], slug)
    if answer["status"] != 200:
        with pytest.raises(BadTaskclusterYml) as raised:
            rendering(asked["body"], event)
        said, _, _footer = answer["body"]["message"].partition("\n\n---\n\n")
        for line in re.findall(r"^  \* data(.*)$", said, re.MULTILINE):
            assert any(
                f"{problem.pointer} {problem.reason}".startswith(line) for problem in raised.value.problems
            )
        if "Errors:" not in said and said != "<message>":
            assert raised.value.problems[0].reason == said
        return
    found = rendering(asked["body"], event)
    assert sorted(found.scopes) == answer["body"]["scopes"]
    tasks = [{"taskId": task_id, "task": task} for task_id, task in found.tasks.items()]
    assert matches(answer["body"]["tasks"], tasks, {}), (answer["body"]["tasks"], tasks)


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
