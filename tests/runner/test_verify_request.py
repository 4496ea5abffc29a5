"""What is demanded of an image is demanded: no argument that was given is passed over."""

import argparse

import pytest

from runner.arguments import add_verify_arguments
from runner.errors import UsageError
from runner.verify_request import request_from

ROOT = {"TASKCLUSTER_ROOT_URL": "https://tc.example.com"}
TASK_ID = "fN1SbArXTPSVFNUvaOlinQ"


def request(*arguments, environment=None):
    parser = argparse.ArgumentParser()
    add_verify_arguments(parser)
    return request_from(parser.parse_args(arguments), ROOT if environment is None else environment)


def test_everything_that_is_asked_is_in_the_policy():
    asked = request(
        "mozilla/balrog:v3.120",
        *("--task", TASK_ID, "--source", "https://github.com/mozilla/balrog", "--ref", "v3.120"),
        *("--pool", "proj-balrog/docker", "--insecure-registry", "Registry.example:5000"),
    )
    assert str(asked.reference) == "docker.io/mozilla/balrog:v3.120"
    assert asked.lookup.task == asked.policy.task == TASK_ID
    assert asked.policy.source == ("github.com", "mozilla/balrog")
    assert (asked.policy.ref, asked.policy.pool) == ("v3.120", "proj-balrog/docker")
    assert asked.root_url == "https://tc.example.com"
    assert asked.insecure == {"registry.example:5000"}


def test_a_flag_names_another_taskcluster():
    assert request("a", "--root-url", "https://other.example").root_url == "https://other.example"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Mozilla/Balrog"], "The image: "),
        (["a", "--source", "balrog"], "is not OWNER/NAME"),
        (["a", "--source", "../balrog"], "is not OWNER/NAME"),
        (["a", "--task", "short"], "is not a task id"),
        (["a", "--task", f"{TASK_ID}\n"], "is not a task id"),
        (["a", "--root-url", "ftp://x"], "No Taskcluster is named"),
        (["a", "--insecure-registry", "a b"], "--insecure-registry: "),
        *(
            (["a", flag, ""], f"{flag} is empty")
            for flag in ("--task", "--index", "--source", "--ref", "--pool", "--keys", "--offline", "--save")
        ),
        (["a", "--root-url", ""], "--root-url is empty"),
        (["a", "--scope", "", "--source", "a/b"], "--scope is empty"),
        (["a", "--scope", "x"], "give --source too"),
        (["a", "--keys", "/nowhere"], "--keys /nowhere cannot be read"),
        (["a", "--keys", __file__], "is not `ROOT_URL KEY`"),
        (["a", "--offline", "x", "--save", "y"], "not given together"),
    ],
)
def test_a_wrong_or_empty_argument_is_a_usage_error(arguments, message):
    with pytest.raises(UsageError, match=message):
        request(*arguments)


def test_without_a_taskcluster_nothing_is_trusted():
    with pytest.raises(UsageError, match="No Taskcluster is named"):
        request("a", environment={})


def test_a_folder_needs_no_taskcluster_but_keys_do(tmp_path):
    (tmp_path / "keys").write_text(f"https://tc.example.com {'A' * 43}=\n")
    keys = ["--keys", str(tmp_path / "keys")]
    assert request("a", "--offline", str(tmp_path), environment={}).root_url == ""
    assert request("a", *keys).policy.keys == (bytes(32),)
    with pytest.raises(UsageError, match="No Taskcluster is named"):
        request("a", "--offline", str(tmp_path), *keys, environment={})


def test_further_scopes_are_in_the_policy():
    asked = request("a", "--source", "mozilla/balrog", "--scope", "x", "--scope", "y")
    assert asked.policy.scopes == {"x", "y"}
    assert asked.policy.lines() == ["source = github.com/mozilla/balrog", "scope = x", "scope = y"]


def test_a_task_and_an_index_are_not_given_together():
    with pytest.raises(SystemExit) as caught:
        request("a", "--task", TASK_ID, "--index", "project.balrog")
    assert caught.value.code == 2
