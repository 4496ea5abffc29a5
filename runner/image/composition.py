"""Manifests made out of layers, and layers recognised by manifests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from runner.image.digest import Digest
from runner.image.manifests import (
    DOCKER_CONFIG,
    DOCKER_LAYER_GZIP,
    DOCKER_MANIFEST,
    OCI_LAYER_GZIP,
    BadManifest,
    Descriptor,
    ImageConfig,
    Manifest,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

GZIP_TYPES: Final = frozenset({DOCKER_LAYER_GZIP, OCI_LAYER_GZIP})
# Layers that are not compressed, and what each is once it is.
PLAIN_TYPES: Final = {
    "application/vnd.oci.image.layer.v1.tar": OCI_LAYER_GZIP,
    "application/vnd.docker.image.rootfs.diff.tar": DOCKER_LAYER_GZIP,
}


def trusted_layers(manifest: Manifest, config: bytes) -> dict[Digest, Descriptor]:
    """The blobs that a trusted manifest gives for diffIDs.

    Which manifest is trusted is for the caller to say: the base image's as the engine pulled it by digest, or one that
    a statement names. Anybody who can push could pair our diffID with a blob of theirs.

    Args:
        manifest: of one image.
        config: the bytes of its config.

    Returns:
        By diffID; nothing if the config is not the manifest's, or does not fit it.
    """
    try:
        if Digest.of(config) != manifest.config.digest:
            return {}
        diff_ids, layers = ImageConfig.parse(config).diff_ids, manifest.layers
    except BadManifest:
        return {}
    if len(diff_ids) != len(layers):
        return {}
    pairs = zip(diff_ids, layers, strict=True)
    return {diff_id: layer for diff_id, layer in pairs if layer.media_type in GZIP_TYPES}


def docker_manifest(config: Descriptor, layers: Iterable[Descriptor]) -> Manifest:
    """A manifest of Docker's schema 2, byte for byte as the Docker Engine writes it.

    It is what consumers of a classic engine's image got so far, down to clients and registries that know no OCI
    manifest; and its config is of Docker's type anyway.
    """
    document = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST,
        "config": _entry(config, DOCKER_CONFIG),
        "layers": [_entry(layer, DOCKER_LAYER_GZIP) for layer in layers],
    }
    return Manifest(DOCKER_MANIFEST, json.dumps(document, indent=3).encode())


def with_layers(manifest: Manifest, layers: Iterable[Descriptor]) -> Manifest:
    """The same manifest with other layers, in the same order."""
    document = json.loads(manifest.content)
    document["layers"] = [_entry(layer, layer.media_type) for layer in layers]
    return Manifest(manifest.media_type, json.dumps(document, separators=(",", ":")).encode())


def _entry(blob: Descriptor, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "size": blob.size, "digest": str(blob.digest)}
