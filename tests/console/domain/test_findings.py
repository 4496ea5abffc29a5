"""Findings that no sandbox can show: other payloads, other deployments, and what their steps say."""

from datetime import UTC, datetime

import pytest

from console.domain.access import Access, Role
from console.domain.findings import Link, broken, ok, untold, verdict
from console.domain.findings_engine import engine_findings
from console.domain.findings_fix import EditFile, EditRole
from console.domain.findings_registry import build_finding
from console.domain.findings_role import pool_findings, stranger_findings
from console.domain.findings_secret import SecretFacts, secret_findings
from console.domain.findings_task import publisher, told_findings
from console.domain.taskcluster_yml import read
from console.domain.taskcluster_yml_event import push_event
from console.domain.who_can import who_can
from runner.errors import ExitCode
from runner.findings import Level
from runner.settings import load_settings

SLUG, COMMIT, NOW = "mozilla/balrog", "a" * 40, datetime(2026, 11, 24, tzinfo=UTC)
SCOPE = "secrets:get:repo:github.com/mozilla/balrog:dockerhub"
ROLE = "repo:github.com/mozilla/balrog:branch:master"
NAMED = EditFile(file=".taskcluster.yml", line=7)


def settings(text=None, image=None):
    return load_settings(text, {}, {}, image=image, slug=SLUG)


def task(*payloads, scopes=(), image=None, toml=None):
    """The task that publishes, of a file with a task for each payload."""
    listed = "".join(
        f"  - taskQueueId: proj/ci\n    scopes: {list(scopes)}\n    payload: {payload}\n"
        for payload in payloads
    )
    file = read(f"version: 1\ntasks:\n{listed}")
    event = push_event(SLUG, "refs/heads/master", COMMIT)
    ids = iter("abcdefgh")
    rendering = file.render(event, root_url="", now="2026-11-24T00:00:00.000Z", new_id=lambda: next(ids))
    return publisher(file, rendering, settings(toml, image))


PUBLISH = "command: [[lading-runner, publish]]"


@pytest.mark.parametrize(
    ("payload", "scopes", "code"),
    [
        (f"{{{PUBLISH}}}", [], "engine"),
        (f"{{{PUBLISH}, image: debian}}", [], "engine-not-there"),
        (f"{{{PUBLISH}, image: debian, env: {{DOCKER_HOST: 'tcp://docker:2375'}}}}", [], "engine"),
        (f"{{{PUBLISH}, image: debian, capabilities: {{privileged: true}}}}", [], "task-lacks-privilege"),
        (
            f"{{{PUBLISH}, image: debian, capabilities: {{privileged: true}}}}",
            ["docker-worker:capability:privileged:proj/ci"],
            "engine",
        ),
        ("{command: [lading-runner, push, layout], image: debian}", [], "engine"),
        (f"{{{PUBLISH}, features: {{dockerSave: true}}}}", [], "engine-is-gone"),
        (f"{{{PUBLISH}, features: 7, osGroups: 7}}", [], "engine"),
    ],
)
def test_a_task_has_an_engine_or_not(payload, scopes, code):
    (finding,) = engine_findings(task(payload, scopes=scopes))
    assert finding.name == code


def test_the_task_that_publishes_is_the_one_that_says_so():
    found = task("{command: [[make]]}", "{command: [[bash, -c, 'cd x && python -I -m runner publish']]}")
    assert "runner publish" in found.commands


def test_of_several_images_each_has_the_task_that_names_it():
    toml = "[image.a]\nrepository = 'x/a'\n[image.b]\nrepository = 'x/b'\n"
    payloads = ("{command: [[lading-runner, publish, a]]}", "{command: [[lading-runner, publish, b]]}")
    assert "publish b" in task(*payloads, image="b", toml=toml).commands


def test_a_script_of_the_repositorys_own_is_known_by_the_scope_of_the_secret():
    assert task("{command: [[bash, push-dockerimage.sh]]}", scopes=[SCOPE]) is not None
    assert task("{command: [[bash, push-dockerimage.sh]]}") is None


def test_a_script_of_the_repositorys_own_needs_no_variables_of_the_runner():
    found = task("{command: [[bash, push-dockerimage.sh]]}", scopes=[SCOPE])
    assert list(told_findings(found, SLUG, COMMIT)) == []


