"""`lading build` against a sandbox whose worker runs the tasks: watch, cancel, run again, trigger."""

import asyncio
import datetime as dt
import functools
import io
import json
import socket

import pytest

from console import cli, connection
from console.actions.build_plan import slug_id
from console.sandbox.services import queue_resolve
from console.sandbox.signed_http import TaskclusterFailure
from console.services.pacing import Pace
from tests.support.builds import Meanwhile, builds_with_worker
from tests.support.hosted_sandbox import Terminal
from tests.support.task import checkout, commit, git

pytestmark = pytest.mark.enable_socket


@pytest.fixture(scope="module")
def builds(tmp_path_factory):
    with builds_with_worker(tmp_path_factory.mktemp("worker")) as found:
        yield found


def test_watch_tells_each_change_and_exits_by_the_result(builds):
    good = builds.create(builds.wait_for("good"))
    builds.when(good, "running")
    watching = Meanwhile(builds, "build", "watch", good, "--exit-status")
    builds.release("good")
    code, out, err = watching.end()
    assert code == 0
    assert out.splitlines()[-1] == f"{good}  completed  a build"
    assert f"{good} succeeded: 1 completed" in err
    bad = builds.create("exit 3")
    builds.resolved(bad)
    code, out, err = builds.lading("build", "watch", bad, "--exit-status")
    assert (code, out) == (1, f"{bad}  failed  a build\n")
    assert builds.lading("build", "watch", bad)[0] == 0
    code, out, err = builds.lading(
        "build", "watch", f"{builds.root_url}/tasks/{bad}", "--exit-status", "--json"
    )
    assert code == 1
    assert json.loads(out) == {
        "taskGroupId": bad,
        "taskId": None,
        "success": False,
        "counts": {"failed": 1},
        "unsuccessful": [bad],
    }


def test_a_group_is_watched_to_the_end_of_all_its_tasks_and_a_task_of_it_alone(builds):
    group = slug_id()
    first = builds.create("exit 1", group=group)
    second = builds.create("true", group=group)
    never = builds.create("true", group=group, dependencies=[first])
    code, out, err = builds.lading("build", "watch", group, "--exit-status")
    assert code == 1
    assert {line.split()[0] for line in out.splitlines()} == {first, second, never}
    assert "did not succeed: 1 completed, 1 failed, 1 unscheduled" in err
    assert builds.lading("build", "watch", second, "--exit-status")[0] == 0


def test_a_watched_build_that_is_cancelled_exits_1_and_says_so(builds):
    task_id = builds.create(builds.wait_for("never"))
    builds.when(task_id, "running")
    watching = Meanwhile(builds, "build", "watch", task_id, "--exit-status")
    code, out, _ = builds.lading("build", "cancel", task_id, "--yes")
    assert (code, out) == (0, f"{task_id} is exception (canceled)\n")
    code, out, _ = watching.end()
    assert code == 1
    assert f"{task_id}  exception (canceled)  a build" in out
    assert builds.lading("build", "cancel", task_id, "--yes")[0] == 0


def test_a_watched_build_whose_deadline_passes_exits_1_and_says_so(builds, monkeypatch):
    async def passes(_seconds):
        # Between two looks, of which the first found it pending.
        monkeypatch.setattr(queue_resolve, "DEADLINE_GRACE", -dt.timedelta(hours=2))
        await asyncio.sleep(0.1)

    monkeypatch.setattr(connection, "Pace", functools.partial(Pace, sleep=passes))
    task_id = builds.create("true", queue="proj-balrog/nobody")
    code, out, _ = builds.lading("build", "watch", task_id, "--exit-status")
    assert code == 1
    assert [line.split()[1] for line in out.splitlines()] == ["pending", "exception"]
    assert "deadline-exceeded" in out.splitlines()[-1]


@pytest.mark.parametrize("words", [("watch", "--exit-status"), ("log",), ("log", "--first-error")])
def test_a_network_that_is_lost_exits_4(builds, monkeypatch, words):
    async def at_once(_seconds):
        pass

    monkeypatch.setattr(connection, "Pace", functools.partial(Pace, sleep=at_once))
    err = io.StringIO()
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # nobody else has the port, and nobody listens on it
        root_url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        variables = {**builds.variables, "TASKCLUSTER_ROOT_URL": root_url}
        assert cli.run(("build", *words, slug_id()), variables, io.StringIO(), err) == 4
    assert "attempt 4" in err.getvalue()


