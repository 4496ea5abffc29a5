"""An image that lading itself carries from a real engine to a real registry is the image that was built."""

import gzip
import json
import random

import pytest

from console.sandbox.docker_registry import docker_registry
from runner.image.composition import with_layers
from runner.image.digest import Digest
from runner.image.layout import Layout
from runner.image.manifests import Descriptor
from runner.masking import Masked
from tests.e2e.test_publish import PASSWORD, Place, engine_image, image_task
from tests.support.task import SECRET, checkout, commit, taskcluster

pytestmark = [pytest.mark.enable_socket, pytest.mark.registry]

DOCKERFILE = "FROM scratch\nCOPY noise /\nCOPY text version.json /\nCOPY noise /again/\n"
NOISE = random.Random(1).randbytes(2_000_000)
TEXT = b"a line of text that shrinks\n" * 100_000


@pytest.fixture(scope="module")
def cluster():
    with taskcluster() as found:
        yield found


@pytest.fixture(scope="module")
def registry():
    with docker_registry("publisher", Masked(PASSWORD)) as address:
        yield address


@pytest.fixture
def place(cluster, registry, docker_engine, tmp_path, request):
    name = f"direct/{Digest.of(request.node.name.encode()).short}"
    toml = f'[image.balrog]\nrepository = "{registry}/{name}"\n'
    folder = checkout(
        tmp_path / "checkout", {"Dockerfile": DOCKERFILE, "lading.toml": toml, ".dockerignore": ".git\n"}
    )
    # Not in the commit: what is sent is the folder, and a clone of random bytes would be slow.
    (folder / "noise").write_bytes(NOISE)
    (folder / "text").write_bytes(TEXT)
    cluster.set_secret({"docker": {"registry": registry, "username": "publisher", "password": PASSWORD}})
    return Place(cluster, docker_engine.host, registry, folder, name)


@pytest.fixture
def task(cluster):
    return image_task(cluster)


def test_what_is_pushed_directly_is_what_was_built(place, task, tmp_path):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    done = place.publish(task, "--transport", "direct", TMPDIR=str(temporary))
    assert done.returncode == 0, done.stderr
    statement = place.statement()
    assert done.stdout.strip() == f"{place.image}@{statement.published}"
    with place.client as client:
        manifest = client.get_manifest(place.repository, "latest")
        assert manifest.digest == statement.published
        config = client.get_blob(place.repository, manifest.config.digest)
        diff_ids = json.loads(config)["rootfs"]["diff_ids"]
        layers = [client.get_blob(place.repository, layer.digest, 1 << 30) for layer in manifest.layers]
    assert [str(Digest.of(gzip.decompress(layer))) for layer in layers] == diff_ids
    assert [str(diff_id) for diff_id in statement.diff_ids] == diff_ids
    assert place.report()["transport"] == "direct"
    pulled = engine_image(place.engine, f"{place.image}@{statement.published}")
    assert pulled["RootFS"]["Layers"] == diff_ids
    assert [path for path in temporary.iterdir() if path.name.startswith("lading-layers-")] == []


def test_both_ways_push_an_image_with_the_same_config(place, task, cluster):
    assert place.publish(task, "--transport", "direct", "--reproducible", "--tag", "one").returncode == 0
    direct = place.statement()
    other = place.publish(
        image_task(cluster), "--transport", "engine", "--reproducible", "--tag", "two", artifacts="other"
    )
    assert other.returncode == 0, other.stderr
    engine = place.statement("other")
    assert direct.config == engine.config
    assert direct.diff_ids == engine.diff_ids


def test_a_second_publish_sends_nothing(place, task, cluster):
    assert place.publish(task, "--transport", "direct", "--reproducible", "--tag", "one").returncode == 0
    done = place.publish(image_task(cluster), "--transport", "direct", "--reproducible", "--tag", "two")
    assert done.returncode == 0, done.stderr
    step = next(step for step in place.report()["steps"] if step["name"].startswith("Pack the image"))
    assert step["facts"] == {"layersPushed": 0, "layersReused": 4, "bytesPushed": 0}


def publish_indexed(place, task, transport):
    done = place.publish(task, "--transport", transport, "--index", "project.balrog.images")
    assert done.returncode == 0, done.stderr
    task.upload_folder(place.folder.parent / "artifacts")
    task.resolve()
    return place.statement()


