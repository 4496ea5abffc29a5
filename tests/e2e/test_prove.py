"""A rotation, proved: a real task tells the old token, the new one, a wrong one, and one that may not push, apart."""

import io
import json
import sys
from pathlib import Path

import pytest
from textual.widgets import Button

from console.sandbox.registry.authentication import Account, TokenAuth
from console.sandbox.sample import TASKCLUSTER_YML
from console.sandbox.seed import DOCKERHUB, TASK_QUEUE
from console.sandbox.task_run import WorkerSettings
from console.sandbox.worker import Worker
from console.screens.proof import ProofScreen
from console.screens.secret_form import SecretForm
from console.widgets.secret_input import SecretInput
from tests.support.builds import until
from tests.support.builds_console import console
from tests.support.hosted_sandbox import hosted_sandbox
from tests.support.registries import embedded_registry
from tests.support.screens import drawn, shows
from tests.support.task import SLUG, checkout

pytestmark = [pytest.mark.enable_socket, pytest.mark.engine]

ACCOUNTS = [
    Account("publisher", "old token"),
    Account("publisher", "new token"),
    Account("reader", "reading token", {"*": ["pull"]}),
]


class Piped(io.StringIO):
    """Standard input that is a pipe."""

    @property
    def buffer(self):
        return io.BytesIO(self.getvalue().encode())


class Place:
    """A sandbox with a worker, a registry, and Balrog's checkout."""

    def __init__(self, sandbox, registry, folder):
        self.sandbox, self.registry, self.folder = sandbox, registry, folder
        self.root_url, self.hosted = sandbox.root_url, sandbox

    def set_secret(self, username, password):
        secret = {"docker": {"registry": self.registry.host, "username": username, "password": password}}
        body = {"secret": secret, "expires": "3000-01-01T00:00:00Z"}
        self.sandbox.call("PUT", "secrets", "secret", DOCKERHUB, payload=body)

    def prove(self, *words, **changes):
        arguments = ["doctor", "--prove", "--repo", str(self.folder), "--branch", "master", *words]
        code, out, err = self.sandbox.lading(*arguments, **changes)
        return code, out, err

    def rotate(self, token, *words, **changes):
        return self.sandbox.lading("secret", "rotate", DOCKERHUB, *words, stdin=Piped(token), **changes)

    def nothing_was_published(self):
        assert self.registry.storage.open_uploads == 0
        kinds = {(asked.method, asked.kind) for asked in self.registry.seen if asked.status < 300}
        assert ("PUT", "manifest") not in kinds
        repository = self.registry.storage.repositories.get(SLUG)
        assert repository is None or not repository.tags


@pytest.fixture(scope="module")
def place(docker_engine, tmp_path_factory):
    folder = tmp_path_factory.mktemp("prove")
    with embedded_registry(auth=TokenAuth(ACCOUNTS)) as registry, hosted_sandbox() as sandbox:
        toml = f'[image.balrog]\nrepository = "{registry.host}/{SLUG}"\n'
        files = {
            "Dockerfile": "FROM scratch\nCOPY lading.toml /\n",
            "lading.toml": toml,
            ".taskcluster.yml": TASKCLUSTER_YML,
        }
        made = checkout(folder / "checkout", files)
        environment = {
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": str(folder),
            "DOCKER_HOST": docker_engine.host,
        }
        settings = WorkerSettings(
            root_url=sandbox.root_url,
            task_queue_id=TASK_QUEUE,
            environment=environment,
            folder=folder,
            say=lambda _text: None,
        )
        worker = sandbox.wait(Worker.start(settings, sandbox.root))
        try:
            # A proof is refused where no worker has asked for work yet.
            provisioner, _, kind = TASK_QUEUE.partition("/")
            path = ("queue", "provisioners", provisioner, "worker-types", kind, "workers")
            until(lambda: sandbox.call("GET", *path)["workers"], "a worker asks for work")
            yield Place(sandbox, registry, made)
        finally:
            sandbox.wait(worker.close())


