"""An image is packed once, by what its bytes hash to, whatever the engine's format."""

import gzip
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.errors import IntegrityFailure, RunnerError, Unavailable, UsageError
from runner.image.composition import docker_manifest, trusted_layers
from runner.image.compression import compressor
from runner.image.digest import Digest
from runner.image.layout import Layout
from runner.image.layout_writer import LayoutWriter
from runner.image.manifests import (
    DOCKER_LAYER_GZIP,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
    Descriptor,
    ImageConfig,
    Manifest,
)
from runner.packing import Packing
from tests.support.saved_images import (
    CONFIG,
    DIFF_IDS,
    LAYERS,
    blobs_archive,
    config_of,
    local_image,
    manifest_of,
    new_archive,
    old_archive,
    podman_archive,
)

CLASSIC = {"old": old_archive(), "new": new_archive(), "podman": podman_archive()}
PLAIN = "application/vnd.oci.image.layer.v1.tar"


@pytest.fixture(scope="module")
def threads():
    with compressor(2) as making:
        yield making


@pytest.fixture
def pack(tmp_path, threads):
    def run(content, *, image=None, known=None, finished=None, folder="layout"):
        chunks = [content[at : at + 32768] for at in range(0, len(content), 32768)]
        packing = Packing(image or local_image(), LayoutWriter(tmp_path / folder), threads, known or {})
        if finished is not None:
            packing.finished = finished
        return packing.pack(chunks)

    return run


def blob_of(content, media_type=DOCKER_LAYER_GZIP):
    return Descriptor(media_type, Digest.of(content), len(content))


@pytest.mark.parametrize("content", CLASSIC.values(), ids=CLASSIC)
def test_a_classic_stores_image_is_packed(pack, tmp_path, content):
    packed = pack(content)
    layout = Layout.read(tmp_path / "layout")
    assert layout.manifest == packed.manifest
    assert packed.manifest.media_type == DOCKER_MANIFEST
    assert packed.manifest.config.digest == Digest.of(CONFIG)
    assert layout.config()[0] == CONFIG
    assert packed.diff_ids == DIFF_IDS
    for layer, original in zip(packed.image.layers, LAYERS, strict=True):
        assert gzip.decompress(layout.blob(layer)) == original
    assert len(list((tmp_path / "layout" / "blobs" / "sha256").iterdir())) == 5


def test_every_format_gives_the_same_bytes(pack):
    manifests = {pack(content, folder=name).manifest.content for name, content in CLASSIC.items()}
    assert len(manifests) == 1


def test_each_layer_is_told_of_as_soon_as_it_is_there(pack, tmp_path):
    told = []
    packed = pack(
        old_archive(),
        finished=lambda blob: told.append(
            (blob, (tmp_path / "layout/blobs/sha256" / blob.digest.hex).exists())
        ),
    )
    assert {blob.digest for blob, _ in told} == {blob.digest for blob in packed.layers}
    assert all(there for _, there in told)


@pytest.mark.parametrize("make", [old_archive, new_archive], ids=["old", "new"])
def test_a_layer_that_comes_again_is_packed_once(pack, make):
    layers = [*LAYERS, LAYERS[0], LAYERS[0]]
    diff_ids = [Digest.of(layer) for layer in layers]
    packed = pack(make(layers, config_of(diff_ids)), image=local_image(diff_ids=diff_ids))
    assert len(packed.image.layers) == 5
    assert len(packed.layers) == 3
    assert packed.image.layers[0] == packed.image.layers[4]


@pytest.mark.parametrize("content", CLASSIC.values(), ids=CLASSIC)
def test_a_known_layer_is_not_packed(pack, tmp_path, content):
    known = Descriptor(OCI_LAYER_GZIP, Digest.of(b"the base's blob"), 12_345)
    packed = pack(content, known={DIFF_IDS[1]: known})
    assert packed.image.layers[1] == known._replace(media_type=DOCKER_LAYER_GZIP)
    assert [blob.digest for blob in packed.known] == [known.digest]
    assert len(packed.layers) == 2
    assert len(list((tmp_path / "layout" / "blobs" / "sha256").iterdir())) == 4


