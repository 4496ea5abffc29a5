"""A build that is cancelled ends in the engine too, and no tag moves."""

import os
from pathlib import Path

import pytest

from console.sandbox.registry.authentication import Account, BasicAuth
from tests.support.builds import builds_with_worker, until
from tests.support.registries import embedded_registry
from tests.support.task import SECRET, checkout, push_event

pytestmark = pytest.mark.enable_socket

# Found again among this machine's processes, and not those of another run of this test.
SLEEP = f"86399.{os.getpid()}"
DOCKERFILE = f"FROM lading-tests/debian:base\nRUN echo begun && sleep {SLEEP}\n"
PASSWORD = "a-password-worth-stealing"


def sleeps():
    """The processes of the build's step, by whatever engine."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[:2] == [b"sleep", SLEEP.encode()]:
            found.append(path.parent.name)
    return found


@pytest.mark.usefixtures("debian_base")
def test_cancel_ends_the_engines_build_and_no_tag_moves(docker_engine, tmp_path):
    with (
        embedded_registry(auth=BasicAuth([Account("balrog", PASSWORD)])) as registry,
        builds_with_worker(tmp_path) as builds,
    ):
        docker = {"registry": registry.host, "username": "balrog", "password": PASSWORD}
        secret = {"secret": {"docker": docker}, "expires": "2999-01-01T00:00:00.000Z"}
        builds.call("PUT", "secrets", "secret", SECRET, payload=secret)
        toml = f'[image.balrog]\nrepository = "{registry.host}/mozilla/balrog"\n'
        folder = checkout(tmp_path / "checkout", {"Dockerfile": DOCKERFILE, "lading.toml": toml})
        task_id = builds.create(
            f"exec lading-runner publish --checkout {folder}",
            scopes=[f"secrets:get:{SECRET}"],
            payload={
                "env": {**push_event(folder), "DOCKER_HOST": docker_engine.host},
                "features": {"taskclusterProxy": True},
            },
        )
        until(sleeps, "the engine builds")
        code, out, _ = builds.lading("build", "cancel", task_id, "--yes")
        assert (code, out) == (0, f"{task_id} is exception (canceled)\n")
        until(lambda: not sleeps(), "the engine's build ends")
        assert builds.lading("build", "watch", task_id, "--exit-status")[0] == 1
        # It had been proved that it could be pushed to.
        assert any((request.method, request.kind) == ("POST", "upload") for request in registry.seen)
        written = [r for r in registry.seen if r.method == "PUT" and r.kind == "manifest"]
        assert written == []
