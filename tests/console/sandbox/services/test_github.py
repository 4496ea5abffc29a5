"""Pushes become tasks with their role's scopes, and builds that stand as their tasks do."""

import subprocess

import aiohttp
import pytest
from taskcluster.exceptions import TaskclusterRestFailure

from console.sandbox.push import push
from console.sandbox.pushed import Happening, read_push
from runner.errors import Refused, UsageError

pytestmark = pytest.mark.enable_socket

PREFIX = "repo:github.com/mozilla/some.repo:"
TASK_FILE = """\
version: 1
policy: {pullRequests: public}
tasks:
  - $if: 'tasks_for != "github-push" || event.ref != "refs/heads/idle"'
    then:
      taskQueueId: proj/ci
      deadline: {$fromNow: 1 hour}
      payload: {for: '${tasks_for}', url: '${event.repository.clone_url}'}
      metadata: {name: n, description: d, owner: a@b.c, source: https://example.com/}
"""
SCOPES = [
    "queue:create-task:lowest:proj/ci",
    "queue:create-task:project:none",
    "queue:scheduler-id:taskcluster-github",
    "queue:route:statuses",
]


def _git(folder, *words):
    names = {f"GIT_{who}_{what}": "a@b.c" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    done = subprocess.run(
        ("git", "-C", folder, *words),
        check=True,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", **names},
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    folder = tmp_path_factory.mktemp("repository")
    _git(folder, "init", "-q", "--initial-branch=main")
    _git(folder, "remote", "add", "origin", "https://github.com/mozilla/some.repo")
    (folder / ".taskcluster.yml").write_text(TASK_FILE)
    _git(folder, "add", ".taskcluster.yml")
    _git(folder, "commit", "-q", "-m", "First")
    for name in ("idle", "fix/it"):
        _git(folder, "branch", name)
    _git(folder, "tag", "v1")
    return folder


@pytest.fixture
def pushes(sandbox, repository):
    environment = {
        "PATH": "/usr/bin:/bin",
        "TASKCLUSTER_ROOT_URL": sandbox.root_url,
        "TASKCLUSTER_CLIENT_ID": sandbox.root_client_id,
        "TASKCLUSTER_ACCESS_TOKEN": sandbox.root_access_token.reveal(),
    }

    async def made(**happening):
        return await push(read_push(repository, Happening(**happening), environment), environment)

    return made


@pytest.fixture
async def granted(service):
    async def grant(role, scopes=SCOPES):
        await service("auth").createRole(f"{PREFIX}{role}", {"description": "d", "scopes": list(scopes)})

    return grant


@pytest.fixture
def acts(pushes, granted, service, repository):
    return pushes, granted, service, repository


@pytest.mark.parametrize(
    ("happening", "role", "told", "ref"),
    [
        ({"branch": "main"}, "branch:main", ("github-push", "push"), "main"),
        ({"branch": "fix/it"}, "branch:fix/it", ("github-push", "push"), "fix/it"),
        ({"tag": "v1"}, "tag:v1", ("github-push", "tag"), None),
        ({"release": "v1"}, "release:published", ("github-release", "release"), None),
        (
            {"branch": "fix/it", "pull_request": 7},
            "pull-request",
            ("github-pull-request", "pull_request.opened"),
            "fix/it",
        ),
    ],
)
async def test_an_event_runs_with_its_role_and_becomes_a_build(acts, happening, role, told, ref):
    pushes, granted, service, repository = acts
    with pytest.raises(Refused, match=f"{PREFIX}{role}") as refused:
        await pushes(**happening)
    assert "queue:create-task:lowest:proj/ci" in str(refused.value)
    assert (await service("github").builds())["builds"] == []
    await granted(role)
    answer = await pushes(**happening)
    task = await service("queue").task(answer["taskGroupId"])
    assert task["payload"] == {"for": told[0], "url": repository.as_uri()}
    (build,) = (await service("github").builds(query={"organization": "mozilla"}))["builds"]
    assert (
        build.items()
        >= {
            "organization": "mozilla",
            "repository": "some%repo",
            "sha": _git(repository, "rev-parse", "HEAD"),
            "state": "pending",
            "eventType": told[1],
            "taskGroupId": answer["taskGroupId"],
        }.items()
    )
    assert build.get("pullRequestNumber") == happening.get("pull_request")
    if ref:
        signed = service("github").buildSignedUrl("latest", "mozilla", "some.repo", ref)
        async with aiohttp.ClientSession() as session, session.get(signed, allow_redirects=False) as found:
            assert found.status == 302
            assert found.headers["Location"].endswith(f"/tasks/groups/{answer['taskGroupId']}")


async def test_an_event_without_tasks_makes_no_build(pushes, service):
    assert await pushes(branch="idle") == {"taskGroupId": None, "tasks": [], "hooks": []}
    assert (await service("github").builds())["builds"] == []


async def test_a_build_stands_as_its_tasks_do(pushes, granted, service, clock):
    await granted("branch:*", [*SCOPES, "queue:rerun-task:taskcluster-github/*"])
    queue, github, worker = service("queue"), service("github"), {"workerGroup": "g", "workerId": "w"}
    first = (await pushes(branch="main"))["taskGroupId"]
    clock.advance(minutes=1)
    second = (await pushes(branch="fix/it"))["taskGroupId"]

    async def states():
        return [(b["taskGroupId"], b["state"]) for b in (await github.builds())["builds"]]

    assert await states() == [(second, "pending"), (first, "pending")]
    clock.advance(minutes=1)
    await queue.claimTask(first, "0", worker)
    await queue.reportFailed(first, "0")
    assert await states() == [(first, "failure"), (second, "pending")]
    await queue.rerunTask(first)
    await queue.claimTask(first, "1", worker)
    await queue.reportCompleted(first, "1")
    assert dict(await states())[first] == "success"
    cancelled = await github.cancelBuilds("mozilla", "some.repo")
    assert [(b["taskGroupId"], b["state"]) for b in cancelled["builds"]] == [(second, "cancelled")]
    assert (await queue.status(second))["status"]["state"] == "exception"
    assert dict(await states()) == {first: "success", second: "cancelled"}
    with pytest.raises(TaskclusterRestFailure, match="No cancellable builds found"):
        await github.cancelBuilds("mozilla", "some.repo")


async def test_builds_are_filtered_and_paged(pushes, granted, service, repository):
    await granted("*")
    await pushes(branch="main")
    await pushes(branch="fix/it", pull_request=7)
    github, sha = service("github"), _git(repository, "rev-parse", "HEAD")
    place = {"organization": "mozilla", "repository": "some%repo"}

    async def count(**query):
        return len((await github.builds(query=query))["builds"])

    assert await count(**place) == await count(**place, sha=sha) == 2
    assert (await count(**place, pullRequest="7"), await count(**place, sha="0" * 40)) == (1, 0)
    first = await github.builds(query={"limit": "1"})
    second = await github.builds(query={"limit": "1", "continuationToken": first["continuationToken"]})
    assert first["builds"] != second["builds"]
    assert "continuationToken" not in second
    for wrong in ({"pullRequest": "x"}, {"organization": "a/b"}):
        with pytest.raises(TaskclusterRestFailure, match="does not match expression"):
            await github.builds(query=wrong)


async def test_an_integration_is_installed_where_something_was_pushed(pushes, granted, service):
    github, status = service("github"), {"state": "success"}
    assert await github.repository("mozilla", "some.repo") == {"installed": False}
    with pytest.raises(TaskclusterRestFailure, match="Issue not found"):
        await github.createComment("mozilla", "some.repo", "1", {"body": "b"})
    await granted("*")
    await pushes(branch="main")
    assert await github.repository("mozilla", "some.repo") == {"installed": True}
    assert await github.createStatus("mozilla", "some.repo", "a" * 40, status) == {}
    assert await github.createComment("mozilla", "some.repo", "1", {"body": "b"}) == {}


@pytest.mark.parametrize(
    ("happening", "message"),
    [
        ({}, "one of --branch"),
        ({"branch": "main", "tag": "v1"}, "one of --branch"),
        ({"tag": "v1", "pull_request": 1}, "needs --branch"),
        ({"branch": "main", "pull_request": 0}, "counts from 1"),
        ({"tag": "nosuch"}, "no git repository with a tag nosuch"),
    ],
)
async def test_what_cannot_have_happened_is_a_usage_error(pushes, happening, message):
    with pytest.raises(UsageError, match=message):
        await pushes(**happening)


async def test_a_push_goes_to_a_sandbox_only(repository):
    environment = {
        "PATH": "/usr/bin:/bin",
        "TASKCLUSTER_ROOT_URL": "https://taskcluster.example",
        "TASKCLUSTER_CLIENT_ID": "c",
        "TASKCLUSTER_ACCESS_TOKEN": "t",
    }
    with pytest.raises(UsageError, match="is no sandbox"):
        await push(read_push(repository, Happening(branch="main"), environment), environment)


HOOKS = """\
version: 1
hooks:
  - {name: g/build/all, context: {level: 1}}
  - {name: g/none}
"""
HOOK_TASK = {
    "taskQueueId": "proj/ci",
    "schedulerId": "taskcluster-github",
    "payload": {"$eval": "payload.context"},
    "extra": {"for": "${payload.tasks_for} ${payload.event.ref}", "at": "${payload.taskcluster_root_url}"},
    "metadata": {"name": "h", "description": "d", "owner": "a@b.c", "source": "https://example.com/"},
}


@pytest.fixture
async def hooked(service, repository):
    """A branch whose task file names two hooks, of which the second makes no task."""
    names = _git(repository, "branch", "--list", "hooked")
    if not names:
        _git(repository, "checkout", "-q", "-b", "hooked")
        (repository / ".taskcluster.yml").write_text(
            HOOKS + TASK_FILE.partition("{pullRequests: public}\n")[2]
        )
        _git(repository, "commit", "-q", "-a", "-m", "Hooks")
        _git(repository, "checkout", "-q", "main")
    metadata = {"name": "n", "description": "d", "owner": "a@b.c"}
    for hook_id, task in (("build/all", HOOK_TASK), ("none", {"$if": "false", "then": {}})):
        hook = {"metadata": metadata, "task": task, "triggerSchema": {"type": "object"}}
        await service("hooks").createHook("g", hook_id, hook)
    await service("auth").createRole("hook-id:g/*", {"description": "d", "scopes": SCOPES})


@pytest.mark.usefixtures("hooked")
async def test_the_hooks_that_a_task_file_names_are_triggered_with_the_event(acts):
    pushes, granted, service, _repository = acts
    await granted("branch:hooked", [*SCOPES, "github:trigger-hook:g/*"])
    made = await pushes(branch="hooked")
    ((task_id, hook),) = [(fired["taskId"], fired["hook"]) for fired in made["hooks"]]
    assert hook == "g/build/all"
    task = await service("queue").task(task_id)
    assert task["payload"] == {"level": 1}
    assert task["extra"]["for"] == "github-push refs/heads/hooked"
    assert len(made["tasks"]) == 1
    groups = {build["taskGroupId"] for build in (await service("github").builds())["builds"]}
    assert groups == {task_id, made["taskGroupId"]}


@pytest.mark.usefixtures("hooked")
async def test_a_hook_that_may_not_be_triggered_is_told_and_keeps_no_task_from_being_created(acts):
    pushes, granted, service, _repository = acts
    await granted("branch:hooked")
    with pytest.raises(Refused, match="does not grant github:trigger-hook:g/build/all"):
        await pushes(branch="hooked")
    assert len((await service("github").builds())["builds"]) == 1


@pytest.mark.usefixtures("hooked")
async def test_a_hook_that_does_not_take_the_event_or_is_not_there_is_told(acts):
    pushes, granted, service, _repository = acts
    await granted("branch:hooked", [*SCOPES, "github:trigger-hook:g/*"])
    await service("auth").deleteRole("hook-id:g/*")
    with pytest.raises(
        Refused, match=r"The hook g/build/all creates no task: .*The role `hook-id:g/build/all`"
    ):
        await pushes(branch="hooked")
    await service("hooks").removeHook("g", "build/all")
    with pytest.raises(UsageError, match=r"The hook g/build/all was not triggered: .*No such hook"):
        await pushes(branch="hooked")