CASES = {
    "old": ("publisher", "old token", 0, "may push to"),
    "new": ("publisher", "new token", 0, "may push to"),
    "wrong": ("publisher", "revoked token", 1, "does not accept the user name"),
    "without push": ("reader", "reading token", 1, "may not push"),
}


@pytest.mark.parametrize(("username", "password", "code", "seen"), CASES.values(), ids=CASES)
def test_each_token_is_told_apart_and_nothing_is_published(place, username, password, code, seen):
    place.set_secret(username, password)
    found, out, err = place.prove("--yes", "--json")
    assert found == code, out + err
    (proof,) = json.loads(out)["proofs"]
    push = next(finding for finding in proof["findings"] if finding["name"] == "push")
    assert seen in push["seen"], push
    assert password not in out + err
    place.nothing_was_published()


def test_nothing_is_created_unless_somebody_agrees_and_holds_the_scopes(place):
    code, _out, err = place.prove(stdin="")
    assert (code, "nobody can be asked" in err) == (2, True), err
    code, _out, err = place.prove("--read-only", "--yes")
    assert (code, "no task is created" in err) == (3, True), err
    code, _out, err = place.prove("--yes", by=place.sandbox.client("auth:current-scopes"))
    assert (code, f"you lack secrets:get:{DOCKERHUB}" in err) == (3, True), err


def test_a_rotation_ends_with_the_proof_and_then_says_to_revoke_the_old_token(place, monkeypatch):
    monkeypatch.chdir(place.folder)
    place.set_secret("publisher", "old token")
    code, out, err = place.rotate("new token")
    assert code == 0, out + err
    assert "Saved and read back." in out
    assert "completed" in err
    assert out.endswith(
        "Proved: the token is taken and may push; nothing was published. "
        f"Now revoke the old token: in the account's settings at {place.registry.host}.\n"
    )
    # Once more: nothing is written, and what was interrupted is proved.
    code, out, _ = place.rotate("new token", "--json")
    told = json.loads(out)
    assert (code, told["written"], told["proof"]["proved"]) == (0, False, True)
    place.nothing_was_published()


def test_a_rotation_to_a_token_that_may_not_push_is_saved_and_does_not_read_as_success(place, monkeypatch):
    monkeypatch.chdir(place.folder)
    place.set_secret("reader", "old token")
    code, out, _ = place.rotate("reading token", "--no-check")
    assert code == 1
    assert "Saved and read back." in out
    assert "keep the old one until this is mended" in out
    assert "evoke" not in out.splitlines()[-1]


def test_a_rotation_that_may_create_no_task_is_saved_and_says_how_to_prove_it_later(place, monkeypatch):
    monkeypatch.chdir(place.folder)
    place.set_secret("publisher", "old token")
    by = place.sandbox.client("auth:current-scopes", f"secrets:set:{DOCKERHUB}")
    code, out, err = place.rotate("new token", "--no-check", "--expires", "90d", "--user", "publisher", by=by)
    assert code == 7, out + err
    (line,) = [line for line in err.splitlines() if "not proved" in line]
    assert "you lack" in line
    assert line.endswith("lading doctor --prove")


async def test_on_screen_a_saved_token_is_tried_and_the_end_says_to_revoke_the_old_one(place):
    place.set_secret("publisher", "old token")
    app = console(place, place.folder, "secrets")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await shows(pilot, DOCKERHUB, "never")
        await pilot.press("s")
        await shows(pilot, "as it is now", "publisher")
        assert isinstance(app.screen, SecretForm)
        app.screen.query_one(SecretInput).value = "new token"
        await pilot.pause()
        app.screen.query_one("#continue", Button).press()
        await shows(pilot, "who may push to")
        await pilot.press("enter")
        await shows(pilot, "✓ Proved", "Now revoke the old token", place.registry.host, "✓ push: ")
        assert isinstance(app.screen, ProofScreen)
        assert "new token" not in drawn(app)
        await pilot.press("escape")
        await shows(pilot, DOCKERHUB, "s Rotate")
        assert app.screen.TITLE == "Secrets"
    place.nothing_was_published()
