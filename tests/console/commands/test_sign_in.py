"""Signing in and out by commands, on a sandbox: what is asked for, what is kept and where, and who counts first."""

import io
import json
import stat
import sys
from pathlib import Path

import keyring
import keyring.errors
import pytest

from console.config import config_path, load_config
from console.sandbox.seed import DOCKERHUB
from console.sandbox.sign_in import USER
from console.services import auth
from tests.support import press_save
from tests.support.keyrings import Backend, Raising

pytestmark = pytest.mark.enable_socket

BROWSER = f"{sys.executable} {press_save.__file__}"


@pytest.fixture(autouse=True)
def kept(monkeypatch, tmp_path):
    """A keyring and a configuration of this test's own."""
    backend = Backend()
    monkeypatch.setattr(keyring, "get_keyring", lambda: backend)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    return backend.kept


def tokens(kept):
    return [json.loads(value)["accessToken"] for value in kept.values()]


def piped(text):
    """A standard input that is a pipe."""
    return io.TextIOWrapper(io.BytesIO(text.encode()))


def by_page(sandbox, *words):
    """Sign in; a browser that presses Save is at hand."""
    return sandbox.lading("signin", "--root-url", sandbox.root_url, *words, by={}, BROWSER=BROWSER)


def test_a_sign_in_is_kept_counts_from_then_on_and_is_over_after_a_sign_out(sandbox, kept):
    code, out, err = by_page(sandbox, "--profile", "here")
    assert code == 0, err
    assert f"Signed in to {sandbox.root_url} as {USER}/lading-" in out
    assert "profile here, the default." in out
    asked = err.partition("Press Save")[0]
    assert "auth:get-role:*\n" in asked  # told before the page is opened
    (token,) = tokens(kept)
    assert token not in out + err
    assert token not in config_path().read_text()
    assert stat.S_IMODE(config_path().stat().st_mode) == 0o600
    assert stat.S_IMODE(config_path().parent.stat().st_mode) == 0o700

    code, out, _ = sandbox.lading("whoami", "--json", by={}, TASKCLUSTER_ROOT_URL="")
    me = json.loads(out)
    assert (code, me["origin"], me["profile"], me["rootUrl"]) == (0, "keyring", "here", sandbox.root_url)
    assert me["clientId"].startswith(f"{USER}/lading-")
    assert me["expires"] is not None
    assert "secrets:list-secrets" in me["scopes"]
    assert sandbox.lading("role", "list", "--profile", "here", by={})[0] == 0

    code, out, _ = sandbox.lading("profile", "list", by={})
    assert (code, out.splitlines()[0]) == (0, f"* here  {sandbox.root_url}")
    assert "until" in out

    code, out, _ = sandbox.lading("signout", "--profile", "here", by={})
    assert (code, kept) == (0, {})
    assert "/auth/clients/sandbox-login%2F0%7Cyou%2Flading-" in out
    assert sandbox.lading("signout", "--profile", "here", by={})[0] == 1
    code, out, err = sandbox.lading("whoami", "--profile", "here", by={})
    assert (code, out.splitlines()[0]) == (1, "anonymous   not signed in")
    assert "`lading signin --profile here` gets a new one" in err


