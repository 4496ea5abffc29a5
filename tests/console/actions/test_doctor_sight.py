"""What the doctor may look at, what it tells of what is in order, and how its answer ends."""

import asyncio
import os
from contextlib import aclosing

import pytest

from console.actions.doctor import Question, diagnose
from console.connection import Connection, ConnectionSettings, connect
from console.domain.findings import Link, verdict
from console.sandbox.registry.faults import Answer, Fault
from console.sandbox.seed import DOCKERHUB, REPOSITORY_ROLES
from console.services.pacing import Pace
from console.services.taskcluster import opened
from runner.errors import ExitCode
from runner.findings import Level

pytestmark = pytest.mark.enable_socket

SECRET_SCOPE = f"secrets:get:{DOCKERHUB}"
SEES = (
    "auth:list-roles",
    "auth:get-role:*",
    "auth:expand-scopes",
    "auth:audit-history:*",
    "queue:list-workers:*",
    "secrets:list-secrets",
    "github:list-builds",
    SECRET_SCOPE,
)


def _nobody_signed_in(patient):
    patient.by = {}


def _refused_sign_in(patient):
    patient.by = {"TASKCLUSTER_CLIENT_ID": "nobody/here", "TASKCLUSTER_ACCESS_TOKEN": "x" * 44}


def _may_not(*scopes):
    """Ask as a client that may see all but some of it."""

    def sign_in(patient):
        patient.by = patient.sandbox.client(*(scope for scope in SEES if scope not in scopes))

    return sign_in


def _answers(status):
    def strike(patient):
        patient.registry.faults = [Fault(Answer(status), times=None)]

    return strike


UNKNOWNS = {
    "nobody is signed in": (
        _nobody_signed_in,
        {"role", "pull-requests", "worker-pool", "secret", "registry", "tags", "last-build"},
    ),
    "credentials are refused": (
        _refused_sign_in,
        {"role", "pull-requests", "worker-pool", "secret", "registry", "tags", "last-build"},
    ),
    "roles may not be seen": (
        _may_not("auth:list-roles", "auth:get-role:*", "auth:expand-scopes"),
        {"role", "pull-requests"},
    ),
    "secret may not be read": (_may_not(SECRET_SCOPE), {"secret", "registry", "tags"}),
    "secret may not even be listed": (
        _may_not(SECRET_SCOPE, "secrets:list-secrets"),
        {"secret", "registry", "tags"},
    ),
    "workers may not be listed": (_may_not("queue:list-workers:*"), {"worker-pool"}),
    "registry down": (_answers(503), {"registry", "tags"}),
    "registry limits how often it is asked": (_answers(429), {"registry", "tags"}),
}


@pytest.mark.parametrize(("hides", "links"), UNKNOWNS.values(), ids=UNKNOWNS)
def test_what_may_not_be_looked_at_is_unknown_and_never_a_problem(patient, hides, links):
    hides(patient)
    exit_code, findings = patient.diagnose()
    assert {finding["link"] for finding in findings if finding["level"] == "unknown"} == links
    assert {finding["level"] for finding in findings} <= {"unknown", "warning"}
    assert exit_code == 7
    patient.by, patient.registry.faults = None, []
    assert patient.diagnose() == (0, [])


def test_a_last_build_that_may_not_be_seen_leaves_the_answer_as_it_is(patient):
    _may_not("github:list-builds")(patient)
    exit_code, findings = patient.diagnose()
    assert (exit_code, [finding["link"] for finding in findings]) == (0, ["last-build"])


def test_roles_that_may_not_be_listed_are_asked_of_the_server(patient):
    _may_not("auth:list-roles")(patient)
    assert patient.diagnose() == (0, [])
    patient.set_role(f"{REPOSITORY_ROLES}pull-request", [SECRET_SCOPE])
    exit_code, (finding,) = patient.diagnose()
    assert (exit_code, finding["code"]) == (1, "secret-open-to-pull-requests")
    assert finding["fixes"][0]["words"] == ["lading", "who-can", SECRET_SCOPE]


def test_what_the_tags_point_at_is_told_with_the_task_that_published_it(patient):
    digest = patient.put_image("latest", patient.git("rev-parse", "HEAD"))
    namespace = f"project.balrog.docker.sha256.{digest.hex}"
    entry = {"taskId": "AAAAAAAAQACAAAAAAAAAAA", "rank": 0, "data": {}, "expires": "3000-01-01T00:00:00.000Z"}
    patient.sandbox.call("PUT", "index", "task", namespace, payload=entry)
    code, out, _ = patient.lading("doctor", "--repo", str(patient.repo))
    assert code == 0
    assert f"latest is at {digest.hex[:12]}, published by task AAAAAAAAQACAAAAAAAAAAA: move" in out


def test_the_last_build_is_told_and_a_failed_one_is_a_warning(patient):
    code, _, err = patient.lading("sandbox", "push", "--branch", "master", "--repo", str(patient.repo))
    assert code == 0, err
    _, out, _ = patient.lading("doctor", "--repo", str(patient.repo))
    assert "last build: push of " in out
    assert ": pending, on " in out
    patient.sandbox.call("POST", "github", "builds", "mozilla", "balrog", "cancel")
    exit_code, (finding,) = patient.diagnose()
    assert (exit_code, finding["level"], finding["code"]) == (0, "warning", "last-build-failed")
    _builds(patient)
    assert patient.diagnose() == (0, [])


def _builds(patient):
    """A build all of whose tasks, none, have completed."""
    place = {"organization": "mozilla", "repository": "balrog", "ref": "refs/heads/master"}
    build = {**place, "sha": "a" * 40, "taskGroupId": "AAAAAAAAQACAAAAAAAAAAA", "eventType": "push"}
    patient.sandbox.call("POST", "github", "sandbox", "builds", payload=build)


def test_it_changes_nothing(patient):
    assert patient.lading("doctor", "--repo", str(patient.repo), "--read-only")[0] == 0
    assert patient.registry.storage.open_uploads == 0


def test_the_answer_can_be_left_before_its_end(patient):
    async def first_of_them():
        settings = ConnectionSettings(patient.sandbox.root_url, patient.sandbox.root)
        async with connect(settings) as connection:
            question = Question(folder=patient.repo, path=os.environ["PATH"])
            async with aclosing(diagnose(connection, question)) as findings:
                async for finding in findings:
                    if finding.link is Link.ROLE:
                        break
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert asyncio.run(first_of_them()) == set()


def test_a_deployment_that_does_not_answer_is_asked_one_thing_and_is_no_broken_link(patient):
    attempts: list[object] = []

    async def nothing(_seconds):
        """No wait."""

    async def all_of_them():
        pace = Pace(sleep=nothing, jitter=lambda: 0.0, notice=attempts.append)
        async with opened("http://127.0.0.1:9", None, read_only=True, pace=pace) as gateway:
            connection = Connection(ConnectionSettings("http://127.0.0.1:9"), gateway)
            question = Question(folder=patient.repo, path=os.environ["PATH"])
            return [finding async for finding in diagnose(connection, question)]

    found = asyncio.run(all_of_them())
    assert verdict(found) is ExitCode.CANNOT_TELL
    assert [finding.link for finding in found if finding.level is Level.UNKNOWN][:2] == [
        Link.SIGN_IN,
        Link.ROLE,
    ]
    assert len(attempts) == 3
