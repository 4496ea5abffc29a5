"""`lading secret`: a value comes in by a pipe alone, goes out one key at a time, and is saved only where it holds."""

import io
import json
import os
import signal
import subprocess
import sys
from typing import IO, cast

import pytest

from console.sandbox.registry.authentication import Account, TokenAuth
from console.sandbox.sample import TASKCLUSTER_YML
from console.sandbox.seed import DOCKERHUB, TASK_QUEUE
from tests.support.hosted_sandbox import Terminal
from tests.support.registries import embedded_registry
from tests.support.task import checkout

pytestmark = pytest.mark.enable_socket

NAME = "project/lading/test"
TOKEN = "dckr_pat_ünique-Token-1"
AGAIN = "dckr_pat_another-Token-2"


class Piped(io.StringIO):
    """Standard input that is a pipe."""

    def __init__(self, content):
        super().__init__()
        self._bytes = io.BytesIO(content if isinstance(content, bytes) else content.encode())

    @property
    def buffer(self):
        return self._bytes


def set_key(sandbox, key, value, *words, name=NAME, **keywords):
    return sandbox.lading("secret", "set", name, key, "--no-check", *words, stdin=Piped(value), **keywords)


def kept(sandbox, name=NAME):
    return sandbox.call("GET", "secrets", "secret", name)


def keep(sandbox, content, name=NAME, expires="2999-01-01T00:00:00.000Z"):
    payload = {"secret": content, "expires": expires}
    sandbox.call("PUT", "secrets", "secret", name, payload=payload)


def test_secrets_are_listed_with_expiry_and_who_changed_them_last(sandbox):
    keep(sandbox, {"a": "b"})
    code, out, _ = sandbox.lading("secret", "list")
    assert code == 0
    (line,) = [line for line in out.splitlines() if line.startswith(NAME)]
    assert "expires 2999-01-01" in line
    assert "by static/taskcluster/root" in line
    listed = json.loads(sandbox.lading("secret", "list", "lading", "--json")[1])
    assert [(each["name"], each["by"]) for each in listed] == [(NAME, "static/taskcluster/root")]


def test_a_list_names_what_it_may_not_read(sandbox):
    keep(sandbox, {"a": "b"})
    lister = sandbox.client("secrets:list-secrets")
    code, out, _ = sandbox.lading("secret", "list", "lading", by=lister)
    assert (code, out) == (0, f"{NAME}  you lack secrets:get:{NAME}\n")
    code, _, err = sandbox.lading("secret", "list", by=sandbox.client())
    assert code == 3
    assert "You may still read or set one whose name you know." in err


def test_a_secret_is_shown_masked_and_one_value_is_revealed(sandbox):
    keep(sandbox, {"docker": {"password": TOKEN, "port": 5000}, "list": ["x"]})
    for words in ((), ("--json",)):
        code, out, _ = sandbox.lading("secret", "get", NAME, *words)
        assert code == 0
        assert TOKEN not in out
        assert "password" in out
        assert "5000" not in out
    assert sandbox.lading("secret", "get", NAME, "--reveal", "docker.password")[1] == f"{TOKEN}\n"
    assert sandbox.lading("secret", "get", NAME, "--reveal", "docker.port")[1] == "5000\n"


def test_pitfall_17_only_a_leaf_is_revealed(sandbox):
    keep(sandbox, {"docker": {"password": TOKEN, "username": "x"}})
    code, out, err = sandbox.lading("secret", "get", NAME, "--reveal", "docker")
    assert (code, out) == (2, "")
    assert "`docker.password`, `docker.username`" in err
    assert sandbox.lading("secret", "get", NAME, "--reveal", "none")[0] == 2


def test_a_revealed_value_passes_no_control_character_to_a_terminal(sandbox):
    keep(sandbox, {"a": "x\x1b]0;title\x07y\u202ez"})
    out = sandbox.lading("secret", "get", NAME, "--reveal", "a", stdout=Terminal())[1]
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert sandbox.lading("secret", "get", NAME, "--reveal", "a")[1] == "x\x1b]0;title\x07y\u202ez\n"