def test_a_terminal_is_notified_and_a_pipe_is_not(builds):
    task_id = builds.create("true")
    builds.resolved(task_id)
    assert "\a" not in builds.lading("build", "watch", task_id)[2]
    terminal = Terminal()
    variables = {**builds.variables, "TERM": "xterm"}
    assert cli.run(("build", "watch", task_id), variables, io.StringIO(), terminal) == 0
    assert f"\a\x1b]9;lading: {task_id} succeeded: 1 completed\x1b\\" in terminal.getvalue()


def test_what_runs_is_not_run_again_and_what_has_ended_is(builds):
    task_id = builds.create("true")
    builds.resolved(task_id)
    code, out, _ = builds.lading("build", "rerun", task_id, "--yes")
    assert (code, out) == (0, f"{task_id} is pending: run 1\n")
    waiting = builds.create("true", queue="proj-balrog/nobody")
    code, _, err = builds.lading("build", "rerun", waiting, "--yes")
    assert code == 8
    assert "there is nothing to run again" in err
    assert builds.lading("build", "priority", waiting, "high")[:2] == (
        0,
        f"{waiting} has the priority high\n",
    )
    assert builds.lading("build", "priority", waiting, "high")[0] == 8


def test_a_group_is_sealed_and_cancelled(builds):
    group = slug_id()
    builds.create("true", group=group, queue="proj-balrog/nobody")
    builds.create("true", group=group, queue="proj-balrog/nobody")
    code, out, _ = builds.lading("build", "cancel", group, "--group", "--yes")
    assert (code, out) == (0, "2 of 2 tasks were ended\n")


def test_nothing_is_changed_unasked_nor_read_only(builds):
    task_id = builds.create("true", queue="proj-balrog/nobody")
    for words in (("cancel", task_id), ("rerun", task_id)):
        code, _, err = builds.lading("build", *words)
        assert (code, "nobody can be asked" in err) == (2, True)
    for change in (("cancel", task_id, "--yes"), ("rerun", task_id, "--yes"), ("priority", task_id, "high")):
        assert builds.lading("build", *change, "--read-only")[0] == 3
    code, _, err = builds.lading("build", "cancel", task_id, stdin=Terminal("no\n"))
    assert code == 1
    assert builds.status(task_id)["state"] == "pending"
    assert builds.lading("build", "cancel", task_id, stdin=Terminal("yes\n"))[0] == 0


def test_a_scope_that_is_lacking_is_named(builds):
    task_id = builds.create("true", queue="proj-balrog/nobody")
    code, _, err = builds.lading("build", "cancel", task_id, "--yes", by=builds.client())
    assert code == 3
    assert f"queue:cancel-task:taskcluster-github/{task_id}/{task_id}" in err


# Trigger


TASK_FILE = """\
version: 1
tasks:
  - taskId: {$eval: as_slugid("build")}
    taskQueueId: proj-balrog/ci
    deadline: {$fromNow: 1 hour}
    priority: high
    scopes: ["secrets:get:repo:github.com/mozilla/balrog:dockerhub"]
    routes: [index.project.balrog.docker.latest]
    payload:
      maxRunTime: 60
      env: {LADING_EVENT: "${tasks_for}", LADING_TAG: {$if: 'event.ref == "refs/tags/v1"', then: v1, else: ""}}
      command: [[bash, -c, "echo built ${event.after}; : lading-runner publish"]]
    metadata: {name: publish, description: d, owner: a@example.com, source: "https://example.com"}
"""


@pytest.fixture
def task_file(tmp_path):
    path = tmp_path / "task.yml"
    path.write_text(TASK_FILE)
    return "--file", str(path), "--commit", "c" * 40, "--repository", "mozilla/balrog"


def test_a_plan_is_shown_and_nothing_is_created(builds, task_file):
    code, out, _ = builds.lading("build", "trigger", "--branch", "main", *task_file, "--plan", "--json")
    assert code == 0
    plan = json.loads(out)
    (task,) = plan["tasks"]
    assert plan["lacking"] == []
    assert plan["typed"] is None
    assert plan["scopes"] == ["secrets:get:repo:github.com/mozilla/balrog:dockerhub"]
    assert any("pushes an image" in effect for effect in plan["effects"])
    assert any("index entry project.balrog.docker.latest" in effect for effect in plan["effects"])
    with pytest.raises(TaskclusterFailure, match="404"):
        builds.status(task["taskId"])
    out = builds.lading("build", "trigger", "--branch", "main", *task_file, "--plan")[1]
    assert "effect: it pushes an image" in out


