"""The doctor on the seeded sandbox: each link of the chain broken once, found, and put right by what it says.

Each case breaks one thing. Exactly that is found and nothing else is a problem; what the finding says is then done,
and the chain is whole again.
"""

from datetime import UTC, datetime, timedelta

import pytest

from console.sandbox.seed import BRANCH_ROLE, DOCKERHUB, REPOSITORY_ROLES, TASK_QUEUE
from tests.support.clinic import USER

pytestmark = pytest.mark.enable_socket

OF_2016 = """\
version: 0
metadata: {name: Balrog, description: d, owner: "{{ event.head.user.email }}", source: "{{ event.head.repo.url }}"}
tasks:
  - provisionerId: aws-provisioner-v1
    workerType: github-worker
    scopes: ["secrets:get:repo:github.com/mozilla/balrog:dockerhub"]
    extra: {github: {env: true, events: [push], branches: [master]}}
    payload:
      maxRunTime: 7200
      image: docker.io/taskcluster/image_builder:0.1.3
      features: {dind: true, taskclusterProxy: true}
      command: [/bin/bash, -c, "git clone $GITHUB_HEAD_REPO_URL /balrog && cd /balrog && scripts/push-dockerimage.sh"]
    metadata:
      {name: image, description: d, owner: "{{ event.head.user.email }}", source: "{{ event.head.repo.url }}"}
"""
SECRET_SCOPE = f"secrets:get:{DOCKERHUB}"
INDEX_SCOPE = "index:insert-task:project.balrog.docker.*"
GENERATED = "*DO NOT EDIT* - by ci-admin"


def _expires(when):
    return lambda patient: patient.set_secret(expires=f"{when}Z")