def test_pitfall_12_one_key_is_set_and_the_others_keep_value_and_type(sandbox):
    keep(sandbox, {"number": 12, "no": False, "deep": {"012": "012", "list": [1, {}]}, "token": "old"})
    code, out, _ = set_key(sandbox, "token", f"{TOKEN}\n")
    assert code == 0
    assert kept(sandbox)["secret"] == {
        "number": 12,
        "no": False,
        "deep": {"012": "012", "list": [1, {}]},
        "token": TOKEN,
    }
    assert "~ token  changed" in out
    assert "= number  kept" in out
    assert TOKEN not in out
    assert set_key(sandbox, "number", "13")[0] == 0
    assert kept(sandbox)["secret"]["number"] == 13
    code, _, err = set_key(sandbox, "number", TOKEN)
    assert code == 2
    assert TOKEN not in err
    assert set_key(sandbox, "deep.012", "x")[0] == 0
    assert kept(sandbox)["secret"]["deep"] == {"012": "x", "list": [1, {}]}


def test_pitfall_8_exactly_one_line_end_is_taken_off_a_piped_value(sandbox):
    keep(sandbox, {"a": "b"})
    for given, expected in (
        (b"x\n", "x"),
        (b"x\r\n", "x"),
        (b"x\n\n", "x\n"),
        (b" x ", " x "),
        (b"x\r", "x\r"),
    ):
        assert set_key(sandbox, "a", given)[0] == 0
        assert kept(sandbox)["secret"]["a"] == expected
    assert set_key(sandbox, "a", b"y\n", "--raw")[0] == 0
    assert kept(sandbox)["secret"]["a"] == "y\n"
    for given in (b"", b"\n", b"a\0b", b"\xff\xfe"):
        code, _, err = set_key(sandbox, "a", given)
        assert code == 2
        assert "lading: The value" in err
    assert kept(sandbox)["secret"]["a"] == "y\n"


def test_pitfall_8_a_terminal_that_may_not_be_asked_is_an_error_and_no_wait(sandbox):
    code, _, err = sandbox.lading("secret", "set", NAME, "a", "--no-input", stdin=Terminal())
    assert code == 2
    assert "--no-input forbids to ask" in err


@pytest.mark.parametrize(
    "words",
    [
        ("set", NAME, "a", TOKEN),
        ("set", NAME, "a", "--no-check", TOKEN),
        ("set", NAME, "a", f"--value={TOKEN}"),
        ("set", NAME, "a", "--token", TOKEN),
        ("set", NAME, f"a={TOKEN}"),
        ("rotate", NAME, TOKEN),
        ("get", NAME, TOKEN),
    ],
)
def test_pitfall_9_a_value_on_the_command_line_is_refused_and_not_repeated(sandbox, words):
    keep(sandbox, {"a": "b"})
    code, out, err = sandbox.lading("secret", *words, stdin=Piped("other"))
    assert code == 2
    assert TOKEN not in out + err
    assert kept(sandbox)["secret"] == {"a": "b"}
    if words[0] != "get":
        assert f'printf %s "$TOKEN" | lading secret {words[0]}' in err


def test_pitfall_11_an_expiry_is_required_kept_and_never_past(sandbox):
    name = f"{NAME}/new"
    code, _, err = set_key(sandbox, "a", "b", name=name)
    assert code == 2
    assert "Give --expires 90d, 1y, never or a date." in err
    assert set_key(sandbox, "a", "b", "--expires", "2020-01-01", name=name)[0] == 2
    assert set_key(sandbox, "a", "b", "--expires", "soon", name=name)[0] == 2
    code, out, _ = set_key(sandbox, "a", "b", "--expires", "never", name=name)
    assert code == 0
    assert "expires never" in out
    assert kept(sandbox, name)["expires"] == "3000-01-01T00:00:00.000Z"
    assert set_key(sandbox, "a", "c", name=name)[0] == 0
    assert kept(sandbox, name) == {"secret": {"a": "c"}, "expires": "3000-01-01T00:00:00.000Z"}


def test_what_is_so_already_is_not_written_again(sandbox):
    keep(sandbox, {"a": "b"})
    before = sandbox.call("GET", "auth", "audit", "secret", NAME)
    code, out, _ = set_key(sandbox, "a", "b")
    assert code == 0
    assert "nothing changes" in out
    assert sandbox.call("GET", "auth", "audit", "secret", NAME) == before


def test_pitfall_13_who_may_set_but_not_get_is_told_what_cannot_be_checked(sandbox):
    keep(sandbox, {"a": "b", "c": "d"})
    writer = sandbox.client(f"secrets:set:{NAME}")
    code, _, err = set_key(sandbox, "a", TOKEN, by=writer)
    assert code == 2
    assert "what is there cannot be read" in err
    code, out, _ = set_key(sandbox, "a", TOKEN, "--expires", "90d", by=writer)
    assert code == 0
    assert "cannot be checked" in out
    assert "Saved and cannot be read back." in out
    assert kept(sandbox)["secret"] == {"a": TOKEN}