@pytest.mark.parametrize(
    ("env", "names"),
    [
        ("{}", {"LADING_EVENT"}),
        ("{LADING_EVENT: push, LADING_REPOSITORY: mozilla/balrog}", {"LADING_BRANCH"}),
        ("{LADING_EVENT: github-pull-request, LADING_REPOSITORY: mozilla/balrog}", {"LADING_EVENT"}),
        (
            f"{{LADING_EVENT: push, LADING_BRANCH: b, LADING_REPOSITORY: mozilla/balrog, LADING_REVISION: {'b' * 40}}}",
            {"LADING_REVISION"},
        ),
        (
            "{LADING_EVENT: push, LADING_BRANCH: b, LADING_REPOSITORY: mozilla/balrog, LADING_CREATED: today}",
            {"LADING_CREATED"},
        ),
    ],
)
def test_what_the_runner_would_not_understand_is_named(env, names):
    (finding,) = told_findings(task(f"{{{PUBLISH}, env: {env}}}"), SLUG, COMMIT)
    (fix,) = finding.fixes
    assert isinstance(fix, EditFile)
    edited = {edit.path[-1] for edit in fix.edits}
    assert (finding.name, edited >= names) == ("event-mistold", True)


@pytest.mark.parametrize(
    ("managed", "workers", "level"),
    [
        (True, None, Level.OK),
        (True, 0, Level.OK),
        (None, 1, Level.OK),
        (False, 1, Level.OK),
        (False, 0, Level.PROBLEM),
        (None, 0, Level.UNKNOWN),
        (False, None, Level.UNKNOWN),
        (None, None, Level.UNKNOWN),
    ],
)
def test_a_pool_is_unknown_to_all_before_it_is_a_problem(managed, workers, level):
    (finding,) = pool_findings("proj/ci", managed, workers, "403", NAMED)
    assert finding.level is level


@pytest.mark.parametrize(
    ("levels", "code"),
    [
        ([ok(Link.ROLE, "")], ExitCode.OK),
        ([ok(Link.ROLE, ""), untold(Link.POOL, "")], ExitCode.CANNOT_TELL),
        ([untold(Link.POOL, ""), broken(Link.ROLE, "x", "", "")], ExitCode.NO),
        ([untold(Link.BUILD, "")], ExitCode.OK),
    ],
)
def test_a_problem_outweighs_what_is_unknown_and_what_does_not_decide_counts_for_nothing(levels, code):
    assert verdict(levels) is code


def strangers(*roles, granted=None, unread=""):
    access = Access(list(roles), roles_unread=unread)
    return list(stranger_findings(access, who_can(access, SCOPE), ROLE, granted))


def test_everyone_is_more_than_a_pull_request():
    (finding,) = strangers(Role("anonymous", (SCOPE, "a:b")), Role(ROLE, (SCOPE,)))
    assert finding.seen.startswith("Everyone may read the secret")
    assert [fix.role_id for fix in finding.fixes] == ["anonymous"]


def test_a_role_below_is_named_by_the_one_that_grants():
    roles = (
        Role("repo:github.com/mozilla/balrog:*", ("assume:readers",)),
        Role("readers", (SCOPE,)),
        Role(ROLE, (SCOPE,)),
    )
    (finding,) = strangers(*roles)
    assert [fix.role_id for fix in finding.fixes] == ["readers"]
    assert "delete the role" in finding.action


def test_a_generated_role_is_not_edited_for_a_pull_request_either():
    (finding,) = strangers(
        Role("repo:github.com/mozilla/balrog:pull-request", (SCOPE,), "*DO NOT EDIT* - by ci-admin")
    )
    assert finding.fixes[0].command == ""
    assert "configuration repository" in finding.action


def test_roles_that_were_read_in_part_say_nothing_of_the_rest():
    assert [finding.level for finding in strangers(unread="403")] == [Level.UNKNOWN]
    assert [finding.level for finding in strangers(unread="403", granted=False)] == [Level.OK]


def test_an_edit_of_a_role_that_could_not_be_read_states_no_scopes():
    edit = EditRole(role_id="r", add=("a:b",), stated=None)
    assert (edit.scopes, edit.command) == (None, "lading role set r")


def test_a_secret_that_cannot_be_seen_may_still_be_known_to_be_there():
    found = [
        next(secret_findings(SecretFacts(is_there=there, unread="403"), settings(), NOW))
        for there in (True, None)
    ]
    assert [finding.level for finding in found] == [Level.UNKNOWN] * 2
    assert found[0].seen.startswith("There is a secret")
    assert found[1].seen.startswith("Perhaps there is a secret")


@pytest.mark.parametrize(
    ("state", "level"),
    [("success", Level.OK), ("pending", Level.OK), ("failure", Level.WARNING), ("error", Level.WARNING)],
)
def test_a_build_is_told_with_its_state(state, level):
    build = {
        "state": state,
        "eventType": "push",
        "sha": COMMIT,
        "taskGroupId": "g",
        "updated": "2026-11-24T00:00",
    }
    finding = build_finding(SLUG, build)
    assert (finding.level, finding.seen) == (level, f"push of {COMMIT[:12]}: {state}, on 2026-11-24")
