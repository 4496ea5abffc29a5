"""`lading build trigger`: what it shows before anything is created, from a release, from GitHub, and by a hook."""

import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from console.sandbox.signed_http import TaskclusterFailure
from console.services import github_files
from tests.support.hooks import HOOK, ROLE
from tests.support.hosted_sandbox import Terminal
from tests.support.task import checkout, commit, git
from tests.support.task_files import FILES, LADING_TOML, TASK_FILE

pytestmark = pytest.mark.enable_socket


@pytest.fixture
def repository(tmp_path, monkeypatch):
    folder = checkout(tmp_path / "balrog", FILES)
    monkeypatch.chdir(folder)
    return folder


def plan(sandbox, *words):
    code, out, err = sandbox.lading("build", "trigger", *words, "--plan", "--json")
    return code, json.loads(out) if out else {}, err


def test_a_push_names_every_tag_that_it_puts(sandbox, repository):
    code, found, _ = plan(sandbox, "--branch", "master")
    assert code == 0
    assert found["effects"][0] == (
        "it pushes docker.io/mozilla/balrog:master-2026-03-01-12-00, docker.io/mozilla/balrog:latest"
    )
    # The task clones what is here: a Taskcluster on this machine has no GitHub.
    (task,) = found["tasks"]
    assert task["task"]["payload"]["env"]["CLONE_URL"] == repository.as_uri()


def test_a_release_names_its_tag_and_wants_it_typed(sandbox, repository):
    git(repository, "tag", "v3.120")
    commit(repository, "not of the release")
    code, found, _ = plan(sandbox, "--release", "v3.120")
    released = git(repository, "rev-parse", "v3.120")
    assert (code, found["typed"]) == (0, "v3.120")
    assert found["title"] == f"Build release v3.120 of mozilla/balrog at {released[:12]}"
    assert found["effects"][0] == "it pushes docker.io/mozilla/balrog:v3.120"
    words = ("build", "trigger", "--release", "v3.120")
    for answer in ("yes\n", "v3.12\n"):
        code, out, err = sandbox.lading(*words, stdin=Terminal(answer))
        assert (code, out, "Type v3.120 to create it" in err) == (1, "", True)
    code, _, err = sandbox.lading(*words, "--yes")
    assert (code, "Give --yes v3.120." in err) == (2, True)
    code, out, _ = sandbox.lading(*words, stdin=Terminal("v3.120\n"))
    assert code == 0
    created = sandbox.call("GET", "queue", "task", out.strip())
    assert created["payload"]["env"]["LADING_TAG"] == "v3.120"


def test_settings_that_cannot_be_read_are_told_in_place_of_tags(sandbox, repository):
    (repository / "lading.toml").write_text('[image.balrog]\nrepository = "not a name"\n')
    commit(repository, "break it")
    _, found, _ = plan(sandbox, "--branch", "master")
    assert found["effects"][0].startswith("what it pushes is not known: ")


