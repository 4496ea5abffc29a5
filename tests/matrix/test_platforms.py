"""One image for several platforms, and one with attestations: what is pushed is the index that was built."""

import base64
import io
import json
import subprocess
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import docker
import pytest

from runner.engine_publication import push_by_engine
from runner.engines.docker_engine import DockerEngine
from runner.image.digest import Digest
from runner.image.manifests import ImageConfig
from runner.image.reference import Registry, Repository
from runner.masking import Masker
from runner.narration import Narrator
from runner.pushed_check import check_pushed
from runner.registry.client import RegistryClient
from runner.task.statement import Statement
from tests.support.buildx import buildx_plugin, docker_config
from tests.support.registries import PASSWORD, USER, credentials_for
from tests.support.task import SECRET, checkout, push_event, run_lading

pytestmark = [
    pytest.mark.matrix,
    pytest.mark.enable_socket,
    pytest.mark.engine,
    pytest.mark.registry,
    pytest.mark.xdist_group("engine"),
]

PLATFORMS = ["linux/amd64", "linux/arm64"]
FILES = {
    "Dockerfile": "FROM scratch\nCOPY hello.txt version.json /\n",
    "hello.txt": "hello\n",
    ".dockerignore": ".git\n",
    "lading.toml": f"[image.balrog]\nplatforms = {json.dumps(PLATFORMS)}\n",
}
STORE = "28.5-containerd"


class Place:
    """A checkout that is published from an engine."""

    def __init__(self, surroundings, engine, folder, name):
        engines, cluster, self.registry = surroundings
        self.engine, self.folder, self.image = engines[engine], folder, f"{self.registry}/mozilla/{name}"
        self.task = cluster.task(scopes=[f"secrets:get:{SECRET}"])
        checkout(folder / "checkout", FILES)
        self.config = docker_config(folder / "docker")

    def run(self, command, *arguments, **changes):
        return run_lading(
            command,
            *arguments,
            environment={
                **self.task.environment,
                **push_event(self.folder / "checkout"),
                "DOCKER_HOST": self.engine.host,
                "DOCKER_CONFIG": str(self.config),
                "LADING_ARTIFACTS": str(self.folder / "artifacts"),
                **changes,
            },
        )

    def publish(self, transport):
        checkout_folder = self.folder / "checkout"
        wanted = ("--checkout", checkout_folder, "--repository", self.image, "--transport", transport)
        return self.run("publish", *wanted)

    @property
    def statement(self):
        return Statement.from_json((self.folder / "artifacts/docker-image.json").read_bytes())


@pytest.fixture
def surroundings(engines, cluster, registry):
    return engines, cluster, registry


@pytest.fixture
def client(registry):
    with RegistryClient(Registry.parse(registry), credentials_for(registry)) as found:
        yield found


@pytest.mark.parametrize("transport", ["engine", "direct"])
def test_an_index_of_two_platforms_is_published(surroundings, client, tmp_path, transport):
    place = Place(surroundings, STORE, tmp_path, f"platforms-{transport}")
    ran = place.publish(transport)
    assert ran.returncode == 0, ran.stderr
    statement, repository = place.statement, Repository.parse(place.image)
    index = client.get_manifest(repository, "latest")
    assert index is not None
    assert index.digest == statement.published == statement.index
    assert [str(entry.platform) for entry in index.entries] == PLATFORMS
    assert [stated["platform"] for stated in statement.images] == PLATFORMS
    for entry, stated in zip(index.entries, statement.images, strict=True):
        manifest = client.get_manifest(repository, str(entry.digest))
        config = client.get_blob(repository, manifest.config.digest)
        assert str(manifest.digest) == stated["manifest"]
        assert str(Digest.of(config)) == stated["config"]
        assert [str(digest) for digest in ImageConfig.parse(config).diff_ids] == stated["diffIds"]
        assert [str(layer.digest) for layer in manifest.layers] == stated["layers"]
    assert (str(statement.manifest), str(statement.config)) == tuple(
        statement.images[0][name] for name in ("manifest", "config")
    )
    _every_engine_has_its_platform(surroundings[0], place)
    _is_verified(place)


def _every_engine_has_its_platform(engines, place):
    for name, engine in engines.items():
        with closing(docker.APIClient(base_url=engine.host, version="auto")) as api:
            login = {"username": USER, "password": PASSWORD}
            for stated in place.statement.images:
                reference = f"{place.image}@{stated['manifest']}"
                events = list(api.pull(reference, stream=True, decode=True, auth_config=login))
                assert not [event for event in events if "error" in event], (name, events)
                found = api.inspect_image(reference)
                assert f"{found['Os']}/{found['Architecture']}" == stated["platform"], name
                assert found["Id"] in {stated["config"], stated["manifest"]}


def _is_verified(place):
    place.task.upload_folder(place.folder / "artifacts")
    place.task.resolve()
    login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    folder = place.folder / "reader"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"auths": {place.registry: {"auth": login}}}))
    wanted = (f"{place.image}:latest", "--task", place.task.task_id)
    verified = place.run("verify", *wanted, DOCKER_CONFIG=str(folder))
    assert verified.returncode == 0, verified.stderr


def test_a_classic_store_is_asked_for_no_index(surroundings, tmp_path):
    place = Place(surroundings, "28.5", tmp_path, "platforms-classic")
    ran = place.publish("auto")
    assert ran.returncode == 2, ran.stderr
    assert "store holds one platform of an image" in ran.stderr
    assert "containerd image store" in ran.stderr


def test_an_index_with_an_attestation_is_pushed_as_it_was_built(engines, registry, client, tmp_path):
    engine = engines[STORE]
    repository = Repository.parse(f"{registry}/mozilla/attested")
    checkout(tmp_path / "checkout", FILES | {"version.json": "{}"})
    built = tmp_path / "metadata.json"
    command = [buildx_plugin(), "build", "--builder", "default", "--load", "--provenance=mode=min"]
    command += ["--platform", PLATFORMS[0], "--metadata-file", built, tmp_path / "checkout"]
    narrator = Narrator(io.StringIO(), Masker(), lambda: 0.0)
    environment = {"DOCKER_HOST": engine.host, "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    subprocess.run(command, env=environment, check=True, capture_output=True)
    digest = Digest(json.loads(built.read_bytes())["containerimage.digest"])
    with closing(DockerEngine({"DOCKER_HOST": engine.host})) as docker_engine:
        preparation: Any = SimpleNamespace(
            engine=docker_engine,
            registry=client,
            credentials=credentials_for(registry),
            job=SimpleNamespace(settings=SimpleNamespace(repository=repository), narrator=narrator),
        )
        placing: Any = SimpleNamespace(confirmed=lambda name, _digest: client.get_manifest(repository, name))
        image = docker_engine.image(str(digest))
        pushed = push_by_engine(preparation, placing, image, "v1")
        (found,) = check_pushed(preparation, placing, image, pushed)
    assert pushed.is_index
    assert pushed.digest == digest == image.image_id
    assert [str(entry.platform) for entry in pushed.entries] == [PLATFORMS[0], "unknown/unknown"]
    assert found.manifest.digest == pushed.entries[0].digest
    assert found.config.diff_ids == image.diff_ids