def _expires_soon(patient):
    moment = datetime.now(UTC) + timedelta(days=13)
    patient.set_secret(expires=moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"))


def _lacks(*scopes, **how):
    return lambda patient: patient.take(*scopes, **how)


def _rewrites(old, new, name=".taskcluster.yml"):
    return lambda patient: patient.rewrite(old, new, name)


def _asks(*question):
    def ask(patient):
        patient.question = list(question)

    return ask


def _docker_group(patient):
    scope = f"generic-worker:os-group:{TASK_QUEUE}/docker"
    patient.rewrite("maxRunTime: 1800", "maxRunTime: 1800\n        osGroups: [docker]")
    patient.set_role(BRANCH_ROLE, {*patient.role(BRANCH_ROLE)["scopes"], scope})


def _container(patient):
    scope = f"generic-worker:os-group:{TASK_QUEUE}/docker"
    patient.set_role(BRANCH_ROLE, {*patient.role(BRANCH_ROLE)["scopes"], scope})
    patient.rewrite("maxRunTime: 1800", "maxRunTime: 1800\n        image: debian")


def _docker_group_of_the_task(patient):
    scope = f"generic-worker:os-group:{TASK_QUEUE}/docker"
    patient.rewrite("maxRunTime: 1800", "maxRunTime: 1800\n        osGroups: [docker]")
    patient.rewrite(f"- {SECRET_SCOPE}", f"- {SECRET_SCOPE}\n        - {scope}")


def _pull_requests_role(patient):
    patient.set_role(f"{REPOSITORY_ROLES}pull-request", [SECRET_SCOPE, "a:b"])


def _role_of_all_jobs(patient):
    patient.set_role(f"{REPOSITORY_ROLES}*", [SECRET_SCOPE, "a:b"])
    patient.take(SECRET_SCOPE)


def _other_branch(patient):
    patient.set_role(f"{REPOSITORY_ROLES}branch:main", [SECRET_SCOPE])
    patient.take(SECRET_SCOPE)


def _wrong_token(patient):
    docker = {"registry": patient.registry.host, "username": USER, "password": "stale"}
    patient.set_secret({"docker": docker})


def _taken(patient):
    patient.put_image("v1.0", "f" * 40)
    patient.git("tag", "v1.0")
    patient.set_role(f"{REPOSITORY_ROLES}release:published", patient.role(BRANCH_ROLE)["scopes"])
    patient.rewrite(
        """'tasks_for == "github-push" && event.ref[:11] == "refs/heads/"'""",
        """'tasks_for == "github-release"'""",
    )
    patient.rewrite("LADING_EVENT: push", "LADING_EVENT: release")
    patient.rewrite("LADING_BRANCH: '${event.ref[11:]}'", "LADING_TAG: '${event.release.tag_name}'")
    patient.rewrite("          LADING_REVISION: '${event.after}'\n", "")
    patient.question = ["--release", "v1.0"]


def _goes_back(patient):
    patient.git("commit", "--allow-empty", "-q", "-m", "Newer")
    patient.put_image("latest", patient.git("rev-parse", "HEAD"))
    patient.git("branch", "newer")
    patient.git("reset", "-q", "--hard", "HEAD~1")


def _pool(patient):
    scope = "queue:create-task:lowest:proj-balrog/gone"
    patient.set_role(BRANCH_ROLE, {*patient.role(BRANCH_ROLE)["scopes"], scope})
    patient.rewrite(f"taskQueueId: {TASK_QUEUE}", "taskQueueId: proj-balrog/gone")


def _no_file(patient):
    patient.file().unlink()


def _version_0(patient):
    patient.file().write_text(f"""\
version: 0
tasks:
  - provisionerId: proj-balrog
    workerType: ci
    scopes: ["{SECRET_SCOPE}", "index:insert-task:project.balrog.docker.sha256.*"]
    payload:
      maxRunTime: 1800
      features: {{taskclusterProxy: true}}
      command: [[bash, -c, "lading-runner publish"]]
      artifacts: [{{name: public, path: artifacts, type: directory}}]
    extra: {{github: {{events: [push], branches: [master], env: true}}}}
    metadata:
      {{name: n, description: d, owner: "{{{{ event.head.user.email }}}}", source: "{{{{ event.head.repo.url }}}}"}}
""")


def _runs_for_pull_requests(patient):
    push = 'tasks_for == "github-push"'
    patient.rewrite(f"""'{push} && event.ref[:11] == "refs/heads/"'""", """'tasks_for != "github-release"'""")
    patient.rewrite("'${event.ref[11:]}'", "master")
    patient.rewrite("'${event.after}'", f"{{$if: '{push}', then: '${{event.after}}', else: ''}}")


PROBLEMS = {
    # the task file
    "file absent": (_no_file, "file-absent"),
    "file does not render": (_rewrites("${event.after}", "${event.afterwards}"), "file-does-not-render"),
    "file is no YAML": (_rewrites("version: 1", "version: 1: 1"), "file-does-not-render"),
    "queue refuses the task": (
        _rewrites("{$fromNow: '1 hour'}", "{$fromNow: '9 days'}"),
        "queue-refuses-task",
    ),
    "settings unreadable": (_rewrites("secret =", "secrets =", "lading.toml"), "settings-unreadable"),
    "Dockerfile absent": (
        _rewrites('index = "', 'dockerfile = "docker/Dockerfile"\nindex = "', "lading.toml"),
        "dockerfile-absent",
    ),
    "wrong branch": (
        lambda patient: (
            patient.rewrite('event.ref[:11] == "refs/heads/"', 'event.ref == "refs/heads/master"'),
            _asks("--branch", "fix")(patient),
        ),
        "event-publishes-nothing",
    ),
    "event excluded": (_asks("--tag", "v1"), "event-publishes-nothing"),
    "event mistold": (_rewrites("          LADING_EVENT: push\n", ""), "event-mistold"),
    "another repository told": (
        _rewrites("LADING_REPOSITORY: https://github.com/mozilla/balrog", "LADING_REPOSITORY: other/one"),
        "event-mistold",
    ),
    # the task
    "dind asked for": (
        _rewrites("taskclusterProxy: true", "taskclusterProxy: true\n          dind: true"),
        "engine-is-gone",
    ),
    "container without an engine": (_container, "engine-not-there"),
    "engine's group missing in the task": (_docker_group, "task-lacks-engine-group"),
    "proxy off": (_rewrites("taskclusterProxy: true", "taskclusterProxy: false"), "proxy-off"),
    "secret's scope missing in the task": (_rewrites(f"        - {SECRET_SCOPE}\n", ""), "task-lacks-secret"),
    "index's scope missing in the task": (
        _rewrites("        - index:insert-task:project.balrog.docker.sha256.*\n", ""),
        "task-lacks-index",
    ),
    "artifacts outlive the task": (
        _rewrites("type: directory", "type: directory\n            expires: {$fromNow: '3 years'}"),
        "artifacts-outlive-task",
    ),
    # the role
    "secret's scope missing in the role": (_lacks(SECRET_SCOPE), "role-lacks-secret"),
    "granted to another branch": (_other_branch, "role-lacks-secret"),
    "project's scope missing": (_lacks("queue:create-task:project:none"), "role-lacks-project"),
    "pool's scope missing at this priority": (
        _lacks(f"queue:create-task:highest:{TASK_QUEUE}"),
        "role-lacks-pool",
    ),
    "route's scope missing": (
        _rewrites("      scopes:\n", "      routes: [index.other.balrog.latest]\n      scopes:\n"),
        "role-lacks-route",
    ),
    "engine's group missing in the role": (_docker_group_of_the_task, "role-lacks-engine"),
    "index's scope missing in the role": (_lacks(INDEX_SCOPE), "role-lacks-index"),
    "role generated": (_lacks(SECRET_SCOPE, description=GENERATED), "role-lacks-secret"),
    "granted to pull requests too": (_pull_requests_role, "secret-open-to-pull-requests"),
    "granted to every job": (_role_of_all_jobs, "secret-open-to-pull-requests"),
    "worker pool unknown": (_pool, "pool-unknown"),
    # the secret
    "secret absent": (lambda patient: patient.remove_secret(), "secret-absent"),
    "secret expired": (_expires("2020-01-01T00:00:00.000"), "secret-expired"),
    "secret of no known shape": (lambda patient: patient.set_secret({"token": "x"}), "secret-shape"),
    "secret of a broken shape": (lambda patient: patient.set_secret({"docker": "x"}), "secret-shape"),
    "secret of another registry": (
        _rewrites('repository = "', 'repository = "quay.io/other/balrog"\n# "', "lading.toml"),
        "secret-of-another-registry",
    ),
    # the registry
    "wrong password": (_wrong_token, "registry-password"),
    "no push permission": (lambda patient: patient.grant("pull"), "registry-refuses-push"),
    "tag taken by somebody else": (_taken, "tag-taken"),
    "tag would go back": (_goes_back, "tag-goes-back"),
}

WARNINGS = {
    "secret expires within 14 days": (_expires_soon, "secret-expires-soon"),
    "artifacts expire too soon": (
        _rewrites("type: directory", "type: directory\n            expires: {$fromNow: '30 days'}"),
        "artifacts-expire-soon",
    ),
    "task expires too soon": (
        _rewrites("{$fromNow: '1 hour'}", "{$fromNow: '1 hour'}\n      expires: {$fromNow: '30 days'}"),
        "artifacts-expire-soon",
    ),
    "no artifacts declared": (_rewrites("        artifacts:", "        artefacts:"), "artifacts-undeclared"),
    "pull request asks for the secret": (_runs_for_pull_requests, "pull-request-asks-for-secret"),
    "version 0": (_version_0, "file-out-of-date"),
}


@pytest.mark.parametrize(("breaks", "code"), PROBLEMS.values(), ids=PROBLEMS)
def test_what_breaks_the_chain_is_found_and_put_right_by_what_the_finding_says(patient, breaks, code):
    breaks(patient)
    exit_code, findings = patient.diagnose()
    problems = [finding for finding in findings if finding["level"] != "unknown"]
    assert [finding["code"] for finding in problems] == [code], findings
    assert exit_code == 1
    assert problems[0]["action"]
    _whole_again(patient, problems)


@pytest.mark.parametrize(("breaks", "code"), WARNINGS.values(), ids=WARNINGS)
def test_what_a_push_gets_over_is_a_warning_and_goes_by_what_it_says(patient, breaks, code):
    breaks(patient)
    exit_code, findings = patient.diagnose()
    assert (exit_code, [(finding["level"], finding["code"]) for finding in findings]) == (
        0,
        [("warning", code)],
    )
    _whole_again(patient, findings)


def test_several_broken_links_are_all_found_and_one_role_edit_mends_its_part(patient):
    patient.take(SECRET_SCOPE, "queue:create-task:project:none", "queue:route:statuses")
    patient.rewrite("taskclusterProxy: true", "taskclusterProxy: false")
    patient.remove_secret()
    _, findings = patient.diagnose()
    assert {finding["code"] for finding in findings if finding["level"] == "problem"} == {
        "proxy-off",
        "role-lacks-secret",
        "role-lacks-project",
        "secret-absent",
    }
    patient.follow(next(finding for finding in findings if finding["code"] == "role-lacks-project"))
    _, findings = patient.diagnose()
    assert "role" not in {finding["link"] for finding in findings}


def test_a_generated_role_is_changed_in_the_configuration_repository_alone(patient):
    patient.take(SECRET_SCOPE, description=GENERATED)
    _, (finding,) = patient.diagnose()
    (fix,) = finding["fixes"]
    assert fix["kind"] == "configuration"
    assert "configuration repository" in finding["action"]
    assert SECRET_SCOPE in fix["text"]


def test_a_generated_role_that_suffices_is_no_finding(patient):
    patient.set_role(BRANCH_ROLE, patient.role(BRANCH_ROLE)["scopes"], GENERATED)
    assert patient.diagnose() == (0, [])


def test_the_file_of_2016_is_told_all_that_became_of_it_and_becomes_whole(patient):
    patient.file().write_text(OF_2016)
    exit_code, findings = patient.diagnose()
    assert (exit_code, [finding["code"] for finding in findings]) == (
        1,
        [
            "file-out-of-date",
            "engine-is-gone",
            "task-lacks-index",
            "artifacts-undeclared",
            "role-lacks-pool",
            "pool-unknown",
        ],
    )
    _whole_again(patient, findings[:1])


def test_each_image_has_findings_of_its_own(patient):
    text = patient.file("lading.toml").read_text()
    other = text.replace("image.balrog", "image.agent").replace('mozilla/balrog"', 'mozilla/agent"')
    patient.file("lading.toml").write_text(text + other.replace(DOCKERHUB, f"{REPOSITORY_ROLES}other"))
    exit_code, findings = patient.diagnose()
    problems = [finding for finding in findings if finding["level"] == "problem"]
    found = [(finding["image"], finding["code"]) for finding in problems]
    assert (exit_code, found) == (1, [("agent", "task-lacks-secret"), ("agent", "secret-absent")])


def test_a_moving_tag_of_another_history_is_a_warning(patient):
    patient.put_image("latest", "f" * 40)
    exit_code, (finding,) = patient.diagnose()
    assert (exit_code, finding["level"], finding["code"]) == (0, "warning", "tag-moves")


def _whole_again(patient, findings):
    """Each step turns its own finding green; a task file that is new may need a grant more."""
    for _ in range(3):
        for finding in findings:
            patient.follow(finding)
        exit_code, left = patient.diagnose()
        assert not {finding["code"] for finding in left} & {finding["code"] for finding in findings}, left
        if not left:
            assert exit_code == 0
            return
        findings = left
    raise AssertionError(findings)
