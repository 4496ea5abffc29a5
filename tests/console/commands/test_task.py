"""`lading task render` and `lading task init`, and that what they say of a role is what the queue then does."""

import io
import json
import subprocess

import pytest

from console import cli
from console.sandbox.seed import BRANCH_ROLE
from console.sandbox.task_payload import parse_payload
from tests.support.hosted_sandbox import Terminal

pytestmark = pytest.mark.enable_socket

PREFIX = "repo:github.com/lading/sample:"
SECRET = f"secrets:get:{PREFIX}dockerhub"
OF_2016 = """\
version: 0
metadata: {name: n, description: d, owner: o, source: "{{ event.head.repo.url }}"}
tasks:
  - provisionerId: aws-provisioner-v1
    workerType: github-worker
    extra: {github: {env: true, events: [push], branches: [main]}}
    payload: {image: "taskcluster/image_builder:0.1.3", features: {dind: true}, command: [a]}
    metadata: {name: n, description: d, owner: o, source: "https://example.com"}
"""


def git(folder, *words):
    done = subprocess.run(
        ["git", "-C", folder, "-c", "user.name=n", "-c", "user.email=e@lading.invalid", *words],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository without a task file, as the current folder."""
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    git(tmp_path, "remote", "add", "origin", "https://github.com/lading/sample.git")
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    git(tmp_path, "add", "Dockerfile")
    git(tmp_path, "commit", "--quiet", "-m", "An image of nothing")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def offline():
    """`lading` with no Taskcluster named."""

    def run(*words):
        out, err = io.StringIO(), io.StringIO()
        return (
            cli.run(words, {}, out, err),
            out.getvalue(),
            err.getvalue(),
        )

    return run


def test_what_init_writes_is_refused_granted_as_it_says_and_then_pushed(sandbox, checkout):
    code, out, err = sandbox.lading("task", "init", "--pool", "proj-balrog/ci", "--json")
    assert (code, err) == (0, "lading: wrote .taskcluster.yml and lading.toml\n")
    grants = json.loads(out)["grants"]
    assert list(grants) == [f"{PREFIX}branch:main", f"{PREFIX}release:published"]

    code, out, _ = sandbox.lading("task", "render", "--branch", "main", "--json")
    before = json.loads(out)
    assert (code, before["suffices"], before["role"]) == (1, False, f"{PREFIX}branch:main")
    assert before["lacking"] == grants[f"{PREFIX}branch:main"]
    near = before["nearest"]["queue:create-task:lowest:proj-balrog/ci"]
    assert (near["granted"], near["roles"]) == ("queue:create-task:highest:proj-balrog/ci", [BRANCH_ROLE])
    assert before["tasks"][0]["task"]["payload"]["env"]["LADING_REVISION"] == git(
        checkout, "rev-parse", "HEAD"
    )

    git(checkout, "add", ".")
    git(checkout, "commit", "--quiet", "-m", "Publish it")
    push = ("sandbox", "push", "--branch", "main", "--repo", str(checkout), "--json")
    assert sandbox.lading(*push)[0] == 3

    for role, scopes in grants.items():
        sandbox.set_role(role, *scopes)
    for happening in (("--branch", "main"), ("--release", "v1")):
        code, out, _ = sandbox.lading("task", "render", *happening, "--json")
        assert (code, json.loads(out)["suffices"], json.loads(out)["lacking"]) == (0, True, [])
    code, out, err = sandbox.lading(*push)
    assert code == 0, err
    task = sandbox.call("GET", "queue", "task", json.loads(out)["taskGroupId"])
    assert SECRET in task["scopes"]
    assert parse_payload(task).proxy


def test_a_person_reads_the_task_its_role_and_what_it_lacks(sandbox, checkout):
    sandbox.lading("task", "init", "--pool", "proj-balrog/ci")
    sandbox.set_role(f"{PREFIX}branch:dev", "queue:create-task:project:none")
    text = (checkout / ".taskcluster.yml").read_text().replace("refs/heads/main", "refs/heads/dev")
    (checkout / ".taskcluster.yml").write_text(text)
    code, out, _ = sandbox.lading("task", "render", "--branch", "dev", stdout=Terminal(), TERM="xterm")
    assert code == 1
    assert f"push\x1b[0m: 1 task, created with role \x1b[36m{PREFIX}branch:dev\x1b[0m" in out
    assert "      git clone --quiet" in out
    assert f"\x1b[1;31mLACKING \x1b[0m {SECRET}\n" in out
    assert "\x1b[1;32mgranted \x1b[0m queue:create-task:project:none\n" in out
    assert "nearest: queue:create-task:" in out
    assert "The role does not suffice." in out


def test_who_may_not_expand_scopes_is_answered_by_the_roles_or_not_at_all(sandbox, checkout):
    sandbox.lading("task", "init", "--pool", "proj-balrog/ci", "--branch", "roles")
    render = ("task", "render", "--branch", "roles", "--json")
    code, out, _ = sandbox.lading(*render, by=sandbox.client("auth:list-roles"))
    assert (code, json.loads(out)["suffices"]) == (1, False)
    code, out, _ = sandbox.lading(*render, by=sandbox.client("nothing"))
    assert (code, json.loads(out)["suffices"]) == (7, None)
    assert "auth:list-roles" in json.loads(out)["unknown"]


def test_without_a_taskcluster_the_tasks_are_shown_and_the_role_is_not_judged(offline, checkout):
    assert offline("task", "init", "--pool", "proj-balrog/ci")[0] == 0
    code, out, err = offline("task", "render", "--tag", "v1")
    assert (code, err) == (0, "")
    assert out.startswith(f"tag: no tasks; the role would be {PREFIX}tag:v1\n")
    code, out, _ = offline("task", "render", "--branch", "main")
    assert code == 0
    assert "Whether the role suffices cannot be told: no Taskcluster is named" in out
    code, out, _ = offline("task", "render", "--pull-request", "7", "--by-stranger")
    assert (code, "Nothing runs: the policy for pull requests is `collaborators`" in out) == (0, True)


def test_a_file_of_2016_is_rendered_and_told_what_is_no_more(offline, checkout):
    (checkout / ".taskcluster.yml").write_text(OF_2016)
    code, out, _ = offline("task", "render", "--branch", "main", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["tasks"][0]["task"]["payload"]["env"]["GITHUB_BRANCH"] == "main"
    assert {one["line"] for one in found["advice"]} == {1, 2, 4, 6, 7}
    assert (
        "Out of date:\n  .taskcluster.yml:1:10: version 0 still renders"
        in offline("task", "render", "--branch", "main")[1]
    )


def test_what_the_queue_would_refuse_is_a_no_with_its_place(offline, checkout):
    (checkout / ".taskcluster.yml").write_text("version: 1\ntasks:\n  - priority: normal\n")
    code, out, _ = offline("task", "render", "--branch", "main")
    assert code == 1
    assert ".taskcluster.yml:3:15: the queue would refuse the task: `priority` is 'normal'" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("render", "--branch", "main"), "There is no .taskcluster.yml."),
        (("render", "--branch", "main", "--file", "Dockerfile"), "Dockerfile:1:1: is not an object"),
        (("render", "--branch", "main", "--file", "."), "cannot be read"),
        (("render", "--branch", "main", "--file", "bad.yml"), "bad.yml:2:16: InterpreterError"),
        (("render", "--branch", "main", "--file", "one.yml", "--by-stranger"), "Give --pull-request N."),
        (("render", "--branch", "b", "--file", "one.yml", "--repository", "x"), "'x' names no repository"),
        (("init", "--pool", "nowhere"), "the pool is 'nowhere'"),
        (("init", "--pool", "a/b", "--folder", "no/folder", "--repository", "a/b"), "cannot be written"),
    ],
)
def test_what_cannot_be_done_is_one_message(offline, checkout, words, message):
    (checkout / "one.yml").write_text("version: 1\n")
    (checkout / "bad.yml").write_text("version: 1\ntasks: [{a: '${nosuch}'}]\n")
    code, out, err = offline("task", *words)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_init_overwrites_nothing_and_writes_all_or_none(offline, checkout):
    (checkout / "lading.toml").write_text("mine\n")
    code, _, err = offline("task", "init", "--pool", "proj-balrog/ci")
    assert (code, "has lading.toml already; nothing was written" in err) == (2, True)
    assert not (checkout / ".taskcluster.yml").exists()
    assert (checkout / "lading.toml").read_text() == "mine\n"


def test_init_prints_what_it_would_write(offline, checkout):
    code, out, err = offline("task", "init", "--pool", "proj-balrog/ci", "--print")
    assert (code, err) == (0, "")
    assert "# .taskcluster.yml\nversion: 1\n" in out
    assert f"#   to {PREFIX}branch:main\n" in out
    assert f"#   {PREFIX}pull-request\n" in out
    assert sorted(path.name for path in checkout.iterdir()) == [".git", "Dockerfile"]