def test_what_is_lacking_is_told_before_anything_is_created(builds, task_file):
    by = builds.client("auth:current-scopes", "queue:route:*")
    words = ("build", "trigger", "--branch", "main", *task_file)
    code, _, err = builds.lading(*words, "--yes", by=by)
    assert code == 3
    for scope in (
        "queue:create-task:high:proj-balrog/ci",
        "secrets:get:repo:github.com/mozilla/balrog:dockerhub",
        "queue:scheduler-id:taskcluster-github",
    ):
        assert f"you lack {scope}" in err
    assert "queue:route:" not in err.partition("you lack")[2]
    assert "Nothing was created" in err
    # Who may not even ask what it holds cannot be told.
    assert builds.lading(*words, "--plan", by=builds.client())[0] == 7


def test_a_branch_is_built_once_somebody_agrees_and_watched_by_what_is_printed(builds, task_file):
    words = ("build", "trigger", "--branch", "main", *task_file)
    code, _, err = builds.lading(*words)
    assert (code, "nobody can be asked" in err) == (2, True)
    assert builds.lading(*words, stdin=Terminal("no\n"))[0] == 1
    code, out, _ = builds.lading(*words, stdin=Terminal("yes\n"))
    assert code == 0
    assert builds.lading("build", "watch", out.strip(), "--exit-status")[0] == 0
    assert f"built {'c' * 40}\n" in builds.lading("build", "log", out.strip())[1]


def test_a_branch_of_a_checkout_is_built_at_the_head_that_was_fetched(builds, tmp_path, monkeypatch):
    folder = checkout(tmp_path / "checkout", {".taskcluster.yml": TASK_FILE})
    monkeypatch.chdir(folder)
    fetched = git(folder, "rev-parse", "HEAD")
    git(folder, "update-ref", "refs/remotes/origin/master", fetched)
    commit(folder, "not pushed")
    code, out, err = builds.lading("build", "trigger", "--branch", "master", "--plan", "--json")
    assert code == 0
    assert json.loads(out)["title"] == f"Build master of mozilla/balrog at {fetched[:12]}"
    assert f"its {fetched[:12]} is built" in err
    code, _, err = builds.lading("build", "trigger", "--branch", "other", "--plan")
    assert (code, "no checkout with refs/heads/other" in err) == (2, True)


def test_a_release_is_built_only_with_its_tag_typed(builds, task_file):
    words = ("build", "trigger", "--tag", "v1", *task_file)
    for wrong in (("--yes",), ("--yes", "v2")):
        code, _, err = builds.lading(*words, *wrong)
        assert (code, "Give --yes v1." in err) == (2, True)
    assert builds.lading(*words, stdin=Terminal("yes\n"))[0] == 1
    code, out, _ = builds.lading(*words, "--yes", "v1")
    assert code == 0
    # A release triggered again is one as well.
    code, _, err = builds.lading("build", "trigger", "--retrigger", out.strip(), "--yes")
    assert (code, "Give --yes v1." in err) == (2, True)


def test_an_earlier_task_is_built_again_with_a_new_id_and_a_group_of_its_own(builds):
    group = slug_id()
    old = builds.create("echo again", group=group)
    code, out, _ = builds.lading("build", "trigger", "--retrigger", old, "--yes", "--json")
    assert code == 0
    answer = json.loads(out)
    (new,) = answer["created"]
    assert (new != old, answer["taskGroupId"]) == (True, new)
    assert builds.resolved(new)["state"] == "completed"
    answer = json.loads(
        builds.lading("build", "trigger", "--retrigger", old, "--same-group", "--yes", "--json")[1]
    )
    assert answer["taskGroupId"] == group


def test_a_file_that_makes_no_good_task_is_refused_before_anything_is_sent(builds, task_file, tmp_path):
    (tmp_path / "task.yml").write_text(TASK_FILE.replace("1 hour", "1 year"))
    code, out, err = builds.lading("build", "trigger", "--branch", "main", *task_file, "--yes")
    assert (code, out) == (2, "")
    assert "must be within five days" in err


