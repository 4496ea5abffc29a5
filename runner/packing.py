"""Packing: an image that an engine gives away becomes an OCI layout, compressed at most once.

A containerd store's image has a manifest already and keeps it; a classic store's gets one of Docker's schema 2.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from runner.engines.saved_image import saved_parts
from runner.errors import IntegrityFailure, Unavailable, UsageError
from runner.image.composition import PLAIN_TYPES, docker_manifest, with_layers
from runner.image.digest import Digest
from runner.image.layout import blob_pieces
from runner.image.manifests import (
    DOCKER_CONFIG,
    DOCKER_LAYER_GZIP,
    OCI_INDEX,
    OCI_MANIFEST,
    BadManifest,
    Descriptor,
    ImageConfig,
    Manifest,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from runner.engines.docker_engine import LocalImage
    from runner.engines.saved_image import SavedPart
    from runner.image.compression import Compressor
    from runner.image.layout_writer import LayoutWriter

_SMALL: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Packed:
    """An image whose every digest is known.

    Args:
        manifests: those of single images first, an index last.
        configs: in the layout.
        layers: in the layout, each once.
        known: layers that were not packed, as they are known to be elsewhere.
        diff_ids: of the first image's layers.
    """

    manifests: tuple[Manifest, ...]
    configs: tuple[Descriptor, ...]
    layers: tuple[Descriptor, ...]
    known: tuple[Descriptor, ...]
    diff_ids: tuple[Digest, ...]

    @property
    def manifest(self) -> Manifest:
        """What is pushed under a tag."""
        return self.manifests[-1]

    @property
    def image(self) -> Manifest:
        """The first image's manifest."""
        return self.manifests[0]


def _unheard(_blob: Descriptor) -> None:
    """Where nobody waits for layers."""


