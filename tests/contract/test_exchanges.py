"""What the real services answered, the sandbox answers."""

import json
import os
import subprocess
import sys

import pytest

from tests.contract.conftest import EXCHANGES, REFERENCES

pytestmark = pytest.mark.enable_socket

GROUPS = (
    *("general", "secrets", "auth-hawk", "auth-clients", "auth-scopes", "auth-roles"),
    *("queue-create", "queue-artifacts", "object", "index", "github", "hooks"),
)
# A deadline must pass, which the queue acts on a minute later.
SLOW = "queue-life"


def test_every_recorded_group_is_compared():
    recording = REFERENCES / "exchanges.json"
    if not recording.exists():
        pytest.skip(f"{recording} is not here")
    assert set(json.loads(recording.read_text())["groups"]) == {*GROUPS, SLOW}


@pytest.fixture(scope="module")
def compared(sandbox_target):
    return _compared(sandbox_target, GROUPS)


def _compared(sandbox_target, groups):
    recording = REFERENCES / "exchanges.json"
    if not (recording.exists() and EXCHANGES.exists()):
        pytest.skip(f"{recording} or {EXCHANGES} is not here")
    asked = [part for group in groups for part in ("--group", group)]
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONDONTWRITEBYTECODE": "1",
        "TASKCLUSTER_ROOT_URL": sandbox_target.root_url,
        "TASKCLUSTER_CLIENT_ID": sandbox_target.client_id,
        "TASKCLUSTER_ACCESS_TOKEN": sandbox_target.access_token,
    }
    done = subprocess.run(
        [sys.executable, str(EXCHANGES), "compare", str(recording), "--json", *asked],
        capture_output=True,
        text=True,
        env=environment,
        timeout=180,
        check=False,
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout)["groups"]


@pytest.mark.parametrize("group", GROUPS)
def test_answers_as_the_real_services_did(compared, group):
    _check(compared[group])


@pytest.mark.matrix
def test_answers_as_the_real_services_did_while_time_passes(sandbox_target):
    _check(_compared(sandbox_target, (SLOW,))[SLOW])


def _check(group):
    different = {found["name"]: found for found in group["differences"]}
    assert not different, json.dumps(different, indent=1)[:4000]
    assert group["same"] > 20
