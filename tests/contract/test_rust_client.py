"""Taskcluster's own Rust crates, unmodified, find in the sandbox what they expect of Taskcluster."""

from pathlib import Path

import pytest

from runner.errors import Unavailable
from tests.support.engine import missing
from tests.support.foreign_client import exercised
from tests.support.rust_programs import built

# Their building takes two minutes of one core.
pytestmark = [pytest.mark.matrix, pytest.mark.enable_socket, pytest.mark.xdist_group("rust")]


@pytest.fixture(scope="module")
def found(sandbox_target):
    """What the crates got."""
    try:
        program = built(Path(__file__).with_name("rust"), "exercise")
    except Unavailable as error:
        missing(str(error))
    return exercised(program, target=sandbox_target)


def test_they_sign_with_a_client_s_token_temporary_credentials_and_urls(found):
    assert found["secret"] == found["temporary"] == found["signed"] == {"k": "v"}


def test_they_understand_each_refusal(found):
    assert found["absent"] == 404
    assert found["forbidden"] == found["unauthorized"] == 403


def test_they_read_a_group_page_by_page(found):
    assert (found["pages"], found["listed"]) == (2, True)
    # Their signature leaves a query out, so Taskcluster refuses a signed request that has one.
    assert found["signed_page"] == 401


def test_they_run_a_task_whose_objects_and_artifacts_come_back_and_which_the_index_finds(found):
    assert found["created"] == "pending"
    assert found["claimed"]
    for name in ("public/small", "public/large", "public/put"):
        assert found[name] == [True, "text/plain"], name
    assert found["completed"] == "completed"
    assert found["indexed"]