def test_pitfall_14_what_is_refused_and_what_is_not_there_are_worded_apart(sandbox):
    code, _, err = sandbox.lading("secret", "get", f"{NAME}/none")
    assert code == 1
    assert "never set, was deleted, or has expired" in err
    code, _, err = sandbox.lading("secret", "get", f"{NAME}/none", by=sandbox.client())
    assert code == 3
    assert "Whether there is such a secret is not told to you." in err
    keep(sandbox, {"a": "b"}, f"{NAME}/gone")
    sandbox.call("DELETE", "secrets", "secret", f"{NAME}/gone")
    assert "The audit says: deleted at" in sandbox.lading("secret", "get", f"{NAME}/gone")[2]


def test_pitfall_20_a_name_with_every_separator_is_one_name(sandbox):
    name = "a/b:c%2F*d e?f#g/"
    assert set_key(sandbox, "a", "b", "--expires", "1y", name=name)[0] == 0
    assert kept(sandbox, name)["secret"] == {"a": "b"}
    assert sandbox.lading("secret", "get", name, "--reveal", "a")[1] == "b\n"
    assert sandbox.lading("secret", "rm", name, "--yes")[0] == 0


def test_pitfall_49_nothing_is_changed_read_only(sandbox):
    keep(sandbox, {"a": "b"})
    for words in (("set", NAME, "a"), ("rotate", NAME), ("rm", NAME, "--yes")):
        code, _, err = sandbox.lading("secret", *words, "--read-only", stdin=Piped("x"))
        assert code == 3
        assert "read-only" in err
    assert kept(sandbox)["secret"] == {"a": "b"}


def test_the_result_of_a_change_is_json_alone(sandbox):
    keep(sandbox, {"a": "b"})
    code, out, err = set_key(sandbox, "c", TOKEN, "--json")
    assert code == 0
    told = json.loads(out)
    assert told["changes"] == [{"key": "a", "change": "kept"}, {"key": "c", "change": "added"}]
    assert (told["written"], told["verified"]) == (True, True)
    assert TOKEN not in out + err


def test_a_secret_is_deleted_once_its_name_is_typed(sandbox):
    keep(sandbox, {"a": "b"})
    assert sandbox.lading("secret", "rm", NAME)[0] == 2
    code, _, err = sandbox.lading("secret", "rm", NAME, stdin=Terminal("another\n"))
    assert code == 1
    assert f"Type {NAME} to delete it:" in err
    assert kept(sandbox)["secret"] == {"a": "b"}
    code, out, _ = sandbox.lading("secret", "rm", NAME, stdin=Terminal(f"{NAME}\n"))
    assert (code, out) == (0, f"Secret {NAME} is deleted.\n")
    code, _, err = sandbox.lading("secret", "rm", NAME, "--yes")
    assert code == 1
    assert "There is no secret" in err


def test_a_rotation_without_a_shape_writes_what_skopeo_and_docker_read(sandbox):
    name = f"{NAME}/rotated"
    words = ("secret", "rotate", name, "--no-check", "--no-prove", "--expires", "90d")
    code, _, err = sandbox.lading(*words, stdin=Piped(TOKEN))
    assert code == 2
    assert "Give the user name." in err
    code, out, err = sandbox.lading(*words, "--user", "balrog", stdin=Piped(TOKEN))
    assert code == 0
    assert "+ dockercfg.auths.https://index.docker.io/v1/.auth  added" in out
    assert "revoke it at the registry" in err
    assert TOKEN not in out + err
    assert sandbox.lading(*words, stdin=Piped(AGAIN))[0] == 0


def test_a_seeded_secret_that_no_registry_answers_for_is_not_saved_unless_unchecked(sandbox):
    before = kept(sandbox, DOCKERHUB)
    # The registry that the fixture's seed names does not run.
    code, _, err = sandbox.lading("secret", "rotate", DOCKERHUB, stdin=Piped(TOKEN))
    assert code == 4
    assert "Nothing was saved." in err
    assert kept(sandbox, DOCKERHUB) == before
    words = ("secret", "rotate", DOCKERHUB, "--no-check", "--no-prove")
    assert sandbox.lading(*words, stdin=Piped(TOKEN))[0] == 0
    assert kept(sandbox, DOCKERHUB)["secret"]["docker"]["password"] == TOKEN


