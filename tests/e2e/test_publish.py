"""The main job on real parts: a real engine, a real registry, and a task as Taskcluster gives it."""

import base64
import gzip
import io
import json
import os
import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from console.sandbox.docker_registry import docker_registry
from console.sandbox.private_engine import private_engine
from runner.image.digest import Digest
from runner.image.manifests import Descriptor, Manifest
from runner.image.reference import Registry, Repository
from runner.masking import Masked
from runner.registry.client import RegistryClient
from runner.task.statement import Statement
from tests.support.registries import credentials_for
from tests.support.task import (
    SECRET,
    SLUG,
    RootTaskcluster,
    checkout,
    commit,
    git,
    push_event,
    run_lading,
    taskcluster,
)

pytestmark = [pytest.mark.enable_socket, pytest.mark.registry]

PASSWORD = "correct horse/battery+staple"
DOCKERFILE = "FROM scratch\nCOPY hello.txt version.json /\n"
DATE_TAG = "master-2026-11-24-10-20"


@pytest.fixture(scope="module")
def cluster():
    with taskcluster() as found:
        yield found


@pytest.fixture(scope="module")
def registry():
    with docker_registry("publisher", Masked(PASSWORD)) as address:
        yield address


@dataclass
class Place:
    """One image's checkout, its repository, and a task for it."""

    cluster: RootTaskcluster
    engine: str
    address: str
    folder: Path
    name: str

    @property
    def image(self):
        return f"{self.address}/{self.name}"

    @property
    def client(self):
        return RegistryClient(Registry.parse(self.address), credentials_for(self.address, PASSWORD))

    @property
    def repository(self):
        return Repository.parse(self.image)

    def publish(self, task, *arguments, artifacts="artifacts", command="publish", python=(), **environment):
        folder = self.folder.parent / artifacts
        return run_lading(
            command,
            "--checkout",
            self.folder,
            *arguments,
            environment={
                **task.environment,
                **push_event(self.folder),
                "DOCKER_HOST": self.engine,
                "LADING_ARTIFACTS": str(folder),
                **environment,
            },
            python=python,
        )

    def artifact(self, name, artifacts="artifacts"):
        return (self.folder.parent / artifacts / name).read_bytes()

    def report(self, artifacts="artifacts"):
        return json.loads(self.artifact("docker-build-report.json", artifacts))

    def statement(self, artifacts="artifacts"):
        return Statement.from_json(self.artifact("docker-image.json", artifacts))

    def verify(self, *arguments, program="runner", image=None):
        home = self.folder.parent / "home"
        config = home / ".docker" / "config.json"
        config.parent.mkdir(parents=True, exist_ok=True)
        login = base64.b64encode(f"publisher:{PASSWORD}".encode()).decode()
        config.write_text(json.dumps({"auths": {self.address: {"auth": login}}}))
        environment = {"TASKCLUSTER_ROOT_URL": self.cluster.root_url, "HOME": str(home)}
        return run_lading(
            "verify", image or f"{self.image}:latest", *arguments, environment=environment, program=program
        )


@pytest.fixture
def place(cluster, registry, docker_engine, tmp_path, request):
    name = f"mozilla/{Digest.of(request.node.name.encode()).short}"
    toml = f'[image.balrog]\nrepository = "{registry}/{name}"\nindex = "project.balrog.images"\n'
    files = {"Dockerfile": DOCKERFILE, "hello.txt": "hello\n", "lading.toml": toml, ".dockerignore": ".git\n"}
    folder = checkout(tmp_path / "checkout", files)
    cluster.set_secret({"docker": {"registry": registry, "username": "publisher", "password": PASSWORD}})
    return Place(cluster, docker_engine.host, registry, folder, name)


def image_task(cluster):
    return cluster.task(scopes=[f"secrets:get:{SECRET}", "index:insert-task:project.balrog.images.sha256.*"])


@pytest.fixture
def task(cluster):
    return image_task(cluster)


def engine_image(engine, name):
    """What the engine's API says of an image, pulled by digest before."""
    import docker

    client = docker.APIClient(base_url=engine, version="auto")
    try:
        login = {"username": "publisher", "password": PASSWORD}
        events = list(client.pull(name, stream=True, decode=True, auth_config=login))
        assert not [event for event in events if "errorDetail" in event], events
        return client.inspect_image(name)
    finally:
        client.close()


