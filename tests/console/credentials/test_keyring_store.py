"""Tokens are in a keyring that gives them back, or in memory and said to be; never in plain text."""

import asyncio
import json
import subprocess
import sys
import threading
from datetime import UTC, datetime
from types import SimpleNamespace

import keyring.backends.chainer
import keyring.backends.fail
import keyring.backends.null
import keyring.errors
import pytest

from console.credentials.aside import aside
from console.credentials.keyring_store import CredentialStore, KeyringUnusable, no_keyring, system_keyring
from console.credentials.value import Credentials
from runner.masking import Masked
from tests.support.keyrings import Backend, Raising
from tests.support.secret_service import secret_service

ROOT = "https://tc.example"
ME = Credentials("github/1|you/lading", Masked("t0ken"), client_ends=datetime(2026, 3, 2, tzinfo=UTC))
CERTIFIED = Credentials("me", Masked("t0ken"), Masked('{"expiry": 1772409600000}'))


@pytest.mark.parametrize("credentials", [ME, CERTIFIED])
def test_what_is_kept_is_found_by_another_program_and_gone_once_dropped(credentials):
    backend = Backend()
    store, later = (CredentialStore(lambda: backend) for _ in range(2))
    assert store.trouble() == ""
    assert backend.kept == {}  # its own test is gone
    assert store.keep(ROOT, credentials) == ""
    assert later.find(ROOT, credentials.client_id) == credentials
    assert later.find("https://other.example", credentials.client_id) is None
    assert later.drop(ROOT, credentials.client_id) is True
    assert later.drop(ROOT, credentials.client_id) is False
    assert store.find(ROOT, credentials.client_id) is None


@pytest.mark.parametrize(
    ("backend", "said"),
    [
        (keyring.backends.fail.Keyring(), "there is no keyring here"),
        (keyring.backends.null.Keyring(), "there is no keyring here"),
        (SimpleNamespace(backends=[keyring.backends.fail.Keyring()]), "safely"),
        (type("PlaintextKeyring", (Backend,), {"__module__": "keyrings.alt.file"})(), "PlaintextKeyring"),
        (Raising(keyring.errors.KeyringLocked("Failed to unlock the collection!")), "it is locked"),
        (Raising(keyring.errors.InitError("Failed to create the collection: Prompt dismissed..")), "locked"),
        (Raising(RuntimeError("no bus")), "RuntimeError: no bus"),
    ],
    ids=["fail", "null", "chain without a keyring", "plain text", "locked", "dismissed", "broken"],
)
def test_where_nothing_is_kept_it_says_why_and_has_it_in_memory(monkeypatch, backend, said):
    monkeypatch.setattr(keyring, "get_keyring", lambda: backend)
    store = CredentialStore()
    assert said in store.trouble()
    assert said in store.keep(ROOT, ME)
    assert store.find(ROOT, ME.client_id) == ME
    with pytest.raises(KeyringUnusable, match="The keyring cannot be used"):
        CredentialStore().find(ROOT, ME.client_id)
    assert store.drop(ROOT, ME.client_id) is True
    with pytest.raises(KeyringUnusable):
        store.find(ROOT, ME.client_id)
    assert getattr(backend, "kept", {}) == {}


def test_an_empty_chain_is_no_keyring(monkeypatch):
    chain = keyring.backends.chainer.ChainerBackend()
    monkeypatch.setattr(type(chain), "backends", [])
    monkeypatch.setattr(keyring, "get_keyring", lambda: chain)
    assert "there is no keyring here" in CredentialStore().trouble()


def test_of_a_chain_the_first_that_keeps_safely_is_taken(monkeypatch):
    good = Backend()
    chain = SimpleNamespace(backends=[keyring.backends.null.Keyring(), good])
    monkeypatch.setattr(keyring, "get_keyring", lambda: chain)
    assert system_keyring() is good


def test_a_keyring_that_drops_what_it_is_given_is_found_out():
    class Dropping(Backend):
        def set_password(self, service, name, value):
            """Keep nothing, and say nothing."""

    store = CredentialStore(Dropping)
    assert "does not give back" in store.trouble()
    assert "does not give back" in store.keep(ROOT, ME)
    assert store.find(ROOT, ME.client_id) == ME


def test_a_keyring_that_waits_for_ever_is_left_behind():
    answers, over = threading.Event(), threading.Event()

    class Waiting(Backend):
        def get_password(self, service, name):
            answers.wait()
            over.set()

    store = CredentialStore(Waiting, limit=0.01)
    with pytest.raises(KeyringUnusable, match="did not answer within"):
        store.find(ROOT, "me")
    answers.set()
    assert over.wait(30)


async def test_a_loop_waits_aside_and_does_not_hold_up_the_end():
    assert await aside(lambda: 7) == 7
    with pytest.raises(KeyringUnusable):
        await aside(no_keyring("none"))
    goes_on, over = threading.Event(), threading.Event()

    def wait():
        goes_on.wait()
        over.set()

    waiting = asyncio.create_task(aside(wait))
    await asyncio.sleep(0)
    assert {thread.daemon for thread in threading.enumerate() if thread.name == "aside"} == {True}
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    goes_on.set()
    assert over.wait(30)


def test_a_sandboxs_store_keeps_nothing_and_says_so():
    store = CredentialStore(no_keyring("A sandbox's clients end with it."))
    assert store.keep(ROOT, ME) == "A sandbox's clients end with it."
    assert store.find(ROOT, ME.client_id) == ME


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"accessToken": 1}', '{"accessToken": "", "certificate": null}']
)
def test_what_another_program_wrote_there_is_nothing(text):
    backend = Backend()
    backend.kept[f"lading {ROOT}", "me"] = text
    assert CredentialStore(lambda: backend).find(ROOT, "me") is None


SCENARIO = """
import contextlib, json, secretstorage
from datetime import UTC, datetime
from console.credentials.keyring_store import CredentialStore, system_keyring
from console.credentials.value import Credentials
from runner.masking import Masked

told = {}
me = Credentials("github/1|you/lading", Masked("t0ken"), None, datetime(2026, 3, 2, tzinfo=UTC))
told["trouble"] = CredentialStore().trouble()
told["backend"] = type(system_keyring()).__module__
told["kept"] = CredentialStore().keep("https://tc.example", me)
told["found"] = CredentialStore().find("https://tc.example", me.client_id) == me
told["dropped"] = [CredentialStore().drop("https://tc.example", me.client_id) for _ in range(2)]
CredentialStore().keep("https://tc.example", me)
with contextlib.closing(secretstorage.dbus_init()) as connection:
    secretstorage.get_default_collection(connection).lock()
store = CredentialStore()
told["locked"] = [store.trouble(), store.keep("https://tc.example", me)]
told["in memory"] = store.find("https://tc.example", me.client_id) == me
print(json.dumps(told))
"""


def test_a_real_secret_service_keeps_them_and_a_locked_one_says_so(tmp_path):
    with secret_service(tmp_path) as variables:
        done = subprocess.run(
            [sys.executable, "-c", SCENARIO],
            env={**variables, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        kept = b"".join(path.read_bytes() for path in (tmp_path / "data" / "keyrings").iterdir())
    locked = "The keyring cannot be used: it is locked, and was not unlocked."
    assert json.loads(done.stdout) == {
        "trouble": "",
        "backend": "keyring.backends.SecretService",
        "kept": "",
        "found": True,
        "dropped": [True, False],
        "locked": [locked, locked],
        "in memory": True,
    }
    assert b"t0ken" not in kept