def test_a_layer_of_an_earlier_commits_image_is_known_by_its_statement(place, task, cluster):
    before = publish_indexed(place, task, "engine")
    (place.folder / "text").write_bytes(TEXT * 2)
    commit(place.folder)
    after = publish_indexed(place, image_task(cluster), "direct")
    assert after.diff_ids[0] == before.diff_ids[0]
    # The engine compressed it otherwise than lading would have.
    assert after.layers[0] == before.layers[0]
    assert after.published != before.published


def test_a_layer_that_an_intruder_pairs_with_a_blob_of_theirs_is_not_taken(place, task, cluster):
    before = publish_indexed(place, task, "engine")
    theirs = gzip.compress(b"not what the diffID says", mtime=0)
    with place.client as client:
        manifest = client.get_manifest(place.repository, "latest")
        blob = Descriptor(manifest.layers[0].media_type, Digest.of(theirs), len(theirs))
        client.upload_blob(place.repository, blob, lambda offset: iter((theirs[offset:],)))
        intruder = with_layers(manifest, [blob, *manifest.layers[1:]])
        for tag in before.tags:
            client.put_manifest(place.repository, tag, intruder)
    (place.folder / "text").write_bytes(TEXT * 2)
    commit(place.folder)
    after = publish_indexed(place, image_task(cluster), "direct")
    assert after.diff_ids[0] == before.diff_ids[0]
    assert after.layers[0] not in {blob.digest, before.layers[0]}


def build(place, task, folder, **environment):
    return place.publish(
        task, "--output", folder, "--reproducible", command="build", artifacts="built", **environment
    )


def test_build_and_push_give_the_bytes_that_publish_gives(place, task, cluster, tmp_path):
    layout = tmp_path / "layout"
    built = build(place, cluster.task(scopes=[]), layout)
    assert built.returncode == 0, built.stderr
    statement = place.statement("built")
    assert statement.tags == {}
    assert Layout.read(layout).manifest.digest == statement.published
    pushed = place.publish(task, layout, "--tag", "one", command="push")
    assert pushed.returncode == 0, pushed.stderr
    assert place.statement().published == statement.published
    done = place.publish(
        image_task(cluster), "--transport", "direct", "--reproducible", "--tag", "two", artifacts="published"
    )
    assert done.returncode == 0, done.stderr
    assert place.statement("published").published == statement.published
    with place.client as client:
        assert client.get_manifest(place.repository, "one") == client.get_manifest(place.repository, "two")


def test_build_needs_neither_proxy_nor_secret(place, cluster, tmp_path):
    environment = {"TASKCLUSTER_PROXY_URL": ""}
    built = build(place, cluster.task(scopes=[]), tmp_path / "layout", **environment)
    assert built.returncode == 0, built.stderr
    assert SECRET not in built.stderr


def test_a_changed_layout_is_refused_before_the_secret_is_asked_for(place, cluster, tmp_path):
    layout = tmp_path / "layout"
    assert build(place, cluster.task(scopes=[]), layout).returncode == 0
    blob = max((layout / "blobs" / "sha256").iterdir(), key=lambda path: path.stat().st_size)
    content = bytearray(blob.read_bytes())
    content[len(content) // 2] ^= 1
    blob.write_bytes(content)
    pushed = place.publish(cluster.task(scopes=[]), layout, command="push")  # it may not even read the secret
    assert pushed.returncode == 6, pushed.stderr
    assert "not what its name says" in pushed.stderr
    with place.client as client:
        assert client.tags(place.repository) == []


def test_a_layout_of_another_commit_is_refused(place, task, cluster, tmp_path):
    layout = tmp_path / "layout"
    assert build(place, cluster.task(scopes=[]), layout).returncode == 0
    pushed = place.publish(task, layout, command="push", LADING_REVISION="0" * 40)
    assert pushed.returncode == 6, pushed.stderr
    assert "was built from commit" in pushed.stderr


def test_nothing_is_written_over(place, cluster, tmp_path):
    (tmp_path / "layout").mkdir()
    (tmp_path / "layout" / "mine").write_text("")
    built = build(place, cluster.task(scopes=[]), tmp_path / "layout")
    assert built.returncode == 2, built.stderr
    assert [path.name for path in (tmp_path / "layout").iterdir()] == ["mine"]