def test_publishes_an_image_that_its_digest_line_pulls(place, task):
    done = place.publish(task)
    assert done.returncode == 0, done.stderr
    digest = place.artifact("docker-image-shasum256.txt").decode().strip()
    assert done.stdout == f"{place.image}@{digest}\n"
    found = engine_image(place.engine, f"{place.image}@{digest}")
    statement = place.statement()
    assert found["Id"] == str(statement.config)
    assert found["RootFS"]["Layers"] == [str(layer) for layer in statement.diff_ids]
    assert statement.tags == {DATE_TAG: "pushed", "latest": "pushed"}
    with place.client as client:
        for tag in (DATE_TAG, "latest"):
            assert str(client.get_manifest(place.repository, tag).digest) == digest


def test_the_image_says_what_it_is_of(place, task):
    assert place.publish(task).returncode == 0
    labels = engine_image(place.engine, f"{place.image}:latest")["Config"]["Labels"]
    revision = git(place.folder, "rev-parse", "HEAD")
    assert labels["org.opencontainers.image.revision"] == revision
    assert labels["org.opencontainers.image.source"] == f"https://github.com/{SLUG}"
    assert labels["org.opencontainers.image.created"] == "2026-11-24T10:20:30Z"
    assert task.task_id in labels["lading.build"]


def test_the_report_tells_the_steps_and_their_times(place, task):
    assert place.publish(task).returncode == 0
    report = place.report()
    assert report["outcome"] == {"exitCode": 0}
    assert [step["outcome"] for step in report["steps"]] == ["ok"] * len(report["steps"])
    assert all(step["seconds"] >= 0 for step in report["steps"])
    assert report["engine"]["store"] == "classic"


def test_verify_is_green_by_task_and_by_index_and_source_in_both_programs(place, task):
    assert place.publish(task).returncode == 0
    task.upload_folder(place.folder.parent / "artifacts")
    task.resolve()
    for arguments in (
        ["--task", task.task_id],
        ["--index", "project.balrog.images", "--source", SLUG],
        [
            "--task",
            task.task_id,
            "--source",
            f"https://github.com/{SLUG}",
            "--ref",
            "master",
            "--pool",
            "proj-balrog/ci",
        ],
    ):
        for program in ("runner", "console"):
            done = place.verify(*arguments, program=program)
            assert done.returncode == 0, done.stdout + done.stderr
            assert done.stdout.splitlines()[-1].startswith("Verified: sha256:")


def test_what_nobody_asked_to_attribute_is_not_verified(place, task):
    assert place.publish(task).returncode == 0
    task.upload_folder(place.folder.parent / "artifacts")
    task.resolve()
    done = place.verify()
    assert done.returncode == 7
    assert "Unattributed" in done.stdout


def test_another_repositorys_task_that_claims_this_one_is_not_this_ones(place, cluster):
    claiming = {"env": {"LADING_REPOSITORY": f"https://github.com/{SLUG}"}}
    source = f"https://github.com/{SLUG}/blob/master"
    other = "secrets:get:repo:github.com/mallory/balrog:dockerhub"
    cluster.set_secret(
        {"docker": {"registry": place.address, "username": "publisher", "password": PASSWORD}},
        other.removeprefix("secrets:get:"),
    )
    task = cluster.task(
        scopes=[other, "index:insert-task:project.balrog.images.sha256.*"],
        payload=claiming,
        metadata={"name": "image", "description": SLUG, "owner": "a@example.com", "source": source},
    )
    done = place.publish(task, "--secret", other.removeprefix("secrets:get:"))
    assert done.returncode == 0, done.stderr
    task.upload_folder(place.folder.parent / "artifacts")
    task.resolve()
    done = place.verify("--task", task.task_id, "--source", SLUG)
    assert done.returncode == 6, done.stdout
    assert f"no scope of task {task.task_id} makes it a task of github.com/{SLUG}" in done.stdout


def put_other_layer(place, client, manifest, packed):
    """Put under `latest` the same manifest with other bytes for its first layer."""
    descriptor = Descriptor(manifest.layers[0].media_type, Digest.of(packed), len(packed))
    client.upload_blob(place.repository, descriptor, lambda offset: iter([packed[offset:]]))
    document = json.loads(manifest.content)
    document["layers"][0] |= {"digest": str(descriptor.digest), "size": descriptor.size}
    client.put_manifest(
        place.repository, "latest", Manifest(manifest.media_type, json.dumps(document).encode())
    )


def test_an_image_recompressed_elsewhere_is_a_weaker_verdict(place, task):
    assert place.publish(task).returncode == 0
    task.upload_folder(place.folder.parent / "artifacts")
    task.resolve()
    with place.client as client:
        manifest = client.get_manifest(place.repository, "latest")
        layer = manifest.layers[0]
        content = gzip.decompress(b"".join(client.open_blob(place.repository, layer.digest, layer.size)))
        packed = gzip.compress(content, 1, mtime=1)
        put_other_layer(place, client, manifest, packed)
    done = place.verify("--task", task.task_id)
    assert done.returncode == 0, done.stdout
    assert "Verified by content only" in done.stdout