def test_the_secret_of_the_checkout_is_asked_for_and_what_is_not_given_is_told(sandbox):
    Path("lading.toml").write_text(
        f'[image.balrog]\nrepository = "docker.io/mozilla/balrog"\nsecret = "{DOCKERHUB}"\n'
    )
    code, out, err = by_page(sandbox, "--scope", "queue:quarantine-worker:*", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert f"secrets:set:{DOCKERHUB}" in found["scopes"]
    assert found["lacking"] == ["queue:quarantine-worker:*"]
    assert found["profile"] == "127-0-0-1"


def test_a_second_sign_in_replaces_the_first(sandbox, kept):
    by_page(sandbox, "--profile", "here")
    (first,) = tokens(kept)
    assert by_page(sandbox, "--profile", "here", "--expires", "8h")[0] == 0
    (second,) = tokens(kept)
    assert first != second
    assert list(load_config(config_path()).client_ids) == ["here"]


def test_a_client_that_one_has_is_kept_too(sandbox, kept):
    mine = sandbox.client("secrets:get:x")
    token = mine["TASKCLUSTER_ACCESS_TOKEN"]
    words = ("signin", "--root-url", sandbox.root_url, "--client-id", mine["TASKCLUSTER_CLIENT_ID"])
    code, out, err = sandbox.lading(*words, by={}, stdin=piped(f"{token}\n"))
    assert (code, tokens(kept)) == (0, [token])
    assert "may not ask (auth:current-scopes)" in out
    assert token not in out + err
    code, out, _ = sandbox.lading("whoami", by={})
    assert (code, out.splitlines()[0]) == (0, f"{mine['TASKCLUSTER_CLIENT_ID']}   by the keyring")


def test_a_token_that_is_not_accepted_is_not_kept(sandbox, kept):
    words = ("signin", "--root-url", sandbox.root_url, "--client-id", "static/taskcluster/root")
    code, out, err = sandbox.lading(*words, by={}, stdin=piped("hunter2hunter2\n"))
    assert (code, out, kept) == (3, "", {})
    assert "401 from auth" in err
    assert "hunter2" not in err
    assert not config_path().exists()


def test_without_a_keyring_nothing_is_asked_and_nothing_is_written(sandbox, monkeypatch):
    monkeypatch.setattr(keyring, "get_keyring", lambda: Raising(keyring.errors.NoKeyringError("none")))
    code, out, err = by_page(sandbox)
    assert (code, out) == (4, "")
    assert "there is no keyring here" in err
    assert "never kept in plain text" in err
    assert not config_path().exists()


def test_the_environment_counts_before_the_keyring_and_a_profiles_flag_before_both(sandbox):
    by_page(sandbox, "--profile", "here")
    root = "static/taskcluster/root"
    code, out, _ = sandbox.lading("whoami")
    assert (code, out.splitlines()[0]) == (0, f"{root}   by the environment")
    code, out, _ = sandbox.lading("whoami", "--profile", "here")
    assert (code, out.splitlines()[0].endswith("by the profile here")) == (0, True)
    code, _, err = sandbox.lading("signin", "--profile", "here", BROWSER=BROWSER)
    assert code == 0
    assert "TASKCLUSTER_CLIENT_ID is set, and comes before the keyring" in err


def test_profiles_are_chosen_and_removed(sandbox, kept):
    by_page(sandbox, "--profile", "here")
    by_page(sandbox, "--profile", "there")
    assert load_config(config_path()).default_profile == "here"
    assert sandbox.lading("profile", "use", "there", by={})[0] == 0
    assert load_config(config_path()).default_profile == "there"
    code, out, _ = sandbox.lading("profile", "list", "--json", by={})
    assert [(each["name"], each["default"], each["signedIn"]) for each in json.loads(out)] == [
        ("here", False, True),
        ("there", True, True),
    ]
    assert sandbox.lading("profile", "remove", "there", by={})[0] == 0
    assert len(kept) == 1
    assert load_config(config_path()).root_urls == {"here": sandbox.root_url}
    for verb in ("use", "remove"):
        code, _, err = sandbox.lading("profile", verb, "there", by={})
        assert (code, "There is no profile `there`" in err) == (2, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--profile", "new"), "Give --root-url too"),
        (("--profile", "a b"), "is no name for a profile"),
        (("--root-url", "http://tc.example"), "is refused"),
        (("--root-url", "https://tc.example", "--expires", "soon"), "is no lifetime"),
        (("--root-url", "https://tc.example", "--port", "70000"), "is no port"),
        ((), "No Taskcluster is named"),
    ],
)
def test_what_cannot_be_asked_for_is_told_before_anything_happens(sandbox, words, said):
    code, out, err = sandbox.lading("signin", *words, by={}, TASKCLUSTER_ROOT_URL="")
    assert (code, out) == (2, "")
    assert said in err


def test_a_defect_while_a_token_is_checked_tells_its_place_and_no_token(sandbox, kept, monkeypatch):
    async def current_scopes(taskcluster):
        raise ValueError(taskcluster._credentials.access_token.reveal())

    monkeypatch.setattr(auth, "current_scopes", current_scopes)
    token = sandbox.client("secrets:get:y")["TASKCLUSTER_ACCESS_TOKEN"]
    words = ("signin", "--root-url", sandbox.root_url, "--client-id", "me")
    code, out, err = sandbox.lading(*words, by={}, stdin=piped(token))
    assert (code, out, kept) == (5, "", {})
    assert "internal error: ValueError at test_sign_in.py:" in err
    assert token not in err
