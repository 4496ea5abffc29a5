"""A rotation, proved: a real task tells the old token, the new one, a wrong one, and one that may not push, apart."""

import json
import sys
from pathlib import Path

import pytest

from console.sandbox.registry.authentication import Account, TokenAuth
from console.sandbox.sample import TASKCLUSTER_YML
from console.sandbox.seed import DOCKERHUB, TASK_QUEUE
from console.sandbox.task_run import WorkerSettings
from console.sandbox.worker import Worker
from tests.support.hosted_sandbox import hosted_sandbox
from tests.support.registries import embedded_registry
from tests.support.task import SLUG, checkout

pytestmark = [pytest.mark.enable_socket, pytest.mark.engine]

ACCOUNTS = [
    Account("publisher", "old token"),
    Account("publisher", "new token"),
    Account("reader", "reading token", {"*": ["pull"]}),
]


class Place:
    """A sandbox with a worker, a registry, and Balrog's checkout."""

    def __init__(self, sandbox, registry, folder):
        self.sandbox, self.registry, self.folder = sandbox, registry, folder

    def set_secret(self, username, password):
        secret = {"docker": {"registry": self.registry.host, "username": username, "password": password}}
        body = {"secret": secret, "expires": "3000-01-01T00:00:00Z"}
        self.sandbox.call("PUT", "secrets", "secret", DOCKERHUB, payload=body)

    def prove(self, *words, **changes):
        arguments = ["doctor", "--prove", "--repo", str(self.folder), "--branch", "master", *words]
        code, out, err = self.sandbox.lading(*arguments, **changes)
        return code, out, err


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
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.{made.as_uri()}.insteadOf",
            "GIT_CONFIG_VALUE_0": f"https://github.com/{SLUG}.git",
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
    assert place.registry.storage.open_uploads == 0
    kinds = {(asked.method, asked.kind) for asked in place.registry.seen if asked.status < 300}
    assert ("PUT", "manifest") not in kinds
    repository = place.registry.storage.repositories.get(SLUG)
    assert repository is None or not repository.tags


def test_nothing_is_created_unless_somebody_agrees_and_holds_the_scopes(place):
    code, _out, err = place.prove(stdin="")
    assert (code, "nobody can be asked" in err) == (2, True), err
    code, _out, err = place.prove("--read-only", "--yes")
    assert (code, "no task is created" in err) == (3, True), err
    code, _out, err = place.prove("--yes", by=place.sandbox.client("auth:current-scopes"))
    assert (code, f"you lack secrets:get:{DOCKERHUB}" in err) == (3, True), err
