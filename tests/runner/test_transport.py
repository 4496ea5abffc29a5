"""An image is pushed while it is packed; what fails or is interrupted leaves no tag, no upload and no thread behind."""

import gzip
import threading

import pytest

from console.sandbox.registry.authentication import Account, TokenAuth
from console.sandbox.registry.faults import Answer, Fault
from runner.errors import Interrupted, Refused, RunnerError, Unavailable
from runner.image.compression import compressor
from runner.image.digest import Digest
from runner.image.layout_writer import LayoutWriter
from runner.image.manifests import OCI_LAYER_GZIP, OCI_MANIFEST, Descriptor, Manifest
from runner.image.reference import ImageReference, Registry, Repository
from runner.registry.client import RegistryClient
from runner.registry.push import BlobState
from runner.transport import DirectPush, base_layers, held_layers
from tests.support.registries import PASSWORD, USER, TestEffects, credentials_for, embedded_registry
from tests.support.saved_images import (
    CONFIG,
    DIFF_IDS,
    LAYERS,
    config_of,
    local_image,
    manifest_of,
    new_archive,
    old_archive,
)

pytestmark = pytest.mark.enable_socket


@pytest.fixture
def registry():
    with embedded_registry(auth=TokenAuth([Account(USER, PASSWORD)])) as running:
        yield running


@pytest.fixture
def repository(registry):
    return Repository(Registry.parse(registry.host), "mozilla/balrog")


@pytest.fixture
def client(registry, repository):
    effects = TestEffects().effects()
    with RegistryClient(repository.registry, credentials_for(registry.host), effects=effects) as opened:
        yield opened


@pytest.fixture
def pushing(client, repository, tmp_path):
    with compressor(2) as making:
        yield DirectPush(
            client, repository, LayoutWriter(tmp_path / "layout"), making, lambda _done, _all: None
        )


def upload_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("upload")]


@pytest.mark.parametrize("make", [old_archive, new_archive], ids=["old", "new"])
def test_the_registry_holds_the_image_under_its_digest(pushing, client, repository, make):
    packed = pushing.push(local_image(), [make()], {})
    manifest = client.get_manifest(repository, str(packed.manifest.digest))
    assert manifest == packed.manifest
    assert client.get_blob(repository, manifest.config.digest) == CONFIG
    blobs = [client.get_blob(repository, layer.digest) for layer in manifest.layers]
    assert [gzip.decompress(blob) for blob in blobs] == LAYERS
    assert client.tags(repository) == []
    assert pushing.count(BlobState.UPLOADED) == 4
    assert pushing.bytes_sent == sum(map(len, blobs)) + len(CONFIG)


def test_layers_are_sent_before_the_archive_is_read_to_its_end(pushing, client, repository):
    content = old_archive()
    half = content.index(b"manifest.json")
    sent = threading.Event()
    pushing.progress = lambda done, _total: sent.set() if done else None

    def chunks():
        yield content[:half]
        assert sent.wait(30)
        yield content[half:]

    pushing.push(local_image(), chunks(), {})


def test_known_layers_are_neither_packed_nor_sent(pushing, client, repository):
    blob = gzip.compress(LAYERS[1], mtime=0)
    client.upload_stream(repository, [blob])
    known = {DIFF_IDS[1]: Descriptor(OCI_LAYER_GZIP, Digest.of(blob), len(blob))}
    packed = pushing.push(local_image(), [new_archive()], known)
    assert packed.image.layers[1].digest == Digest.of(blob)
    assert pushing.count(BlobState.UPLOADED) == 3


def test_what_the_registry_has_is_not_sent_again(pushing, client, repository, tmp_path):
    pushing.push(local_image(), [new_archive()], {})
    with compressor(2) as making:
        again = DirectPush(
            client, repository, LayoutWriter(tmp_path / "again"), making, lambda _done, _all: None
        )
        again.push(local_image(), [old_archive()], {})
    assert again.bytes_sent == 0
    assert again.count(BlobState.PRESENT) == 4


def test_a_refused_upload_ends_the_push(registry, pushing, client, repository):
    registry.faults.append(Fault(Answer(403), method="POST", times=1000))
    with pytest.raises(Refused):
        pushing.push(local_image(), [new_archive()], {})
    registry.faults.clear()
    assert client.tags(repository) == []
    assert upload_threads() == []


