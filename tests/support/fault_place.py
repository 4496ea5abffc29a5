"""A publish that something is done to, what must hold after it, and the rerun that completes it."""

import json
import os
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from unittest import mock

from console.sandbox.engine import Engine
from console.sandbox.registry.authentication import Account, TokenAuth
from console.sandbox.registry.server import EmbeddedRegistry
from runner.cli import main
from runner.image.digest import Digest
from runner.image.manifests import ImageConfig, Manifest
from runner.task.image_metadata import REVISION_LABEL
from runner.task.statement import Statement
from runner.task.taskcluster_http import quoted
from tests.support.canary import Canary
from tests.support.registries import embedded_registry
from tests.support.task import ROOT, SECRET, RootTaskcluster, push_event

NAME = "mozilla/balrog"
NAMESPACE = "project.balrog.images"
SCOPES = (f"secrets:get:{SECRET}", f"index:insert-task:{NAMESPACE}.sha256.*")
TAGS = ("master-2026-11-24-10-20", "latest")
DOCKERFILE = "FROM scratch\nCOPY noise /\nCOPY version.json /\n"
PROGRAM = Path(__file__).with_name("fault_pause.py")


def registry_for(canary, scheme="http", **settings):
    """A registry that knows one publisher by the canary, and lets everybody pull."""
    accounts = [Account("publisher", canary.token)]
    auth = TokenAuth(accounts, anonymous={"*": {"pull"}}, realm=f"{scheme}://{{host}}/token")
    return embedded_registry(auth=auth, **settings)


@dataclass
class Struck:
    """What a publish ended with."""

    code: int
    stdout: str
    stderr: str

    @property
    def message(self):
        """The last sentence that is told, or "" after a success."""
        start = self.stderr.rfind("lading-runner: ")
        return self.stderr[start:] if start >= 0 else ""


