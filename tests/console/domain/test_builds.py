"""Tasks and builds as values: what they are of, how they stand, what a trigger would do."""

import datetime as dt

import pytest

from console.domain.artifact import file_name
from console.domain.build_plan import again, effects_of, release_of
from console.domain.build_timeline import fact_words, timeline
from console.domain.builds import build_of_tasks, github_build, tells_result
from console.domain.group_progress import Glance, never_run, standing
from console.domain.notification import notification
from console.domain.pusher import pusher_of
from console.domain.task_ids import task_id_of
from console.domain.tasks import task_of
from runner.errors import UsageError

NOW = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
TASK_ID, GROUP_ID = "fN1SbArXTPSVFNUvaOlinQ", "AULwDfvWTe6jAvPHgMIHQQ"


def task(state="completed", *, task_id=TASK_ID, runs=None, definition=None, **members):
    if runs is None:
        runs = [
            {
                "runId": 0,
                "state": state,
                "reasonCreated": "scheduled",
                "reasonResolved": members.pop("reason", state),
                "scheduled": "2026-11-24T10:00:00.000Z",
                "started": "2026-11-24T10:00:05.000Z",
                "resolved": "2026-11-24T10:01:05.000+00:00",
                "workerGroup": "g",
                "workerId": "w",
            }
        ]
    status = {
        "taskId": task_id,
        "state": state,
        "runs": runs,
        "taskGroupId": GROUP_ID,
        "schedulerId": "taskcluster-github",
        "deadline": "2026-11-24T12:00:00.000Z",
        "expires": "2027-11-24T12:00:00.000Z",
        **members,
    }
    return task_of(status, definition or {"metadata": {"name": "build", "owner": "a@b.invalid"}})


def test_a_task_is_what_the_queue_tells_of_it():
    found = task("exception", reason="canceled")
    assert (found.name, found.owner, found.result) == ("build", "a@b.invalid", "exception (canceled)")
    assert found.last_run.worker == "g/w"
    assert (found.resolved - found.started).total_seconds() == 60


def test_a_build_of_github_has_dots_in_its_names():
    found = github_build(
        {
            "organization": "mozilla",
            "repository": "a%b",
            "sha": "0" * 40,
            "state": "success",
            "taskGroupId": GROUP_ID,
            "eventType": "pull_request.opened",
            "created": "2026-11-24T10:00:00.000Z",
            "updated": "2026-11-24T10:01:30.000Z",
            "pullRequestNumber": 7,
        }
    )
    assert (found.repository, found.branch, found.seconds(NOW)) == ("mozilla/a.b", "#7", 90)


@pytest.mark.parametrize(
    ("states", "state"),
    [
        (("completed", "completed"), "success"),
        (("completed", "failed"), "failure"),
        (("failed", "running"), "running"),
        (("unscheduled", "completed"), "pending"),
        (("exception", "failed"), "exception"),
    ],
)
def test_several_tasks_have_one_state(states, state):
    assert build_of_tasks(tuple(map(task, states)), origin="group").state == state


def test_a_cancelled_build_is_called_so():
    assert build_of_tasks((task("exception", reason="canceled"),), origin="group").state == "cancelled"


@pytest.mark.parametrize(
    ("definition", "told"),
    [
        (
            {
                "payload": {
                    "env": {
                        "LADING_EVENT": "github-push",
                        "LADING_REPOSITORY": "https://github.com/mozilla/balrog",
                        "LADING_BRANCH": "release/x",
                        "LADING_REVISION": "a" * 40,
                    }
                }
            },
            ("mozilla/balrog", "push", "release/x", "a" * 40),
        ),
        (
            {"scopes": ["assume:repo:github.com/mozilla/balrog:tag:v1"]},
            ("mozilla/balrog", "tag", "v1", ""),
        ),
        (
            {"metadata": {"source": f"https://github.com/mozilla/balrog/blob/{'b' * 40}/.taskcluster.yml"}},
            ("mozilla/balrog", "", "", "b" * 40),
        ),
        (
            {"payload": {"env": {"GITHUB_EVENT": "release", "GITHUB_HEAD_TAG": "v2"}}},
            ("", "release", "v2", ""),
        ),
        ({"payload": 3, "scopes": 3, "metadata": []}, ("", "", "", "")),
    ],
)
def test_a_push_is_known_by_variables_scopes_or_the_source_link(definition, told):
    found = pusher_of(task(definition=definition))
    assert (found.repository, found.event, found.name, found.commit) == told


@pytest.mark.parametrize("statement", [None, [], {}, {"predicate": {"lading": 3}}])
def test_what_is_no_statement_tells_nothing(statement):
    assert tells_result(statement) == ("", ())


def glances(**states):
    return {name: Glance(state, 1, state, tuple(needs), True) for name, (state, *needs) in states.items()}


def ended(seen):
    found = standing(seen)
    assert found is not None
    return found


def test_a_group_stands_while_a_task_may_still_change():
    assert standing(glances(a=("completed",), b=("running",))) is None
    assert standing(glances(a=("completed",), b=("unscheduled", "a"))) is None
    assert ended(glances(a=("completed",))).is_success


def test_what_waits_for_a_failure_never_runs_and_is_not_waited_for():
    seen = glances(a=("failed",), b=("unscheduled", "a"), c=("unscheduled", "b"), d=("completed",))
    assert never_run(seen) == {"b", "c"}
    end = ended(seen)
    assert not end.is_success
    assert end.unsuccessful == ("a", "b", "c")
    assert end.counts == {"failed": 1, "unscheduled": 2, "completed": 1}