def test_a_config_paired_with_other_layers_is_caught(place, task):
    assert place.publish(task).returncode == 0
    task.upload_folder(place.folder.parent / "artifacts")
    task.resolve()
    with place.client as client:
        manifest = client.get_manifest(place.repository, "latest")
        packed = gzip.compress(b"something else" * 100)
        put_other_layer(place, client, manifest, packed)
    done = place.verify("--task", task.task_id)
    assert done.returncode == 6, done.stdout
    assert "the content of layer 1 differs" in done.stdout


@pytest.mark.parametrize("at", ["time", "commit", "brace"])
def test_any_changed_byte_of_the_statement_is_caught(place, task, at):
    assert place.publish(task).returncode == 0
    folder = place.folder.parent / "artifacts"
    path = folder / "docker-image.json"
    text = path.read_text()
    position = {"time": text.index("startedOn") + 13, "commit": text.index("revision") + 13, "brace": 0}[at]
    path.write_text(text[:position] + ("7" if text[position] != "7" else "8") + text[position + 1 :])
    task.upload_folder(folder)
    task.resolve()
    assert place.verify("--task", task.task_id).returncode == 6
    assert place.verify("--index", "project.balrog.images", "--source", SLUG).returncode == 6


def test_another_image_under_the_tag_is_caught(place, task, cluster):
    assert place.publish(task).returncode == 0
    task.upload_folder(place.folder.parent / "artifacts")
    task.resolve()
    (place.folder / "hello.txt").write_text("hostile\n")
    commit(place.folder)
    assert place.publish(image_task(cluster), "--tag", "other", artifacts="other").returncode == 0
    with place.client as client:
        client.put_manifest(place.repository, "latest", client.get_manifest(place.repository, "other"))
    done = place.verify("--task", task.task_id)
    assert done.returncode == 6
    assert f"the config differs: {place.statement('other').config}" in done.stdout


def test_a_changed_byte_of_the_statement_is_caught(place, task):
    assert place.publish(task).returncode == 0
    folder = place.folder.parent / "artifacts"
    digest = place.artifact("docker-image-shasum256.txt").decode().strip()
    changed = "sha256:" + ("0" if digest[7] != "0" else "1") + digest[8:]
    path = folder / "docker-image.json"
    path.write_text(path.read_text().replace(digest, changed).replace(digest[7:], changed[7:]))
    task.upload_folder(folder)
    task.resolve()
    done = place.verify("--task", task.task_id)
    assert done.returncode == 6, done.stdout
    assert f"the registry serves {digest}, and the statement says {changed}" in done.stdout


def test_another_source_is_not_verified(place, task):
    assert place.publish(task).returncode == 0
    task.upload_folder(place.folder.parent / "artifacts")
    task.resolve()
    done = place.verify("--task", task.task_id, "--source", "mozilla/other")
    assert done.returncode == 6
    assert "makes it a task of github.com/mozilla/other" in done.stdout


def test_two_builds_of_a_commit_have_one_context_hash(place, cluster, tmp_path):
    assert place.publish(image_task(cluster), "--tag", "one", artifacts="one").returncode == 0
    clone = tmp_path / "again" / "checkout"
    shutil.copytree(place.folder, clone)
    again = Place(place.cluster, place.engine, place.address, clone, place.name)
    assert again.publish(image_task(cluster), "--tag", "two", artifacts="two").returncode == 0
    assert place.statement("one").context == again.statement("two").context


def test_a_rerun_needs_no_engine_builds_nothing_and_says_the_same(place, task, tmp_path):
    assert place.publish(task).returncode == 0
    task.upload_folder(place.folder.parent / "artifacts")
    before = place.statement()
    task.resolve()
    rerun = task.rerun()
    place.engine = f"unix://{tmp_path}/none.sock"
    done = place.publish(rerun, artifacts="rerun", python=["-X", "importtime"])
    assert done.returncode == 0, done.stderr
    assert "nothing is built" in done.stderr
    assert "Build the image" not in done.stderr
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "urllib3" in loaded
    assert not loaded & {
        "docker",
        "requests",
        "runner.engines.docker_engine",
        "runner.verification",
        "dataclasses",
    }
    after = place.statement("rerun")
    assert (after.published, after.config, after.diff_ids) == (
        before.published,
        before.config,
        before.diff_ids,
    )
    assert after.tags == {DATE_TAG: "already there", "latest": "already there"}
    assert (after.run_id, after.reused) == (1, {"taskId": task.task_id, "runId": 0})


