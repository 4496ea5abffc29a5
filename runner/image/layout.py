"""An image as a folder (OCI image-layout 1.0), read with every byte hashed."""

from __future__ import annotations

import hashlib
import json
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from runner.errors import IntegrityFailure, UsageError
from runner.image.digest import Digest
from runner.image.manifests import (
    ACCEPTED_TYPES,
    LONGEST_MANIFEST,
    BadManifest,
    Descriptor,
    ImageConfig,
    Manifest,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LAYOUT_FILE: Final = "oci-layout"
INDEX_FILE: Final = "index.json"
LAYOUT_VERSION: Final = "1.0.0"
_PIECE: Final = 256 * 1024
_LONGEST_DOCUMENT: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Layout:
    """A layout whose every blob has the digest that it is named by.

    Args:
        folder: where it is.
        manifests: those of single images first, an index last; the last is what the layout is of.
        configs: each image's config.
        layers: of all images.
    """

    folder: Path
    manifests: tuple[Manifest, ...]
    configs: tuple[Descriptor, ...]
    layers: tuple[Descriptor, ...]

    @property
    def manifest(self) -> Manifest:
        """What the layout is of."""
        return self.manifests[-1]

    @property
    def image(self) -> Manifest:
        """The first image's manifest."""
        return self.manifests[0]

    def config(self) -> tuple[bytes, ImageConfig]:
        """The first image's config."""
        content = self.blob(self.image.config)
        return content, ImageConfig.parse(content)

    def blob(self, blob: Descriptor) -> bytes:
        """A small blob."""
        return b"".join(self.open(blob.digest, 0))

    def open(self, digest: Digest, offset: int) -> Iterator[bytes]:
        """A blob in pieces, from an offset."""
        return blob_pieces(self.folder / "blobs" / "sha256" / digest.hex, offset)

    @classmethod
    def read(cls, folder: Path) -> Layout:
        """Read a layout and hash all of it.

        Raises:
            UsageError: the folder holds no layout.
            IntegrityFailure: something in it is not what its name says, is missing, or contradicts the rest.
        """
        index = _index(folder)
        sizes = _hashed(folder / "blobs" / "sha256")
        try:
            manifests = _manifests(folder, index, sizes)
            images = [manifest for manifest in manifests if not manifest.is_index]
            configs = tuple(image.config for image in images)
            layers = tuple(layer for image in images for layer in image.layers if not layer.is_foreign)
            for descriptor in (*configs, *layers):
                _present(descriptor, sizes)
            layout = cls(folder, manifests, configs, layers)
            for image in images:
                layout._check_config(image)
        except BadManifest as error:
            raise IntegrityFailure(
                f"The layout in {folder} cannot be read: {error}.", action="Build it again."
            ) from error
        return layout

    def _check_config(self, image: Manifest) -> None:
        if any("in-toto" in layer.media_type for layer in image.layers):
            return  # an attestation: its config describes no file system
        if image.config.size > _LONGEST_DOCUMENT:
            raise BadManifest(f"the config {image.config.digest} has {image.config.size} bytes")
        config = ImageConfig.parse(self.blob(image.config))
        if len(config.diff_ids) != len(image.layers):
            raise BadManifest(
                f"the config {image.config.digest} speaks of {len(config.diff_ids)} layers, and its manifest "
                f"of {len(image.layers)}"
            )


def blob_pieces(path: Path, offset: int = 0) -> Iterator[bytes]:
    """A file in pieces, from an offset."""
    with path.open("rb") as file:
        file.seek(offset)
        while piece := file.read(_PIECE):
            yield piece


def _index(folder: Path) -> list[Any]:
    documents = []
    for name in (LAYOUT_FILE, INDEX_FILE):
        try:
            path = folder / name
            if not stat.S_ISREG(path.lstat().st_mode) or path.stat().st_size > _LONGEST_DOCUMENT:
                raise IntegrityFailure(f"{path} is no small file.", action="Build the layout again.")
            documents.append(json.loads(path.read_bytes()))
        except OSError as error:
            raise UsageError(
                f"{folder} holds no OCI layout: {name} cannot be read ({error.strerror}).",
                action="Name the folder that `lading-runner build --output` filled.",
            ) from error
        except (ValueError, RecursionError) as error:
            raise IntegrityFailure(f"{folder / name} is not JSON.", action="Build it again.") from error
    layout, index = documents
    if not isinstance(layout, dict) or layout.get("imageLayoutVersion") != LAYOUT_VERSION:
        raise IntegrityFailure(
            f"{folder / LAYOUT_FILE} does not say that this is a layout of {LAYOUT_VERSION}."
        )
    entries = index.get("manifests") if isinstance(index, dict) else None
    if not isinstance(entries, list) or len(entries) != 1:
        raise IntegrityFailure(f"{folder / INDEX_FILE} does not name exactly one image.")
    return entries


def _hashed(blobs: Path) -> dict[Digest, int]:
    """The sizes of all blobs, each of which has the digest that it is named by."""
    sizes = {}
    try:
        for path in sorted(blobs.iterdir()):
            if not stat.S_ISREG(path.lstat().st_mode):
                raise IntegrityFailure(f"{path} is no file.", action="Build the layout again.")
            sha256, size = hashlib.sha256(), 0
            for piece in blob_pieces(path):
                sha256.update(piece)
                size += len(piece)
            if sha256.hexdigest() != path.name:
                raise IntegrityFailure(
                    f"{path} has the digest sha256:{sha256.hexdigest()}: it is not what its name says.",
                    cause="It was damaged or replaced after it was built.",
                    action="Build it again; nothing was pushed.",
                )
            sizes[Digest(f"sha256:{path.name}")] = size
    except OSError as error:
        raise IntegrityFailure(f"{blobs} cannot be read: {error.strerror}.") from error
    return sizes


def _manifests(folder: Path, entries: list[Any], sizes: dict[Digest, int]) -> tuple[Manifest, ...]:
    """The manifests that the index leads to, the outermost last."""
    found: list[Manifest] = []
    pending = [Descriptor.from_json(entry) for entry in entries]
    while pending:
        descriptor = pending.pop(0)
        _present(descriptor, sizes)
        if descriptor.media_type not in ACCEPTED_TYPES or descriptor.size > LONGEST_MANIFEST:
            raise BadManifest(f"{descriptor.digest} is no manifest ({descriptor.media_type[:100]!r})")
        path = folder / "blobs" / "sha256" / descriptor.digest.hex
        manifest = Manifest(descriptor.media_type, b"".join(blob_pieces(path))).check()
        found.insert(0, manifest)
        if manifest.is_index:
            if len(found) > 1:
                raise BadManifest("an index is inside of an index")
            pending += manifest.entries
    if all(manifest.is_index for manifest in found):
        raise BadManifest("it has no image")
    # The index was found first, and is last; the others are as it lists them.
    *images, top = found
    return (*reversed(images), top)


def _present(descriptor: Descriptor, sizes: dict[Digest, int]) -> None:
    size = sizes.get(descriptor.digest)
    if size is None:
        raise BadManifest(f"{descriptor.digest} is missing")
    if size != descriptor.size:
        raise BadManifest(f"{descriptor.digest} has {size} bytes where {descriptor.size} are stated")