def test_a_hook_is_triggered_and_its_fires_are_listed(builds, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    task = {
        "taskQueueId": "proj-balrog/ci",
        "created": {"$fromNow": ""},
        "deadline": {"$fromNow": "1 hour"},
        "routes": ["index.project.balrog.hook"],
        "payload": {"maxRunTime": 60, "command": [["echo", "${payload.word}"]]},
        "metadata": {
            "name": "h",
            "description": "d",
            "owner": "a@example.com",
            "source": "https://example.com",
        },
    }
    hook = {
        "metadata": {"name": "h", "description": "d", "owner": "a@example.com"},
        "task": task,
        "triggerSchema": {"type": "object", "properties": {"word": {"type": "string"}}},
    }
    builds.call("PUT", "hooks", "hooks", "project-balrog", "rebuild", payload=hook)
    builds.set_role(
        "hook-id:project-balrog/rebuild",
        "queue:create-task:lowest:proj-balrog/ci",
        "queue:create-task:project:none",
        "queue:scheduler-id:-",
        "queue:route:index.project.balrog.hook",
    )
    words = ("build", "trigger", "--hook", "project-balrog/rebuild")
    payload = tmp_path / "payload"
    payload.write_text('{"word": "hooked"}')
    code, out, err = builds.lading(*words, "--payload", str(payload), "--yes")
    assert code == 0, err
    assert "index entry project.balrog.hook" in err
    task_id = out.strip()
    assert builds.resolved(task_id)["state"] == "completed"
    assert "hooked\n" in builds.lading("build", "log", task_id)[1]
    code, _, err = builds.lading(*words, "--payload", "-", "--yes", stdin="word: 3")
    assert (code, "payload.word: 3 is not of type 'string'" in err) == (2, True)
    code, _, err = builds.lading(*words, "--payload", "-", "--yes", stdin="[]")
    assert (code, "is no object" in err) == (2, True)
    code, _, err = builds.lading(*words, "--yes", by=builds.client("auth:current-scopes"))
    assert (code, "you lack hooks:trigger-hook:project-balrog/rebuild" in err) == (3, True)
    found = json.loads(builds.lading("build", "list", "--hook", "project-balrog/rebuild", "--json")[1])[
        "builds"
    ]
    assert [(build["taskId"], build["state"], build["origin"]) for build in found] == [
        (task_id, "success", "hook")
    ]
    indexed = json.loads(builds.lading("build", "list", "--index", "project.balrog", "--json")[1])["builds"]
    assert task_id in [build["taskId"] for build in indexed]


# List


def test_builds_are_listed_with_what_their_tasks_tell(builds, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    digest = "sha256:" + "d" * 64
    statement = {"predicate": {"lading": {"published": digest, "tags": {"latest": "pushed"}}}}
    (builds.folder / "statement.json").write_text(json.dumps(statement))
    script = f"mkdir public; cp {builds.folder}/statement.json public/docker-image.json"
    artifacts = [{"type": "directory", "name": "public", "path": "public"}]
    group = builds.create(
        script,
        payload={"artifacts": artifacts, "env": {"LADING_EVENT": "github-push", "LADING_BRANCH": "main"}},
    )
    builds.resolved(group)
    build = {
        "organization": "mozilla",
        "repository": "balrog.x",
        "sha": "a" * 40,
        "ref": "refs/heads/main",
        "taskGroupId": group,
        "eventType": "push",
    }
    builds.call("POST", "github", "sandbox", "builds", payload=build)
    code, out, err = builds.lading("build", "list", "--repository", "mozilla/balrog.x", "--json")
    assert (code, err) == (0, "")
    (found,) = json.loads(out)["builds"]
    told = (found["state"], found["branch"], found["who"], found["digest"], found["tags"])
    assert told == ("success", "main", "octocat@example.com", digest, {"latest": "pushed"})
    line = builds.lading("build", "list", "--repository", "mozilla/balrog.x", "--group", group)[1]
    assert line.count("\n") == 1
    assert f"{group}  " in line
    assert f"push main  aaaaaaaaaaaa  octocat@example.com  latest (pushed)  {digest}" in line
    code, out, err = builds.lading("build", "list", "--repository", "mozilla/balrog.x", by=builds.client())
    assert (code, out) == (7, "")
    assert "github:list-builds" in err
    code, _, err = builds.lading("build", "list")
    assert (code, "Whose builds to list is not known" in err) == (2, True)
