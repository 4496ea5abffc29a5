"""A secret leaves no trace: one publish with a random token, then every place is searched for it."""

import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from console.sandbox.base_image import cache_folder, debian_archive, import_image
from console.sandbox.debian import Machine
from console.sandbox.docker_registry import docker_registry
from console.sandbox.private_engine import private_engine
from runner.masking import Masked
from tests.support.canary import Canary, ProcessWatch
from tests.support.task import ROOT, checkout, push_event, taskcluster

pytestmark = [pytest.mark.enable_socket, pytest.mark.registry]


@pytest.fixture
def canary():
    return Canary()


@pytest.fixture(scope="module")
def own_engine(docker_engine, debian_base):
    """An engine whose whole data can be searched, with the base image."""
    with (
        tempfile.TemporaryDirectory() as folder,
        private_engine(Path(folder), os.environ, lambda _text: None) as engine,
    ):
        import_image(
            engine, debian_archive(cache_folder(os.environ), Machine.this(), lambda _text: None), debian_base
        )
        yield engine


class Published:
    """A publish of an image by a task, everything around it in folders of its own."""

    def __init__(self, engine, folder, canary, dockerfile, *, declared):
        self.folder, self.canary = folder, canary
        self.home, self.temporary, self.artifacts = folder / "home", folder / "tmp", folder / "artifacts"
        self.home.mkdir()
        self.temporary.mkdir()
        with taskcluster() as cluster, docker_registry("publisher", Masked(canary.token)) as address:
            secret = {"registry": address, "username": "publisher", "password": canary.token}
            cluster.set_secret({"docker": secret})
            toml = f'[image.balrog]\nrepository = "{address}/mozilla/balrog"\n'
            files = {"Dockerfile": dockerfile, "lading.toml": toml, ".dockerignore": ".git\n"}
            self.checkout = checkout(folder / "checkout", files)
            self.task = cluster.task()
            self._run(engine, declared)
            names = [
                artifact["name"]
                for artifact in cluster.call("GET", "queue", f"task/{self.task.task_id}/artifacts")[
                    "artifacts"
                ]
            ]
            path = f"task/{self.task.task_id}/artifacts/"
            self.uploaded = b"".join(
                cluster.client.fetch("queue", path + name.replace("/", "%2F")) for name in names
            )

    def _run(self, engine, declared):
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "DOCKER_HOST": engine.host,
            **self.task.environment,
            **push_event(self.checkout),
        }
        if declared:
            environment["LADING_ARTIFACTS"] = str(self.artifacts)
        command = [sys.executable, "-I", "-m", "runner", "publish", "--checkout", str(self.checkout)]
        with ProcessWatch(self.canary, self.temporary) as self.watch:
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False)
        self.code, self.output = done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("declared", [True, False], ids=["declared directory", "uploads"])
def test_a_publish_leaves_its_token_nowhere(own_engine, debian_base, canary, tmp_path, declared):
    dockerfile = (
        f"FROM {debian_base}\nCOPY . /src\nRUN env; ps aux 2>/dev/null; sleep 1; cat /proc/*/environ\n"
    )
    published = Published(own_engine, tmp_path, canary, dockerfile, declared=declared)
    assert published.code == 0, published.output.decode()
    assert canary.in_bytes(published.output) == []
    assert canary.in_bytes(published.uploaded) == []
    assert published.watch.found == set()
    assert any(b"runner" in content for name, content in published.watch.seen if name == "cmdline")
    assert canary.in_folder(tmp_path) == []
    # The engine's whole data: containers, build cache, the image's layers and config.
    assert canary.in_folder(own_engine.socket.parent) == []


def test_a_build_that_prints_the_token_is_masked_in_all_output(own_engine, debian_base, canary, tmp_path):
    """The Dockerfile has the token, as a careless one could: what it prints must not reach the public log."""
    quoted = "".join(f"\\{byte:03o}" for byte in canary.token.encode())
    dockerfile = (
        f"FROM {debian_base}\n"
        f"RUN printf '{quoted}' > /t && cat /t && echo && base64 -w0 /t\n"
        "RUN printf 'publisher:' | cat - /t | base64 -w0\n"
        f"RUN python3 -c \"import json, urllib.parse; t = open('/t').read().strip(); "
        'print(urllib.parse.quote(t)); print(json.dumps(t))"\n'
        "RUN cat /t; exit 3\n"
    )
    published = Published(own_engine, tmp_path, canary, dockerfile, declared=True)
    assert published.code == 1, published.output.decode()
    assert b"[MASKED]" in published.output
    assert canary.in_bytes(published.output) == []
    assert canary.in_folder(published.artifacts) == []
    assert canary.in_folder(published.temporary) == []


def test_the_search_finds_what_is_there(canary, tmp_path):
    assert canary.in_bytes(canary.token.encode())
    (tmp_path / "left").write_text(f"password={canary.token}")
    assert canary.in_folder(tmp_path) == [str(tmp_path / "left")]
    with ProcessWatch(canary, tmp_path) as watch:
        process = subprocess.Popen(["sleep", "60"], env={"PATH": "/bin:/usr/bin", "TOKEN": canary.token})
        seen = threading.Event()
        for _ in range(500):
            if any(found.startswith("environ") for found in watch.found):
                seen.set()
                break
            seen.wait(0.02)
        process.kill()
        process.wait()
    assert seen.is_set()
