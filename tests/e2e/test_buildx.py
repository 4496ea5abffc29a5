"""BuildKit by buildx on a real engine: what the classic builder cannot, and otherwise the same image."""

import base64
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
from contextlib import contextmanager
from pathlib import Path

import docker
import pytest

from console.sandbox.base_image import cache_folder, debian_archive, import_image
from console.sandbox.debian import Machine
from console.sandbox.docker_registry import docker_registry
from console.sandbox.engine import Engine
from console.sandbox.private_engine import private_engine
from runner.errors import Unavailable
from runner.image.layout import Layout
from runner.masking import Masked
from runner.task.statement import Statement
from tests.support.buildx import docker_config
from tests.support.canary import Canary, ProcessWatch
from tests.support.engine import missing
from tests.support.engines import RELEASES, running_engine
from tests.support.task import ROOT, SECRET, checkout, commit, git, push_event, run_lading, taskcluster

pytestmark = [pytest.mark.enable_socket, pytest.mark.registry]

BASE = "lading-tests/debian:base"
CACHE = (
    f"FROM {BASE}\nRUN --mount=type=cache,target=/cache echo built > /built\nCOPY hello.txt version.json /\n"
)
HEREDOC = f"FROM {BASE}\nRUN <<EOS\necho one > /one\necho two > /two\nEOS\nCOPY version.json /\n"
OWN_VERSION = '{"of": "the checkout"}\n'


def with_base(engine):
    """The engine, with the base image."""
    machine = Machine.this()
    import_image(
        Engine(Path(engine.host.removeprefix("unix://"))),
        debian_archive(cache_folder(os.environ), machine, lambda _text: None),
        BASE,
    )
    return engine


@pytest.fixture(scope="module")
def engine(debian_base):
    """Debian's own, with data that can be searched."""
    with private_engine(Path(tempfile.gettempdir()), os.environ, lambda _text: None) as found:
        yield with_base(found)


@pytest.fixture(scope="module")
def cluster():
    with taskcluster() as found:
        yield found


@pytest.fixture
def canary():
    return Canary()


@pytest.fixture
def registry(canary):
    with docker_registry("publisher", Masked(canary.token)) as address:
        yield address


@pytest.fixture
def place(cluster, registry, canary, engine, tmp_path):
    cluster.set_secret({"docker": {"registry": registry, "username": "publisher", "password": canary.token}})
    toml = f'[image.balrog]\nrepository = "{registry}/mozilla/balrog"\nnetwork = "none"\n'
    files = {
        "Dockerfile": CACHE,
        "hello.txt": "hello\n",
        "version.json": OWN_VERSION,
        "lading.toml": toml,
        ".dockerignore": "**\n!hello.txt\n",
    }
    return Place(cluster, engine.host, checkout(tmp_path / "checkout", files))