def test_an_intruders_manifest_pairs_nothing():
    """Who can push to the repository could pair our diffID with a blob of theirs; a config that lies is not enough."""
    theirs = manifest_of([b"evil", *LAYERS[1:]])
    ours = Manifest(OCI_MANIFEST, theirs)
    assert trusted_layers(ours, CONFIG + b" ") == {}  # another config than the manifest's
    other = config_of(DIFF_IDS[:2])
    assert trusted_layers(Manifest(OCI_MANIFEST, manifest_of([b"evil", *LAYERS[1:]], other)), other) == {}


def test_without_a_trusted_manifest_what_the_registry_has_is_not_looked_at(pack):
    """`known` is all that a packing takes: with none, an intruder's blob cannot come in, whatever it is called."""
    packed = pack(new_archive())
    assert packed.known == ()
    assert Digest.of(b"evil") not in {layer.digest for layer in packed.image.layers}


def test_a_trusted_manifest_pairs_gzip_layers_only():
    zstd = "application/vnd.oci.image.layer.v1.tar+zstd"
    manifest = Manifest(
        OCI_MANIFEST, manifest_of(LAYERS, media_types=[OCI_LAYER_GZIP, zstd, DOCKER_LAYER_GZIP])
    )
    assert set(trusted_layers(manifest, CONFIG)) == {DIFF_IDS[0], DIFF_IDS[2]}
    assert trusted_layers(Manifest(OCI_MANIFEST, b"{}"), CONFIG) == {}


COMPRESSED = [gzip.compress(layer, mtime=0) for layer in LAYERS]


def test_a_containerd_stores_image_keeps_its_manifest(pack, tmp_path):
    manifest = manifest_of(COMPRESSED)
    told: list[Descriptor] = []
    packed = pack(
        blobs_archive([*COMPRESSED, CONFIG, manifest]),
        image=local_image(Digest.of(manifest)),
        finished=told.append,
    )
    assert packed.manifest.content == manifest
    assert Layout.read(tmp_path / "layout").manifest.content == manifest
    assert [blob.digest for blob in told] == [Digest.of(layer) for layer in COMPRESSED]


def test_layers_that_a_containerd_store_keeps_uncompressed_are_compressed(pack, tmp_path):
    """Pushed as they are, 138 MB become 505."""
    manifest = manifest_of([COMPRESSED[0], *LAYERS[1:]], media_types=[OCI_LAYER_GZIP, PLAIN, PLAIN])
    packed = pack(
        blobs_archive([COMPRESSED[0], *LAYERS[1:], CONFIG, manifest]), image=local_image(Digest.of(manifest))
    )
    layout = Layout.read(tmp_path / "layout")
    assert [layer.media_type for layer in packed.image.layers] == [OCI_LAYER_GZIP] * 3
    assert packed.image.layers[0].digest == Digest.of(COMPRESSED[0])
    assert gzip.decompress(layout.blob(packed.image.layers[1])) == LAYERS[1]
    assert packed.image.config == Descriptor(OCI_CONFIG, Digest.of(CONFIG), len(CONFIG))
    assert len(list((tmp_path / "layout" / "blobs" / "sha256").iterdir())) == 5


def index_of(*manifests):
    entries = [
        {"mediaType": OCI_MANIFEST, "digest": str(Digest.of(content)), "size": len(content)}
        for content in manifests
    ]
    return json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()


def test_an_index_with_an_attestation_is_packed_whole(pack, tmp_path):
    statement = b'{"_type": "https://in-toto.io/Statement/v0.1"}'
    own = b'{"architecture": "unknown", "os": "unknown", "rootfs": {"type": "layers", "diff_ids": []}}'
    attestation = manifest_of([statement], own, ["application/vnd.in-toto+json"])
    manifest = manifest_of(COMPRESSED)
    index = index_of(manifest, attestation)
    packed = pack(
        blobs_archive([*COMPRESSED, CONFIG, manifest, statement, own, attestation, index]),
        image=local_image(Digest.of(index)),
    )
    layout = Layout.read(tmp_path / "layout")
    assert [found.content for found in layout.manifests] == [manifest, attestation, index]
    assert packed.manifest.content == index
    assert packed.diff_ids == DIFF_IDS