@contextmanager
def github(answers):
    """A stand-in that answers paths, and keeps what it was asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, self.headers.get("Authorization")))
            status, body = answers.get(self.path, (404, b""))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_words):
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


COMMIT = "c" * 40
AT_GITHUB = {
    "/repos/mozilla/balrog/commits/heads/feature/x": (200, json.dumps({"sha": COMMIT}).encode()),
    "/repos/mozilla/balrog/commits/pull/12/head": (200, json.dumps({"sha": COMMIT}).encode()),
    "/repos/mozilla/balrog/commits/heads/odd": (200, b'{"message": "moved"}'),
    "/repos/mozilla/balrog/commits/heads/often": (403, b"rate limit"),
    f"/mozilla/balrog/{COMMIT}/.taskcluster.yml": (200, TASK_FILE.encode()),
    f"/mozilla/balrog/{COMMIT}/lading.toml": (200, LADING_TOML.encode()),
}


def test_what_no_checkout_here_has_is_read_from_github_without_credentials(sandbox, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with github(AT_GITHUB) as (url, asked):
        monkeypatch.setattr(github_files, "API", url)
        monkeypatch.setattr(github_files, "RAW", url)
        there = ("--repository", "mozilla/balrog")
        code, found, _ = plan(sandbox, "--branch", "feature/x", *there)
        assert code == 0
        assert found["title"] == "Build feature/x of mozilla/balrog at cccccccccccc"
        assert "it pushes docker.io/mozilla/balrog:feature-x-" in found["effects"][0]
        assert any("at GitHub" in warning for warning in found["warnings"])
        (task,) = found["tasks"]
        assert task["task"]["payload"]["env"]["CLONE_URL"] == "https://github.com/mozilla/balrog.git"
        assert plan(sandbox, "--pull-request", "12", *there)[0] == 0
        for branch, code, told in (
            ("none", 2, "GitHub shows no heads/none of mozilla/balrog"),
            ("odd", 4, "in a shape that is not known"),
            ("often", 4, "answered 403"),
        ):
            found, _, err = plan(sandbox, "--branch", branch, *there)
            assert (found, told in err) == (code, True), err
        code, _, err = plan(sandbox, "--branch", "x", "--commit", "d" * 40, *there)
        assert (code, "no .taskcluster.yml at dddddddddddd" in err) == (2, True)
    assert {credentials for _, credentials in asked} == {None}


@pytest.fixture
def hook(sandbox):
    sandbox.call("DELETE", "hooks", "hooks", "g", "h")
    sandbox.call("PUT", "hooks", "hooks", "g", "h", payload=HOOK)
    sandbox.set_role("hook-id:g/h", *ROLE)
    return "build", "trigger", "--hook", "g/h"


def test_a_hook_is_shown_with_its_defaults_and_the_task_that_it_makes(sandbox, hook):
    code, out, _ = sandbox.lading(*hook, "--payload", "-", "--plan", "--json", stdin="word: hello\n")
    found = json.loads(out)
    assert (code, found["payload"]) == (0, {"word": "hello", "deep": {"times": 3}})
    (task,) = found["tasks"]
    assert task["task"]["metadata"]["name"] == "of hello"
    assert task["task"]["payload"]["command"] == [["echo", "hello", "3"]]
    out = sandbox.lading(*hook, "--payload", "-", "--plan", stdin="word: hello\n")[1]
    assert 'gives it {"word": "hello", "deep": {"times": 3}}' in out


def test_a_payload_is_refused_by_its_member_before_the_hook_is_asked(sandbox, hook):
    for given, told in (
        ("", "payload: 'word' is a required property"),
        ("word: 3", "payload.word: 3 is not of type 'string'"),
        ('{"word": "x", "deep": {"times": "3"}}', "payload.deep.times: '3' is not of type 'integer'"),
        ("{word: x, other: 1}", "payload: Additional properties are not allowed ('other' was unexpected)"),
        ("a: [", "is no YAML"),
        ("[]", "is no object"),
    ):
        code, out, err = sandbox.lading(*hook, "--payload", "-", "--yes", stdin=given)
        assert (code, out, told in err) == (2, "", True), err
    with pytest.raises(TaskclusterFailure, match="never fired"):
        sandbox.call("GET", "hooks", "hooks", "g", "h", "last-fires")
    code, _, err = sandbox.lading("build", "trigger", "--branch", "b", "--payload", "-")
    assert (code, "--payload is what a hook is given" in err) == (2, True)


def test_what_the_hooks_own_role_lacks_is_told_before_it_is_triggered(sandbox, hook):
    sandbox.set_role("hook-id:g/h", *ROLE[1:])
    code, out, err = sandbox.lading(*hook, "--payload", "-", "--yes", stdin="word: x")
    assert (code, out) == (2, "")
    assert f"role hook-id:g/h lacks {ROLE[0]}" in err