class Place:
    """A checkout, and how it is published."""

    def __init__(self, cluster, engine, folder):
        self.cluster, self.engine, self.folder = cluster, engine, folder
        self.config = docker_config(folder.parent / "docker")
        self.artifacts, self.temporary = folder.parent / "artifacts", folder.parent / "tmp"
        self.temporary.mkdir()
        self.scopes = (f"secrets:get:{SECRET}",)

    def environment(self, **changes):
        self.task = self.cluster.task(scopes=self.scopes)
        return {
            **self.task.environment,
            **push_event(self.folder),
            "DOCKER_HOST": self.engine,
            "DOCKER_CONFIG": str(self.config),
            "LADING_ARTIFACTS": str(self.artifacts),
            "TMPDIR": str(self.temporary),
            **changes,
        }

    def run(self, command, *arguments, **changes):
        environment = self.environment(**changes)
        return run_lading(command, "--checkout", self.folder, *arguments, environment=environment)

    def write(self, name, text):
        (self.folder / name).write_text(text)
        commit(self.folder)

    def artifact(self, name):
        return json.loads((self.artifacts / name).read_bytes())

    def verify(self, image, password):
        login = base64.b64encode(f"publisher:{password}".encode()).decode()
        home = self.folder.parent / "home"
        home.mkdir()
        (home / "config.json").write_text(json.dumps({"auths": {image.partition("/")[0]: {"auth": login}}}))
        environment = {"TASKCLUSTER_ROOT_URL": self.cluster.root_url, "DOCKER_CONFIG": str(home)}
        return run_lading("verify", image, "--task", self.task.task_id, environment=environment)

    @contextmanager
    def building(self):
        """A publish that has come to a `RUN` that does not end."""
        self.write("Dockerfile", f"{CACHE}RUN echo here we are; sleep 300\n")
        process = subprocess.Popen(
            [
                sys.executable,
                "-I",
                "-m",
                "runner",
                "publish",
                "--engine",
                "buildx",
                "--checkout",
                str(self.folder),
            ],
            cwd=ROOT,
            env={"PATH": "/usr/bin:/bin", **self.environment()},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        try:
            for line in process.stderr:
                if line.strip() == "| here we are":
                    break
            yield process
        finally:
            process.kill()
            process.wait()
            process.stderr.close()

    def is_as_it_was(self):
        """The checkout has what its commit has, nothing else; nothing is left beside it."""
        assert (self.folder / "version.json").read_text() == OWN_VERSION
        assert git(self.folder, "status", "--porcelain") == ""
        assert list(self.temporary.iterdir()) == []
        return True


def inspected(engine, name, password):
    """What the engine says of an image that it pulls, and what a file in it has."""
    client = docker.APIClient(base_url=engine, version="auto")
    try:
        login = {"username": "publisher", "password": password}
        events = list(client.pull(name, stream=True, decode=True, auth_config=login))
        assert not [event for event in events if "errorDetail" in event], events
        container = client.create_container(name, "true")["Id"]
        chunks, _ = client.get_archive(container, "/version.json")
        content = b"".join(chunks)
        client.remove_container(container)
        return client.inspect_image(name), content
    finally:
        client.close()


def files_of(folder):
    """What an OCI layout's last layer has: names, kinds, whether they run, contents."""
    layout = Layout.read(folder)
    content = b"".join(layout.open(layout.image.layers[-1].digest, 0))
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return {
            (
                member.name,
                member.type,
                member.linkname,
                bool(member.mode & 0o100),
                content_of(tar, member) if "version.json" not in member.name else b"",
            )
            for member in tar
        }


def content_of(tar, member):
    """A file's content; nothing for a folder or a link."""
    file = tar.extractfile(member) if member.isreg() else None
    return file.read() if file is not None else b""


def test_an_image_of_buildx_is_published_and_verified(place, engine, canary):
    done = place.run("publish")
    assert done.returncode == 0, done.stderr
    assert "built by buildx" in done.stderr
    assert "line 2: RUN --mount" in done.stderr
    image, version = inspected(engine.host, done.stdout.strip(), canary.token)
    revision = git(place.folder, "rev-parse", "HEAD")
    assert image["Config"]["Labels"]["org.opencontainers.image.revision"] == revision
    assert f'"commit": "{revision}"'.encode() in version
    assert place.artifact("docker-build-report.json")["builder"].startswith("buildx ")
    assert place.is_as_it_was()
    place.task.upload_folder(place.artifacts)
    place.task.resolve()
    verified = place.verify(done.stdout.strip(), canary.token)
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_plan_says_which_builder_and_why(place):
    done = place.run("plan")
    assert "built by buildx" in done.stdout
    assert "the Dockerfile needs BuildKit (line 2: RUN --mount" in done.stdout


def test_the_classic_builder_is_refused_what_it_cannot_do(place):
    done = place.run("publish", "--engine", "docker")
    assert done.returncode == 2
    assert "line 2: RUN --mount" in done.stderr
    assert "Build the image" not in done.stderr


def test_without_buildx_the_refusal_says_how_to_have_it(place, tmp_path):
    if any(
        Path(folder, "docker/cli-plugins/docker-buildx").exists() for folder in ("/usr/lib", "/usr/libexec")
    ):
        pytest.skip("buildx is installed here")
    done = place.run("publish", DOCKER_CONFIG=str(tmp_path / "none"))
    assert done.returncode == 2
    assert "install docker-buildx" in done.stderr


def test_a_heredoc_is_refused_where_the_engines_buildkit_would_misread_it(place):
    place.write("Dockerfile", HEREDOC)
    done = place.run("publish")
    assert done.returncode == 2
    assert "The BuildKit inside of Docker Engine 20.10" in done.stderr
    assert "# syntax=docker/dockerfile:1" in done.stderr


@pytest.mark.parametrize("release", ["26.1", "28.5-containerd"])
def test_a_heredoc_is_built_by_a_newer_engine(place, canary, release):
    place.write("Dockerfile", HEREDOC)
    try:
        with running_engine(RELEASES[release]) as newer:
            place.engine = with_base(newer).host
            done = place.run("publish", "--network", "host")
            assert done.returncode == 0, done.stderr
            image, _ = inspected(newer.host, done.stdout.strip(), canary.token)
    except Unavailable as error:
        missing(str(error))
    assert len(image["RootFS"]["Layers"]) == 3


def test_both_builders_put_the_same_files_into_an_image(place):
    tree = {"src/a.txt": "a\n", "src/b/c.txt": "c\n", "src/skip.log": "no\n", "src/keep.log": "yes\n"}
    for name, content in tree.items():
        (place.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (place.folder / name).write_text(content)
    (place.folder / "src/run.sh").write_text("#!/bin/sh\n")
    (place.folder / "src/run.sh").chmod(0o755)
    (place.folder / "src/link").symlink_to("b/c.txt")
    place.write(".dockerignore", ".git\n**/*.log\n!src/keep.log\nversion.json\n")
    place.write("Dockerfile", "FROM scratch\nCOPY . /all\n")
    found = {}
    for builder in ("docker", "buildx"):
        output = place.folder.parent / f"layout by {builder}"
        done = place.run("build", "--engine", builder, "--output", output)
        assert done.returncode == 0, done.stderr
        statement = Statement.from_json((place.artifacts / "docker-image.json").read_bytes())
        found[builder] = (files_of(output), statement.context)
    assert found["docker"] == found["buildx"]
    names = {name for name, *_ in found["docker"][0]}
    assert {"all/src/keep.log", "all/src/run.sh", "all/src/link", "all/version.json"} <= names
    assert "all/src/skip.log" not in names


def test_a_step_that_fails_tells_its_output(place):
    place.write("Dockerfile", f"{CACHE}RUN echo before; echo broken >&2; exit 3\n")
    done = place.run("publish")
    assert done.returncode == 1
    message = done.stderr[done.stderr.rindex("lading-runner: ") :]
    assert "RUN echo before" in message
    assert "exit code: 3" in message
    assert "    broken\n" in message
    assert "Traceback" not in done.stderr
    assert place.is_as_it_was()


@pytest.mark.parametrize(
    ("dockerfile", "code", "text"),
    [
        ("FROM scratch\nCOPY timeout.txt /\n", 1, "timeout.txt"),
        ("FROM scratch\nNONSENSE\n", 1, "NONSENSE"),
        ("FROM 127.0.0.1:1/mozilla/base\nCOPY hello.txt /\n", 4, "connection refused"),
    ],
    ids=["a file that is not there", "no Dockerfile", "a registry that is down"],
)
def test_a_build_that_fails_has_its_exit_code(place, dockerfile, code, text):
    place.write("Dockerfile", dockerfile)
    done = place.run("publish", "--engine", "buildx")
    assert done.returncode == code, done.stderr
    assert text in done.stderr[done.stderr.rindex("lading-runner: ") :]


def test_a_private_base_image_is_pulled_and_the_password_is_nowhere(place, engine, registry, canary):
    client = docker.APIClient(base_url=engine.host, version="auto")
    try:
        name = f"{registry}/mozilla/private"
        client.tag(BASE, name, "1")
        login = {"username": "publisher", "password": canary.token}
        pushed = list(client.push(name, "1", stream=True, decode=True, auth_config=login))
        assert not [event for event in pushed if "errorDetail" in event], pushed
        client.remove_image(f"{name}:1")
    finally:
        client.close()
    place.write(
        "Dockerfile",
        f"FROM {name}:1\nRUN --mount=type=cache,target=/c env; sleep 1; cat /proc/*/environ\nCOPY hello.txt /\n",
    )
    with ProcessWatch(canary, place.temporary) as watch:
        done = place.run("publish")
    assert done.returncode == 0, done.stderr
    assert canary.in_bytes((done.stdout + done.stderr).encode()) == []
    assert watch.found == set()
    assert any(b"docker-buildx" in content for kind, content in watch.seen if kind == "cmdline")
    assert canary.in_folder(place.folder.parent) == []
    assert canary.in_folder(engine.socket.parent) == []
    assert place.is_as_it_was()


def test_a_secret_reaches_the_step_that_mounts_it_and_nothing_else(place, engine, cluster, canary):
    token = Canary()
    name = "project/balrog/npm"
    cluster.set_secret({"token": token.token}, name)
    toml = (place.folder / "lading.toml").read_text()
    (place.folder / "lading.toml").write_text(f'{toml}build-secrets = {{npm = "{name}#token"}}\n')
    place.write(
        "Dockerfile",
        f"FROM {BASE}\nRUN --mount=type=secret,id=npm cat /run/secrets/npm && wc -c < /run/secrets/npm > /size\n",
    )
    place.scopes = (f"secrets:get:{SECRET}", f"secrets:get:{name}")
    with ProcessWatch(token, place.temporary) as watch:
        done = place.run("publish")
    assert done.returncode == 0, done.stderr
    assert "| [MASKED]" in done.stderr
    assert watch.found == set()
    assert token.in_bytes((done.stdout + done.stderr).encode()) == []
    assert token.in_folder(place.folder.parent) == []
    assert token.in_folder(engine.socket.parent) == []


def test_a_private_base_image_of_another_registry_gets_no_credentials(place):
    with docker_registry("somebody", Masked("else's password")) as other:
        place.write("Dockerfile", f"FROM {other}/mozilla/private:1\nRUN --mount=type=cache,target=/c true\n")
        done = place.run("publish")
    assert done.returncode == 3, done.stderr
    assert "A base image could not be pulled" in done.stderr


def test_sigterm_puts_back_what_stood_there(place):
    with place.building() as process:
        assert json.loads((place.folder / "version.json").read_text())["source"]
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 143, stderr
    assert "Traceback" not in stderr
    assert place.is_as_it_was()


def test_the_next_start_puts_back_what_a_killed_one_left(place):
    with place.building() as process:
        process.kill()
    assert (place.folder / "version.json").read_text() != OWN_VERSION
    (place.folder / "Dockerfile").write_text(CACHE)
    git(place.folder, "commit", "--quiet", "--message", "shorter", "--", "Dockerfile")
    done = place.run("publish")
    assert done.returncode == 0, done.stderr
    assert "what stood there is put back" in done.stderr
    assert "files were changed" not in done.stderr
    assert (place.folder / "version.json").read_text() == OWN_VERSION


def test_an_engine_that_dies_is_not_available(place, engine):
    with private_engine(Path(tempfile.gettempdir()), os.environ, lambda _text: None) as dying:
        place.engine = with_base(dying).host
        pid = int((dying.socket.parent / "docker.pid").read_text())
        with place.building() as process:
            os.kill(pid, signal.SIGKILL)
            _, stderr = process.communicate(timeout=60)
        assert process.returncode == 4, stderr
    assert "Traceback" not in stderr
    assert place.is_as_it_was()
