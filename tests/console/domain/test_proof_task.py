"""What publishes is made to plan, and keeps what a token is tried with; everything that tells others is left away."""

from typing import Any

import pytest

from console.domain.proof_task import Proof, conclusion, findings_in, proof_of, verdict_of
from runner.findings import Finding, Level
from runner.image.reference import Registry

HUB = Registry("docker.io")
DEFINITION: dict[str, Any] = {
    "taskQueueId": "proj-balrog/ci",
    "scopes": ["secrets:get:x", "index:insert-task:project.balrog.sha256.*"],
    "routes": ["index.project.balrog.latest", "checks"],
    "dependencies": ["fN1SbArXTPSVFNUvaOlinQ"],
    "metadata": {"name": "docker-image", "owner": "a@example.com"},
    "payload": {"maxRunTime": 3600, "onExitStatus": {"retry": [4]}, "command": []},
}


def with_command(command):
    return {**DEFINITION, "payload": {**DEFINITION["payload"], "command": command}}


@pytest.mark.parametrize(
    ("command", "proving"),
    [
        (
            [["bash", "-c", "cd x\nlading-runner publish\n"]],
            [["bash", "-c", "cd x\nlading-runner plan --leave\n"]],
        ),
        (["lading-runner", "publish", "balrog"], ["lading-runner", "plan", "--leave", "balrog"]),
        (["python3", "-I", "-m", "runner", "publish"], ["python3", "-I", "-m", "runner", "plan", "--leave"]),
        (
            ["sh", "-c", "python3 -I -m runner publish --json"],
            ["sh", "-c", "python3 -I -m runner plan --leave --json"],
        ),
        (["lading/bin/lading-runner", "publish"], ["lading/bin/lading-runner", "plan", "--leave"]),
    ],
)
def test_every_way_to_publish_becomes_a_plan(command, proving):
    proof = proof_of(with_command(command))
    assert proof is not None
    assert proof["payload"]["command"] == proving


@pytest.mark.parametrize(
    "command", [[], None, ["make", "publish"], "lading-runner build --output x", ["docker push x"]]
)
def test_a_task_that_does_not_publish_by_lading_proves_nothing(command):
    assert proof_of(with_command(command)) is None
    assert proof_of({"payload": None}) is None


def test_nobody_is_told_of_it_and_it_ends_soon():
    proof = proof_of(with_command(["lading-runner", "publish"]))
    assert proof is not None
    assert not {"routes", "dependencies"} & proof.keys()
    assert proof["scopes"] == ["secrets:get:x"]
    assert proof["taskQueueId"] == "proj-balrog/ci"
    assert proof["metadata"]["owner"] == "a@example.com"
    assert (proof["payload"]["maxRunTime"], proof["retries"]) == (900, 0)
    assert "onExitStatus" not in proof["payload"]


def proof(secret, push):
    return Proof(
        "x", (Finding("engine", Level.PROBLEM, ""), Finding("secret", secret, ""), Finding("push", push, ""))
    )


@pytest.mark.parametrize(
    ("secret", "push", "good"),
    [
        (Level.OK, Level.OK, True),
        (Level.OK, Level.PROBLEM, False),
        (Level.PROBLEM, Level.UNKNOWN, False),
        (Level.OK, Level.UNKNOWN, None),
    ],
)
def test_a_token_is_good_if_it_is_taken_and_may_push(secret, push, good):
    assert proof(secret, push).is_good is good


def test_only_what_was_proved_lets_the_old_token_be_revoked():
    good, bad, unknown = (
        proof(Level.OK, Level.OK),
        proof(Level.OK, Level.PROBLEM),
        Proof("x", (), "it failed"),
    )
    told = conclusion([good], HUB)
    assert told.endswith("Now revoke the old token: https://app.docker.com/settings/personal-access-tokens.")
    # What else is wrong is no reason to keep the old one, and not kept quiet.
    assert "A publish would still fail: engine." in told
    assert conclusion([good], Registry("r.example:5000")).endswith("at r.example:5000.")
    for proofs, verdict in (([bad], False), ([good, bad], False), ([unknown], None), ([], None)):
        assert verdict_of(proofs) is verdict
        assert "keep the old one" in conclusion(proofs, HUB)
        assert "evoke" not in conclusion(proofs, HUB)


def test_without_findings_nothing_is_known():
    assert Proof("x", (), "it failed").is_good is None


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"findings": [{}]}', b'{"findings": [{"name": "x", "level": "y"}]}']
)
def test_what_is_no_plan_is_refused(content):
    with pytest.raises(ValueError, match=r"."):
        findings_in(content)
