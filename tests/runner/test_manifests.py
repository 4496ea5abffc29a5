"""A manifest is its exact bytes; what can be read in two ways is not read."""

import json

import pytest

from runner.image.digest import Digest
from runner.image.manifests import (
    DOCKER_LAYER_GZIP,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
    BadManifest,
    ImageConfig,
    Manifest,
    Platform,
)

ONE = "sha256:" + "1" * 64
TWO = "sha256:" + "2" * 64


def image(**changes):
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": OCI_CONFIG, "digest": ONE, "size": 10},
        "layers": [{"mediaType": OCI_LAYER_GZIP, "digest": TWO, "size": 20}],
    }
    return Manifest(OCI_MANIFEST, json.dumps(document | changes).encode())


def index(media_type=OCI_INDEX, **entry):
    listed = {"mediaType": OCI_MANIFEST, "digest": ONE, "size": 10} | entry
    return Manifest(media_type, json.dumps({"schemaVersion": 2, "manifests": [listed]}).encode())


def test_its_digest_is_that_of_its_exact_bytes():
    spaced = Manifest(OCI_MANIFEST, image().content + b"\n")
    assert spaced.digest == Digest.of(spaced.content) != image().digest
    assert spaced.layers == image().layers


def test_an_image_has_a_config_and_layers():
    assert image().config.digest == Digest(ONE)
    assert [(layer.media_type, layer.size) for layer in image().layers] == [(OCI_LAYER_GZIP, 20)]
    assert not image().is_index


@pytest.mark.parametrize("media_type", [OCI_INDEX, DOCKER_LIST])
def test_an_index_lists_manifests_with_their_platforms(media_type):
    listing = index(media_type, platform={"os": "linux", "architecture": "arm", "variant": "v7"})
    assert listing.is_index
    assert [str(entry.platform) for entry in listing.entries] == ["linux/arm/v7"]


def test_an_index_is_no_image_and_an_image_no_index():
    with pytest.raises(BadManifest, match="several images"):
        _ = index().layers
    with pytest.raises(BadManifest, match="lists no others"):
        _ = image().entries


def test_docker_schema_2_needs_no_media_type_inside():
    document = json.loads(image().content)
    del document["mediaType"]
    assert Manifest(DOCKER_MANIFEST, json.dumps(document).encode()).check().config.size == 10


def test_schema_1_is_refused_with_its_reason():
    with pytest.raises(BadManifest, match="schema 1"):
        Manifest("application/vnd.docker.distribution.manifest.v1+prettyjws", b'{"schemaVersion": 1}').check()


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        (Manifest(OCI_MANIFEST, b"no"), "not JSON"),
        (Manifest(OCI_MANIFEST, b"\xff"), "not JSON"),
        (Manifest(OCI_MANIFEST, b"[" * 100_000), "not JSON"),
        (Manifest(OCI_MANIFEST, b"[]"), "not an object"),
        (Manifest(OCI_MANIFEST, b'{"schemaVersion": 2, "schemaVersion": 1}'), "same key twice"),
        (image(schemaVersion=3), "schemaVersion 2"),
        (image(mediaType=DOCKER_MANIFEST), "served as"),
        (image(manifests=[]), "content is not that"),
        (
            Manifest(OCI_INDEX, json.dumps(json.loads(image().content) | {"mediaType": OCI_INDEX}).encode()),
            "content",
        ),
        (Manifest("text/html", image().content), "no media type"),
        (image(layers={}), "not a list"),
        (image(config=None), "not an object"),
        (image(layers=[{"mediaType": OCI_LAYER_GZIP, "digest": TWO, "size": -1}]), "size"),
        (image(layers=[{"mediaType": OCI_LAYER_GZIP, "digest": TWO, "size": True}]), "size"),
        (image(layers=[{"mediaType": OCI_LAYER_GZIP, "digest": "sha256:1", "size": 1}]), "not a sha256"),
        (image(layers=[{"digest": TWO, "size": 1}]), "mediaType"),
        (index(annotations={"a": 1}), "not a text"),
    ],
)
def test_refuses_what_cannot_be_read(manifest, reason):
    with pytest.raises(BadManifest, match=reason):
        manifest.check()


def test_a_layer_that_registries_do_not_hold_is_foreign():
    foreign = {
        "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "digest": ONE,
        "size": 1,
    }
    held = {"mediaType": DOCKER_LAYER_GZIP, "digest": TWO, "size": 1}
    assert [layer.is_foreign for layer in image(layers=[foreign, held]).layers] == [True, False]


def test_a_referrer_names_its_subject():
    assert image().subject is None
    subject = {"mediaType": OCI_MANIFEST, "digest": TWO, "size": 3}
    assert image(subject=subject).subject.digest == Digest(TWO)


def config(**changes):
    document = {
        "os": "linux",
        "architecture": "amd64",
        "created": "2026-01-02T03:04:05Z",
        "config": {"Labels": {"a": "b"}},
        "rootfs": {"type": "layers", "diff_ids": [ONE, TWO]},
    }
    return json.dumps(document | changes).encode()


def test_a_config_tells_platform_layers_and_labels():
    parsed = ImageConfig.parse(config())
    assert parsed == ImageConfig(
        Platform("linux", "amd64"), (Digest(ONE), Digest(TWO)), {"a": "b"}, "2026-01-02T03:04:05Z"
    )


@pytest.mark.parametrize("runtime", [None, {}, {"Labels": None}])
def test_a_config_without_labels_has_none(runtime):
    assert ImageConfig.parse(config(config=runtime)).labels == {}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not JSON"),
        (config(os=""), "`os`"),
        (config(rootfs={}), "diff_ids"),
        (config(rootfs={"diff_ids": [1]}), "sha256"),
        (config(config={"Labels": {"a": 1}}), "not a text"),
    ],
)
def test_refuses_a_config_that_cannot_be_read(content, reason):
    with pytest.raises(BadManifest, match=reason):
        ImageConfig.parse(content)