@dataclass(slots=True)
class Packing:
    """Packs one image.

    Args:
        image: as the engine describes it.
        writer: where to.
        compressor: of layers.
        known: blobs that trusted manifests give for diffIDs, and that need not be packed.
        finished: told of each layer as soon as it is in the layout.
    """

    image: LocalImage
    writer: LayoutWriter
    compressor: Compressor
    known: Mapping[Digest, Descriptor] = field(default_factory=dict)
    finished: Callable[[Descriptor], None] = _unheard
    _layers: dict[Digest, Descriptor] = field(default_factory=dict)
    _blobs: dict[Digest, int] = field(default_factory=dict)

    def pack(self, chunks: Iterable[bytes]) -> Packed:
        """Pack what the engine gives away.

        Args:
            chunks: of the engine's archive.

        Raises:
            Unavailable: the archive is cut off, or the disk is full.
            IntegrityFailure: it is not this image.
        """
        wanted = set(self.image.diff_ids)
        for part in saved_parts(chunks, self.image.diff_ids):
            if part.is_layer or part.digest in wanted:
                self._take_layer(part, part.diff_id or part.digest)
            elif part.digest is not None:
                self._blobs[part.digest] = self.writer.add(part.digest, part.pieces)
        try:
            packed = self._packed()
        except BadManifest as error:
            raise IntegrityFailure(f"The engine gave an image away that cannot be read: {error}.") from error
        self._remove_others(packed)
        self.writer.finish(packed.manifests)
        return packed

    def _take_layer(self, part: SavedPart, expected: Digest | None) -> None:
        if expected in self._layers:
            return
        if expected is not None and expected in self.known:
            _check_diff_id(expected, _hash(part.pieces))
            self._layers[expected] = self.known[expected]
            return
        self._compress(part.pieces, expected)

    def _compress(self, pieces: Iterable[bytes], expected: Digest | None) -> None:
        """Compress a layer into the layout; it counts under what its bytes hash to."""
        with self.writer.new_blob() as blob:
            made = self.compressor.compress(pieces, blob.write)
            if expected is not None:
                _check_diff_id(expected, made.diff_id)
            diff_id = made.diff_id
            if diff_id in self._layers or diff_id not in self.image.diff_ids:
                return
            if diff_id in self.known:
                self._layers[diff_id] = self.known[diff_id]
                return
            blob.keep(made.digest)
        self._layers[diff_id] = Descriptor(DOCKER_LAYER_GZIP, made.digest, made.size)
        self.finished(self._layers[diff_id])

    def _packed(self) -> Packed:
        content = self._small(self.image.image_id)
        if content is None:
            raise Unavailable(
                "The engine gave the image away without its config.",
                cause="It stopped in the middle, or the image was removed meanwhile.",
                action="Run the task again.",
            )
        document = _document(content)
        if "rootfs" in document:
            return self._from_classic_store(content)
        if "manifests" in document:
            return self._from_index(Manifest(str(document.get("mediaType", OCI_INDEX)), content).check())
        return self._from_manifest(Manifest(str(document.get("mediaType", OCI_MANIFEST)), content).check())

    def _from_classic_store(self, config: bytes) -> Packed:
        """The image's id is its config's digest, which commits to every diffID."""
        diff_ids = ImageConfig.parse(config).diff_ids
        missing = [diff_id for diff_id in diff_ids if diff_id not in self._layers]
        if missing:
            raise Unavailable(
                f"The engine gave the image away without {len(missing)} of its {len(diff_ids)} layers.",
                cause="It stopped in the middle, or the image was removed meanwhile.",
                action="Run the task again.",
            )
        layers = tuple(self._layers[diff_id] for diff_id in diff_ids)
        own = Descriptor(DOCKER_CONFIG, self.image.image_id, len(config))
        manifest = docker_manifest(own, layers)
        return self._result((manifest,), diff_ids)

    def _from_manifest(self, manifest: Manifest) -> Packed:
        """A containerd store's image: its manifest is kept, unless it has layers that are not compressed."""
        config = self._config(manifest)
        plain = [layer for layer in manifest.layers if layer.media_type in PLAIN_TYPES]
        if not plain:
            for layer in _unique(manifest.layers):
                self._check_present(layer)
                self.finished(layer)
            return self._result((manifest,), config.diff_ids)
        # Such a layer would be sent and pulled at four times its size for ever: it comes of an image that was
        # loaded from an archive.
        layers = tuple(self._compressed(layer) for layer in manifest.layers)
        return self._result((with_layers(manifest, layers),), config.diff_ids)

    def _compressed(self, layer: Descriptor) -> Descriptor:
        if layer.media_type not in PLAIN_TYPES:
            self._check_present(layer)
            self.finished(layer)
            return layer
        # Its digest is its diffID: it was compressed on the way.
        if layer.digest not in self._layers:
            raise BadManifest(f"its layer {layer.digest} is not there")
        packed = self._layers[layer.digest]
        return Descriptor(PLAIN_TYPES[layer.media_type], packed.digest, packed.size)

    def _from_index(self, index: Manifest) -> Packed:
        """An image with attestations or for several platforms: all of it, as it is."""
        manifests = []
        for entry in index.entries:
            content = self._small(entry.digest)
            if content is None:
                raise BadManifest(f"{entry.digest}, which its index names, is not there")
            manifests.append(Manifest(entry.media_type, content).check())
        layers = [layer for manifest in manifests for layer in manifest.layers]
        if any(layer.media_type in PLAIN_TYPES for layer in layers):
            raise UsageError(
                "The engine keeps this image's layers uncompressed, inside of an index that names their digests.",
                cause="It was loaded from an archive of another tool.",
                action="Build it here, or push it with that tool.",
            )
        for layer in _unique(layers):
            self._check_present(layer)
            self.finished(layer)
        configs = [self._config(manifest) for manifest in manifests]
        # Beside the engine's own platform there may be others, and attestations.
        own = [
            config.diff_ids
            for config in configs
            if f"{config.platform.os}/{config.platform.architecture}" == self.image.platform
        ]
        return self._result((*manifests, index), own[0] if own else configs[0].diff_ids)

    def _result(self, manifests: tuple[Manifest, ...], diff_ids: tuple[Digest, ...]) -> Packed:
        if diff_ids != self.image.diff_ids:
            raise IntegrityFailure("The layers that the engine gave away are not those of the image.")
        images = [manifest for manifest in manifests if not manifest.is_index]
        configs = _unique(image.config for image in images)
        layers = _unique(layer for image in images for layer in image.layers)
        known = {blob.digest for diff_id, blob in self._layers.items() if diff_id in self.known}
        return Packed(
            manifests,
            configs,
            tuple(layer for layer in layers if layer.digest not in known),
            tuple(layer for layer in layers if layer.digest in known),
            diff_ids,
        )

    def _config(self, manifest: Manifest) -> ImageConfig:
        content = self._small(manifest.config.digest)
        if content is None:
            raise BadManifest(f"its config {manifest.config.digest} is not there")
        return ImageConfig.parse(content)

    def _check_present(self, blob: Descriptor) -> None:
        if blob.is_foreign:
            return
        if self._blobs.get(blob.digest, self._size(blob.digest)) != blob.size:
            raise BadManifest(f"its layer {blob.digest} is not there with {blob.size} bytes")

    def _size(self, digest: Digest) -> int:
        return next((blob.size for blob in self._layers.values() if blob.digest == digest), -1)

    def _small(self, digest: Digest) -> bytes | None:
        if self._blobs.get(digest, _SMALL + 1) > _SMALL:
            return None
        return b"".join(blob_pieces(self.writer.path(digest)))

    def _remove_others(self, packed: Packed) -> None:
        kept = {blob.digest for blob in (*packed.configs, *packed.layers)}
        for digest in self._blobs.keys() - kept:
            self.writer.remove(digest)


def _unique(blobs: Iterable[Descriptor]) -> tuple[Descriptor, ...]:
    return tuple({blob.digest: blob for blob in blobs}.values())


def _document(content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise BadManifest("its id names something that is not JSON") from None
    if not isinstance(document, dict):
        raise BadManifest("its id names something that is no object")
    return document


def _hash(pieces: Iterable[bytes]) -> Digest:
    sha256 = hashlib.sha256()
    for piece in pieces:
        sha256.update(piece)
    return Digest(f"sha256:{sha256.hexdigest()}")


def _check_diff_id(expected: Digest, found: Digest) -> None:
    if expected != found:
        raise IntegrityFailure(
            f"The engine gave a layer away as {expected}, and its digest is {found}.",
            cause="The engine's disk is damaged, or its layer was changed after the build.",
            action="Build the image anew, on another worker if it happens again.",
        )