def test_a_rotation_is_tested_on_the_registry_of_the_checkouts_image(sandbox, tmp_path, monkeypatch):
    name = f"{NAME}/tested"
    monkeypatch.chdir(tmp_path)
    accounts = [Account("balrog", AGAIN), Account("reader", AGAIN, {"*": frozenset({"pull"})})]
    with embedded_registry(auth=TokenAuth(accounts)) as registry:
        (tmp_path / "lading.toml").write_text(
            f'[image.balrog]\nrepository = "{registry.host}/mozilla/balrog"\nsecret = "{name}"\n'
        )
        before = {"docker": {"registry": registry.host, "username": "balrog", "password": "old"}}
        keep(sandbox, before, name)
        for token, words, told in (
            (TOKEN, (), "does not accept the user name and password"),
            (AGAIN, ("--user", "reader"), "may not push"),
            (AGAIN, ("--registry", "docker.io"), "sent to no other registry"),
        ):
            code, _, err = sandbox.lading("secret", "rotate", name, *words, stdin=Piped(token))
            assert code == 3
            assert told in err
            assert "Nothing was saved." in err
            assert kept(sandbox, name)["secret"] == before
        code, out, err = sandbox.lading("secret", "rotate", name, stdin=Piped(AGAIN))
        # It is saved; nothing in this folder could prove it, which does not read as success.
        assert (code, "saved, not proved" in err, "lading doctor --prove" in err) == (7, True, True)
        assert f"accepts user 'balrog', who may push to {registry.host}/mozilla/balrog." in out
        assert kept(sandbox, name)["secret"]["docker"]["password"] == AGAIN


def test_a_rotation_is_not_proved_where_no_task_can_and_says_why(sandbox, tmp_path, monkeypatch):
    rotate = ("secret", "rotate", DOCKERHUB, "--no-check", "--user", "balrog")
    folder = checkout(tmp_path / "balrog", {"README": "no task file"})
    monkeypatch.chdir(folder)
    for content, why in (
        (None, "has no .taskcluster.yml"),
        ("version: 1\ntasks: []\n", f"No push to a branch of mozilla/balrog reads {DOCKERHUB}"),
        (TASKCLUSTER_YML, "No worker of proj-balrog/ci has asked for tasks"),
    ):
        if content is not None:
            (folder / ".taskcluster.yml").write_text(content)
        code, out, err = sandbox.lading(*rotate, "--json", stdin=Piped(TOKEN))
        told = json.loads(out)["proof"]
        assert (code, told["proved"], why in told["why"]) == (7, None, True), told
        assert f"saved, not proved: {told['why']}" in err
    assert kept(sandbox, DOCKERHUB)["secret"]["docker"]["password"] == TOKEN


def test_who_does_not_wait_for_the_proof_is_told_that_it_is_saved_and_not_proved(sandbox, tmp_path):
    # A worker that asks, and takes nothing.
    pool = "proj-balrog/idle"
    claim = {"tasks": 1, "workerGroup": "sandbox", "workerId": "idle"}
    sandbox.call("POST", "queue", "claim-work", pool, payload=claim)
    folder = checkout(tmp_path / "balrog", {".taskcluster.yml": TASKCLUSTER_YML.replace(TASK_QUEUE, pool)})
    program = "import sys; from console.cli import main; sys.exit(main())"
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "TASKCLUSTER_ROOT_URL": sandbox.root_url,
        "TASKCLUSTER_CLIENT_ID": sandbox.root.client_id,
        "TASKCLUSTER_ACCESS_TOKEN": sandbox.root.access_token.reveal(),
    }
    with subprocess.Popen(
        [sys.executable, "-c", program, "secret", "rotate", DOCKERHUB, "--no-check"],
        cwd=folder,
        env=variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        stdin, stdout, stderr = cast("tuple[IO[str], ...]", (process.stdin, process.stdout, process.stderr))
        stdin.write(AGAIN)
        stdin.close()
        # The task is there once its state is told.
        told = next(line for line in stderr if "pending" in line)
        process.send_signal(signal.SIGINT)
        err, out = stderr.read(), stdout.read()
        assert process.wait(timeout=30) == 130
    assert "lading-doctor-prove" in told
    assert "Saved and read back." in out
    assert "saved, not proved: it was not waited for" in err
    assert AGAIN not in out + err
    assert kept(sandbox, DOCKERHUB)["secret"]["docker"]["password"] == AGAIN


def test_pitfall_10_no_editor_is_run_for_a_secret(sandbox, tmp_path):
    keep(sandbox, {"a": "b"})
    editor = tmp_path / "editor"
    editor.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    editor.chmod(0o755)
    assert set_key(sandbox, "a", TOKEN, EDITOR=str(editor), VISUAL=str(editor))[0] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["editor"]