@dataclass
class FaultPlace:
    """One image, its registry, the folders around its task.

    Args:
        cluster: a Taskcluster.
        engine: a Docker Engine.
        registry: an embedded registry.
        folder: the checkout.
        around: a folder for HOME, TMPDIR and artifacts.
        canary: the password.
    """

    cluster: RootTaskcluster
    engine: Engine
    registry: EmbeddedRegistry
    folder: Path
    around: Path
    canary: Canary
    address: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    tags_before: dict[str, Digest] = field(default_factory=dict)

    def __post_init__(self):
        for folder in (self.home, self.temporary, self.artifacts):
            folder.mkdir()
        self.point_at(self.registry.host)

    @property
    def home(self):
        return self.around / "home"

    @property
    def temporary(self):
        return self.around / "tmp"

    @property
    def artifacts(self):
        return self.around / "artifacts"

    def point_at(self, address):
        """Let the image be pushed to this address, and have a secret for it."""
        self.address = address
        secret = {"registry": address, "username": "publisher", "password": self.canary.token}
        self.cluster.set_secret({"docker": secret})

    def _given(self, task, changes):
        given = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "DOCKER_HOST": self.engine.host,
            "LADING_ARTIFACTS": str(self.artifacts),
            **task.environment,
            **push_event(self.folder),
            **self.environment,
            **changes,
        }
        return {name: value for name, value in given.items() if value is not None}

    def publish(self, task, transport, *arguments, at="", do=None, clock=0, **changes):
        """Publish; at the beginning of the step `at` the process is stopped and `do(pid)` is done.

        Args:
            task: in which.
            transport: the setting.
            arguments: further ones.
            at: a step's first words.
            do: what is done then.
            clock: seconds by which the runner's clock is wrong.
            changes: of the environment; None takes a variable away.
        """
        image = f"{self.address}/{NAME}"
        command = [sys.executable, "-I", str(PROGRAM), at, str(clock), "publish", "--checkout", self.folder]
        command += ["--repository", image, "--transport", transport, "--index", NAMESPACE]
        # Then the engine has every step of the build in its cache.
        command += ["--reproducible", *arguments]
        process = subprocess.Popen(
            list(map(str, command)),
            cwd=ROOT,
            env=self._given(task, changes),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            if at:
                how = os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
                assert how is not None
                assert how.si_code == os.CLD_STOPPED, f"no step {at!r}: {process.communicate()[1]}"
                do(process.pid)
                process.send_signal(signal.SIGCONT)
            stdout, stderr = process.communicate(timeout=100)
        finally:
            process.kill()
            process.wait()
        return Struck(process.returncode, stdout, stderr)

    def check(self, struck):
        """What must hold, whatever happened.

        No tag is at something else than what a build of this commit gave, or than before; what the artifacts
        say is in the registry; the password is nowhere; nobody sees a traceback.
        """
        self._check_tags()
        self._check_artifacts()
        output = struck.stdout + struck.stderr
        assert "Traceback" not in output, output
        assert "internal error" not in output, output
        assert self.canary.in_bytes(output.encode()) == []
        assert self.canary.in_folder(self.around) == []

    def _check_tags(self):
        stored = self.registry.storage.repositories.get(NAME)
        revision = push_event(self.folder)["LADING_REVISION"]
        for tag, digest in (stored.tags if stored else {}).items():
            if self.tags_before.get(tag) != digest:
                assert self._config(digest).labels[REVISION_LABEL] == revision, tag

    def _config(self, digest):
        """The config of a manifest that the registry holds with all that it names, byte for byte."""
        storage = self.registry.storage
        manifest = Manifest(storage.repositories[NAME].manifests[digest], self._blob(digest)).check()
        for blob in (*manifest.layers, manifest.config):
            assert storage.holds(NAME, blob.digest), f"{blob.digest} is not there"
            self._blob(blob.digest)
        return ImageConfig.parse(self._blob(manifest.config.digest))

    def _blob(self, digest):
        content = self.registry.storage.blob_path(digest).read_bytes()
        assert Digest.of(content) == digest
        return content

    def _check_artifacts(self):
        line, statement = (
            self.artifacts / "docker-image-shasum256.txt",
            self.artifacts / "docker-image.json",
        )
        if line.exists():
            self._config(Digest(line.read_text().strip()))
        if statement.exists():
            found = Statement.from_json(statement.read_bytes())
            self._config(found.published)

    def settle(self, struck, task, transport, code, *texts, **changes):
        """The publish ended so, what must hold holds, and the task's next run completes what is missing.

        Args:
            struck: what the publish ended with.
            task: in which it ran.
            transport: the setting.
            code: the exit code that it must have.
            texts: what its message must say; after a success, what it told on the way.
            changes: of the rerun's environment.
        """
        assert struck.code == code, struck.stderr
        for text in texts:
            assert text in (struck.message or struck.stderr), struck.stderr
        self.check(struck)
        if code == 0:
            self._complete(task, **changes)
            return
        if self.artifacts.exists():
            task.upload_folder(self.artifacts)
            for path in self.artifacts.iterdir():
                path.unlink()
        state = self.cluster.call("GET", "queue", f"task/{task.task_id}/status")["status"]["state"]
        if state == "running":
            task.resolve("failed")
        again = task.rerun()
        done = self.publish(again, transport, **changes)
        assert done.code == 0, done.stderr
        self.check(done)
        self._complete(again, **changes)

    def _complete(self, task, **changes):
        """Every tag is at what the statement names, which `verify --task` finds to be this task's."""
        task.upload_folder(self.artifacts)
        task.resolve()
        published = Statement.from_json(self._artifact(task, "docker-image.json")).published
        stored = self.registry.storage.repositories[NAME]
        assert {stored.tags[tag] for tag in TAGS} == {published}
        report = json.loads(self._artifact(task, "docker-build-report.json"))
        assert report["outcome"] == {"exitCode": 0}
        self.verify(task, **changes)

    def _artifact(self, task, name):
        path = f"task/{task.task_id}/runs/{task.run_id}/artifacts/{quoted(f'public/{name}')}"
        return self.cluster.client.fetch("queue", path)

    def verify(self, task, **changes):
        """`verify --task` must be green for what the tags are at."""
        reference = f"{self.address}/{NAME}:{TAGS[-1]}"
        changed = {**self.environment, **changes, "TASKCLUSTER_ROOT_URL": self.cluster.root_url}
        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        output = StringIO()
        with mock.patch.dict(os.environ, changed), redirect_stdout(output), redirect_stderr(output):
            code = main(["verify", reference, "--task", task.task_id])
        for number, handler in before.items():
            signal.signal(number, handler)
        assert code == 0, output.getvalue()
