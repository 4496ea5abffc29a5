"""An image that one engine built is the same in every other: Docker 20.10, 26.1, 28.5, and the containerd store."""

import json
import os
import subprocess
import tarfile
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import docker
import pytest

from console.sandbox.debian import find
from runner.image.digest import Digest
from runner.image.manifests import ImageConfig, Manifest
from runner.image.reference import Registry, Repository
from runner.registry.client import RegistryClient
from runner.task.statement import Statement
from tests.support.engine import missing
from tests.support.engines import RELEASES, RunningEngine
from tests.support.registries import PASSWORD, credentials_for
from tests.support.task import SECRET, checkout, push_event, run_lading

pytestmark = [
    pytest.mark.matrix,
    pytest.mark.enable_socket,
    pytest.mark.engine,
    pytest.mark.registry,
    pytest.mark.xdist_group("engine"),
]

# The first layer is the same in each image, in up to four compressions.
DOCKERFILE = """\
FROM scratch
COPY init /init
COPY hello.txt version.json /
ENV GREETING=hello
CMD ["/init", "--version"]
"""
WAYS = [(name, transport) for name in RELEASES for transport in ("engine", "direct")]


@contextmanager
def api(engine):
    """The engine's API."""
    client = docker.APIClient(base_url=engine.host, version="auto")
    try:
        yield client
    finally:
        client.close()


@dataclass
class Published:
    """An image that was published from an engine.

    Args:
        engine: which.
        image: its repository.
        statement: what lading says of it.
        pushed: the manifest that the registry has.
        config: the configuration that the registry has.
    """

    engine: RunningEngine
    image: str
    statement: Statement
    pushed: Manifest
    config: bytes

    @property
    def by_digest(self):
        return f"{self.image}@{self.statement.published}"


@pytest.fixture(scope="session")
def publishing(cluster, registry, tmp_path_factory):
    """Runs publish on an engine, by a transport, with a Dockerfile; gives the process and the artifacts."""
    init = find("docker-init")
    if init is None:
        missing("docker-init, a static program for an image of nothing else, comes with docker.io.")

    def run(engine, transport, dockerfile):
        folder = tmp_path_factory.mktemp(f"{engine.release.name}-{transport}")
        files = {"Dockerfile": dockerfile, "hello.txt": f"{folder.name}\n", ".dockerignore": ".git\n"}
        checkout(folder / "checkout", files)
        (folder / "checkout/init").write_bytes(Path(init).read_bytes())
        (folder / "checkout/init").chmod(0o755)
        image = f"{registry}/mozilla/{folder.name}"
        task = cluster.task(scopes=[f"secrets:get:{SECRET}"])
        ran = run_lading(
            *("publish", "--checkout", folder / "checkout", "--repository", image, "--transport", transport),
            environment={
                **task.environment,
                **push_event(folder / "checkout"),
                "DOCKER_HOST": engine.host,
                "LADING_ARTIFACTS": str(folder / "artifacts"),
            },
        )
        return ran, folder / "artifacts"

    return run


@pytest.fixture(scope="session")
def published(engines, registry, publishing):
    """Publishes from an engine by a transport, once a session each."""
    done = {}

    def publish(name, transport):
        if (name, transport) not in done:
            done[name, transport] = publish_from(engines[name], transport)
        return done[name, transport]

    def publish_from(engine, transport):
        ran, artifacts = publishing(engine, transport, DOCKERFILE)
        assert ran.returncode == 0, ran.stderr
        statement = Statement.from_json((artifacts / "docker-image.json").read_bytes())
        image = statement.repository
        with RegistryClient(Registry.parse(registry), credentials_for(registry, PASSWORD)) as client:
            repository = Repository.parse(image)
            pushed = client.get_manifest(repository, "latest")
            assert pushed is not None
            config = client.get_blob(repository, pushed.config.digest)
        return Published(engine, image, statement, pushed, config)

    return publish


def saved_configs(engine, image):
    """The configuration of each image in the archive that an engine gives away, as `docker save` has it."""
    with api(engine) as client:
        archive = b"".join(client.get_image(image))
    with tarfile.open(fileobj=BytesIO(archive)) as tar:
        return [read(tar, entry["Config"]) for entry in json.loads(read(tar, "manifest.json"))]


def read(tar, name):
    file = tar.extractfile(name)
    assert file is not None
    return file.read()


def pull(client, reference):
    login = {"username": "publisher", "password": PASSWORD}
    events = list(client.pull(reference, stream=True, decode=True, auth_config=login))
    assert not [event for event in events if "error" in event], events


def output_of(engine, reference):
    """What a container of the image prints; by the engine's own client, which is attached before it starts."""
    done = subprocess.run(
        [engine.docker, "--host", engine.host, "run", "--rm", "--network", "none", reference],
        env={"PATH": os.defpath, "HOME": str(engine.folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(("name", "transport"), WAYS)
def test_the_registry_has_what_the_statement_says(published, name, transport):
    found = published(name, transport)
    assert found.pushed.digest == found.statement.published
    assert found.pushed.config.digest == found.statement.config == Digest.of(found.config)
    assert ImageConfig.parse(found.config).diff_ids == found.statement.diff_ids


@pytest.mark.parametrize(("name", "transport"), WAYS)
def test_the_engine_saves_the_image_that_was_pushed(published, name, transport):
    found = published(name, transport)
    with api(found.engine) as client:
        pull(client, found.by_digest)
    assert saved_configs(found.engine, found.by_digest) == [found.config]


@pytest.mark.parametrize("other", RELEASES)
@pytest.mark.parametrize(("name", "transport"), WAYS)
def test_another_engine_pulls_and_runs_the_same_image(published, engines, name, transport, other):
    found = published(name, transport)
    with api(engines[other]) as client:
        pull(client, found.by_digest)
        image = client.inspect_image(found.by_digest)
        store = engines[other].release.containerd_store
        assert image["Id"] == str(found.statement.published if store else found.statement.config)
        # containerd does not fetch a layer whose content it has from another image; where that one is compressed
        # otherwise, inspect then says nothing of what is inside (28.5). The id commits to it.
        if not store or "Layers" in image["RootFS"]:
            assert image["RootFS"]["Layers"] == [str(diff_id) for diff_id in found.statement.diff_ids]
            assert image["Config"]["Env"][-1] == "GREETING=hello"
    assert output_of(engines[other], found.by_digest).startswith("tini version")


@pytest.mark.parametrize("transport", ["engine", "direct"])
def test_a_base_image_whose_blobs_an_engine_does_not_hold_is_told_of(
    published, publishing, engines, transport
):
    """It has their content by another image, in another compression."""
    base, store = published("20.10", "direct"), engines["28.5-containerd"]
    with api(store) as client:
        for each in (published("20.10", "engine"), base):
            pull(client, each.by_digest)
    dockerfile = f"FROM {base.by_digest}\nCOPY version.json hello.txt /more/\n"
    ran, artifacts = publishing(store, transport, dockerfile)
    assert ran.returncode == 4, ran.stderr
    assert "does not hold every layer" in ran.stderr
    assert "docker image rm" in ran.stderr
    assert [path.name for path in artifacts.iterdir()] == ["docker-build-report.json"]