def test_the_timeline_goes_from_the_decision_to_the_push():
    report = {
        "steps": [
            {"name": "Build the image", "started": 1795514410.0, "seconds": 40.5, "outcome": "ok"},
            {
                "name": "Push docker.io/mozilla/balrog",
                "started": 1795514451.0,
                "seconds": 9,
                "outcome": "ok",
                "facts": {"bytesPushed": 7, "layersReused": 3},
            },
            "no step",
            {"name": "Leave the statement", "started": 1e300, "seconds": None},
        ]
    }
    decision = task(definition={"metadata": {"name": "decide"}})
    found = timeline(task(), decision=decision, reports=[report])
    assert [(step.kind, step.seconds) for step in found] == [
        ("decision", 60),
        ("queue", 5),
        ("run", 60),
        ("build", 40.5),
        ("push", 9),
        ("push", None),
    ]
    assert found[4].facts["layersReused"] == 3


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), -1, 10**400, "7", None])
def test_a_duration_that_is_none_is_not_known(seconds):
    report = {"steps": [{"name": "Build", "seconds": seconds, "started": seconds}]}
    (*_, step) = timeline(task(), decision=None, reports=[report])
    assert (step.seconds, step.facts) == (None, {})


@pytest.mark.parametrize("report", [None, [], {"steps": 3}])
def test_what_is_no_report_adds_nothing(report):
    assert [step.kind for step in timeline(task(), decision=None, reports=[report])] == ["queue", "run"]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("bytesPushed", 1_500_000, "1500000 B pushed"),
        ("contextBytesSent", 9, "context 9 B sent"),
        ("contextFiles", 3, "3 context files"),
        ("contextIsWhole", False, "context is whole: no"),
        ("store", "containerd", "store containerd"),
        ("", None, " None"),
    ],
)
def test_a_fact_is_told_in_words(name, value, words):
    assert [*fact_words({name: value}, "{} B".format)] == [words]


DEFINITION = {
    "created": "2026-11-20T10:00:00.000Z",
    "deadline": "2026-11-20T12:00:00.000Z",
    "expires": "2026-12-20T10:00:00.000Z",
    "provisionerId": "proj-balrog",
    "workerType": "ci",
    "taskQueueId": "proj-balrog/ci",
    "projectId": None,
    "taskGroupId": GROUP_ID,
    "payload": {"nothing": None},
}


def test_a_task_again_has_new_times_and_no_null_members():
    found = again(DEFINITION, NOW, task_id=TASK_ID, group_id=None)
    assert found == {
        "created": "2026-11-24T12:00:00.000Z",
        "deadline": "2026-11-24T14:00:00.000Z",
        "expires": "2026-12-24T12:00:00.000Z",
        "taskQueueId": "proj-balrog/ci",
        "taskGroupId": TASK_ID,
        "payload": {"nothing": None},
    }
    assert again(DEFINITION, NOW, task_id=TASK_ID, group_id=GROUP_ID)["taskGroupId"] == GROUP_ID


def test_a_push_and_the_routes_are_told_before_they_happen():
    found = list(
        effects_of(
            {
                "scopes": ["secrets:get:repo:github.com/mozilla/balrog:dockerhub"],
                "payload": {
                    "command": [["lading-runner", "publish"], ["bash", "-c", "lading-runner publish"]]
                },
                "routes": ["index.project.balrog.latest", "checks", "notify.email.a@b.invalid"],
            }
        )
    )
    assert "pushes an image with the secret repo:github.com/mozilla/balrog:dockerhub" in found[0]
    assert "project.balrog.latest" in found[1]
    assert "reports" in found[2]
    assert "notify.email" in found[3]


def test_a_release_must_be_typed_and_a_branch_need_not():
    release = {"payload": {"env": {"GITHUB_EVENT": "tag", "GITHUB_HEAD_TAG": "v1.2"}}}
    assert release_of(release) == "v1.2"
    assert release_of({"payload": {"env": {"GITHUB_EVENT": "push", "GITHUB_BRANCH": "main"}}}) is None


@pytest.mark.parametrize(
    "typed",
    [
        TASK_ID,
        f" {TASK_ID}\n",
        f"https://tc.invalid/tasks/{TASK_ID}",
        f"https://tc.invalid/tasks/groups/{TASK_ID}?x=1",
        f"https://tc.invalid/tasks/{TASK_ID}/runs/0/logs",
    ],
)
def test_a_task_is_named_by_its_id_or_a_link(typed):
    assert task_id_of(typed) == TASK_ID


@pytest.mark.parametrize("typed", ["", "short", f"{TASK_ID}x", f"../{TASK_ID}"])
def test_what_is_no_id_is_refused(typed):
    with pytest.raises(UsageError, match="is no id"):
        task_id_of(typed)


def test_an_artifact_is_saved_by_the_last_part_of_its_name():
    assert file_name("public/logs/live.log") == "live.log"


@pytest.mark.parametrize(
    "name", ["public/", "public/..", "..", "a/.bashrc", "a/-rf", "a/b\\c", "a/b\x1b", "x" * 300]
)
def test_no_artifact_leaves_its_folder_or_hides(name):
    with pytest.raises(UsageError):
        file_name(name)


def test_a_notification_is_in_the_form_that_the_terminal_knows():
    assert notification("t", "a;b\x1b]", {"TERM": "xterm"}).startswith("\a\x1b]9;t: a,b")
    assert notification("t", "b", {"TERM": "xterm", "VTE_VERSION": "7000"}) == "\a\x1b]777;notify;t;b\x1b\\"
    assert notification("t", "b", {"TERM": "linux"}) == "\a"
    assert notification("t", "\x1b]52;c;x\a\n", {"TERM": "xterm"}).count("\x1b") == 2