def test_a_date_that_another_commit_holds_gets_the_commit_added(place, task, cluster):
    assert place.publish(task).returncode == 0
    (place.folder / "hello.txt").write_text("second\n")
    revision = commit(place.folder)
    done = place.publish(image_task(cluster), artifacts="second")
    assert done.returncode == 0, done.stderr
    assert place.statement("second").tags == {f"{DATE_TAG}-{revision[:12]}": "pushed", "latest": "moved"}


def test_latest_does_not_go_back_in_history(place, task, cluster):
    first = git(place.folder, "rev-parse", "HEAD")
    (place.folder / "hello.txt").write_text("second\n")
    commit(place.folder)
    assert place.publish(task).returncode == 0
    git(place.folder, "checkout", "--quiet", first)
    done = place.publish(image_task(cluster), "--tag", "latest", artifacts="old")
    assert done.returncode == 6
    assert "which has this commit in its history" in done.stderr


def test_a_version_belongs_to_one_commit(place, task, cluster):
    release = {"LADING_EVENT": "release", "LADING_TAG": "v3.120"}
    assert place.publish(task, **release).returncode == 0
    assert place.statement().tags == {"v3.120": "pushed"}
    (place.folder / "hello.txt").write_text("second\n")
    commit(place.folder)
    done = place.publish(image_task(cluster), artifacts="again", **release)
    assert done.returncode == 6
    assert "a fixed tag belongs to one commit" in done.stderr


def test_plan_changes_nothing_and_says_what_publish_would_do(place, task):
    done = place.publish(task, command="plan")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{DATE_TAG} (create), latest (create)" in done.stdout
    assert "(lading.toml [image.balrog])" in done.stdout
    with place.client as client:
        assert client.get_manifest(place.repository, "latest") is None


def test_a_private_base_image_is_pulled_with_the_secrets_credentials_and_its_triggers_find_their_files(
    place, cluster, tmp_path
):
    for name in ("triggered.txt", "unused.txt"):
        (place.folder / name).write_text(name)
    (place.folder / "Dockerfile").write_text(f"{DOCKERFILE}ONBUILD COPY triggered.txt /\n")
    commit(place.folder)
    assert place.publish(image_task(cluster), "--tag", "base").returncode == 0
    (place.folder / "Dockerfile").write_text(f"FROM {place.image}:base\nCOPY hello.txt /again\n")
    commit(place.folder)
    with (
        tempfile.TemporaryDirectory() as folder,
        private_engine(Path(folder), os.environ, lambda _text: None) as fresh,
    ):
        place.engine = fresh.host
        done = place.publish(image_task(cluster), artifacts="child")
    assert done.returncode == 0, done.stderr
    child = place.statement("child")
    base = place.statement()
    assert child.diff_ids[:-2] == base.diff_ids
    facts = next(
        step["facts"] for step in place.report("child")["steps"] if step["name"] == "Build the image"
    )
    assert not facts["contextIsWhole"]
    assert not child.context_is_whole
    assert facts["contextFiles"] == len({".dockerignore", "Dockerfile", "hello.txt", "triggered.txt"})
    assert child.bases == (
        {"reference": f"{place.image}:base", "imageId": str(base.config), "digest": str(base.published)},
    )


def test_labels_are_one_instruction_and_leave_nothing_else_in_the_image(place, task):
    nasty = 'a "$HOME" \\ `b` ${X:-y} é'
    (place.folder / "Dockerfile").write_text(
        "FROM scratch AS first\nCOPY . /\nFROM scratch\nCOPY hello.txt /\n"
    )
    commit(place.folder)
    done = place.publish(task, "--target", "first", "--label", f"nasty={nasty}")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(" : LABEL ") == 1
    statement = place.statement()
    assert engine_image(place.engine, f"{place.image}:latest")["Config"]["Labels"]["nasty"] == nasty
    with place.client as client:
        layer = client.get_manifest(place.repository, "latest").layers[0]
        content = gzip.decompress(b"".join(client.open_blob(place.repository, layer.digest, layer.size)))
    with tarfile.open(fileobj=io.BytesIO(content)) as found:
        names = {member.name for member in found if member.isfile()}
        ignored = found.extractfile(".dockerignore")
        assert ignored is not None
        ignore = ignored.read()
    assert names == {"Dockerfile", "hello.txt", "lading.toml", ".dockerignore", "version.json"}
    assert ignore == b".git\n"
    assert len(statement.layers) == 1