@pytest.mark.parametrize("error", [Unavailable("cut"), Interrupted(15)], ids=["cut", "signal"])
def test_an_interrupted_archive_leaves_nothing_open(registry, pushing, client, repository, error):
    content = new_archive()

    def chunks():
        yield content[: len(content) // 2]
        raise error

    with pytest.raises(type(error)):
        pushing.push(local_image(), chunks(), {})
    assert upload_threads() == []
    assert registry.storage.open_uploads == 0
    assert client.get_manifest(repository, str(Digest.of(b"any"))) is None


BASE = Digest.of(b"the base's index or manifest")
BLOBS = [gzip.compress(layer, mtime=0) for layer in LAYERS[:2]]
BASE_CONFIG = config_of(DIFF_IDS[:2])
BASE_MANIFEST = Manifest(OCI_MANIFEST, manifest_of(BLOBS, BASE_CONFIG))


def base_image(repo_digests=(f"docker.io/library/debian@{BASE}",), diff_ids=DIFF_IDS[:2]):
    base = local_image(diff_ids=diff_ids)
    return type(base)(base.image_id, base.diff_ids, {}, tuple(repo_digests), base.platform, 1000)


def known(base, answer=(BASE_MANIFEST, BASE_CONFIG)):
    asked = []

    def manifest_of_base(reference, platform):
        asked.append((str(reference), platform))
        if isinstance(answer, RunnerError):
            raise answer
        return answer

    return list(base_layers(local_image(), [base], manifest_of_base)), asked


def test_a_base_images_layers_are_known_by_the_manifest_that_was_pulled():
    found, asked = known(base_image())
    assert asked == [(f"docker.io/library/debian@{BASE}", "linux/amd64")]
    ((reference, layers),) = found
    assert str(reference.repository) == "docker.io/library/debian"
    assert {diff_id: layer.digest for diff_id, layer in layers.items()} == dict(
        zip(DIFF_IDS[:2], map(Digest.of, BLOBS), strict=True)
    )


@pytest.mark.parametrize(
    "base",
    [
        base_image(()),
        base_image(("no reference@@",)),
        base_image(diff_ids=DIFF_IDS[1:]),
        base_image(diff_ids=()),
    ],
    ids=["never pulled", "no reference", "not below", "empty"],
)
def test_an_image_that_was_not_pulled_or_is_not_below_gives_nothing(base):
    assert known(base)[0] == []


@pytest.mark.parametrize(
    "answer",
    [None, Unavailable("down"), Refused("private"), (BASE_MANIFEST, CONFIG)],
    ids=["gone", "down", "private", "another config"],
)
def test_what_cannot_be_asked_or_does_not_fit_gives_nothing(answer):
    assert known(base_image(), answer)[0] == []


def test_an_intruders_pair_for_a_layer_that_is_not_the_bases_is_not_taken():
    """A base's manifest may speak for the base's layers, and for no other of ours."""
    manifest = Manifest(OCI_MANIFEST, manifest_of([*BLOBS, b"evil"], CONFIG))
    ((_, layers),), _ = known(base_image(), (manifest, CONFIG))
    assert set(layers) == set(DIFF_IDS[:2])


def test_only_layers_that_the_repository_holds_or_can_mount_count(client, repository, registry):
    other = Repository(repository.registry, "mozilla/base")
    client.upload_stream(repository, [BLOBS[0]])
    client.upload_stream(other, [BLOBS[1]])
    layers = {
        diff_id: Descriptor(OCI_LAYER_GZIP, Digest.of(blob), len(blob))
        for diff_id, blob in zip(DIFF_IDS[:2], BLOBS, strict=True)
    }
    nowhere = {DIFF_IDS[2]: Descriptor(OCI_LAYER_GZIP, Digest.of(b"nowhere"), 7)}
    base = ImageReference.parse(f"{other}@{BASE}")
    assert held_layers(client, repository, [(base, layers | nowhere)]) == layers
    assert client.has_blob(repository, Digest.of(BLOBS[1]))
    assert registry.storage.open_uploads == 0


def test_layers_of_another_registry_are_not_mounted(client, repository):
    base = ImageReference.parse(f"docker.io/library/debian@{BASE}")
    layers = {DIFF_IDS[0]: Descriptor(OCI_LAYER_GZIP, Digest.of(BLOBS[0]), len(BLOBS[0]))}
    assert held_layers(client, repository, [(base, layers)]) == {}