def test_an_index_of_uncompressed_layers_is_refused_with_a_reason(pack):
    manifest = manifest_of(LAYERS, media_types=[PLAIN] * 3)
    index = index_of(manifest)
    with pytest.raises(UsageError, match="uncompressed"):
        pack(blobs_archive([*LAYERS, CONFIG, manifest, index]), image=local_image(Digest.of(index)))


@pytest.mark.parametrize(
    "content",
    [
        blobs_archive([*LAYERS[:2], CONFIG]),
        blobs_archive(LAYERS),
        old_archive(LAYERS[:2]),
    ],
    ids=["no layer", "no config", "old, no layer"],
)
def test_an_archive_that_lacks_something_is_not_packed(pack, tmp_path, content):
    with pytest.raises(Unavailable, match="gave the image away without"):
        pack(content)
    assert not (tmp_path / "layout" / "index.json").exists()


def test_a_containerd_archive_that_lacks_something_is_not_packed(pack):
    manifest = manifest_of(COMPRESSED)
    for lacking in (COMPRESSED[1], CONFIG):
        parts = [part for part in (*COMPRESSED, CONFIG, manifest) if part != lacking]
        with pytest.raises(IntegrityFailure, match="is not there"):
            pack(blobs_archive(parts), image=local_image(Digest.of(manifest)), folder=Digest.of(lacking).hex)


@pytest.mark.parametrize("content", CLASSIC.values(), ids=CLASSIC)
def test_a_layer_that_is_not_what_it_is_called_is_found(pack, content):
    with pytest.raises(IntegrityFailure, match="digest"):
        pack(content.replace(b"some text some text", b"some text some tExt", 1))


def test_a_known_layer_is_hashed_nevertheless(pack):
    """The name alone must not decide that our layer is the base's."""
    known = {DIFF_IDS[1]: blob_of(b"the base's")}
    for name, content in CLASSIC.items():
        with pytest.raises(IntegrityFailure, match="digest"):
            pack(content.replace(b"some text some text", b"some text some tExt", 1), known=known, folder=name)


def test_other_layers_than_the_images_are_refused(pack):
    image = local_image(Digest.of(CONFIG), DIFF_IDS[:2])
    with pytest.raises(RunnerError):
        pack(new_archive(), image=image)


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_cut_anywhere_is_an_error_or_harmless(tmp_path_factory, threads, data):
    content = CLASSIC[data.draw(st.sampled_from(sorted(CLASSIC)))]
    cut = data.draw(st.integers(0, len(content)))
    folder = tmp_path_factory.mktemp("cut") / "layout"
    packing = Packing(local_image(), LayoutWriter(folder), threads)
    try:
        packing.pack([content[:cut]])
    except Unavailable:
        assert not (folder / "index.json").exists()
    else:
        assert set(content[cut:]) <= {0}  # what fills the last block of a tar
        Layout.read(folder)


def test_the_manifest_is_written_as_the_engine_writes_it():
    manifest = docker_manifest(Descriptor(OCI_CONFIG, Digest.of(CONFIG), len(CONFIG)), [blob_of(b"layer")])
    assert manifest.content.decode() == (
        "{\n"
        '   "schemaVersion": 2,\n'
        '   "mediaType": "application/vnd.docker.distribution.manifest.v2+json",\n'
        '   "config": {\n'
        '      "mediaType": "application/vnd.docker.container.image.v1+json",\n'
        f'      "size": {len(CONFIG)},\n'
        f'      "digest": "{Digest.of(CONFIG)}"\n'
        "   },\n"
        '   "layers": [\n'
        "      {\n"
        '         "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",\n'
        '         "size": 5,\n'
        f'         "digest": "{Digest.of(b"layer")}"\n'
        "      }\n"
        "   ]\n"
        "}"
    )
    assert ImageConfig.parse(CONFIG).diff_ids == DIFF_IDS
