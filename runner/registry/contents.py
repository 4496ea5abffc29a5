"""All that a manifest leads to: an index's images, and the blobs of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from runner.errors import IntegrityFailure
from runner.image.manifests import BadManifest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.image.digest import Digest
    from runner.image.manifests import Descriptor, Manifest
    from runner.image.reference import Repository

_MOST_MANIFESTS: Final = 1000
_DEEPEST: Final = 8


class ImageSource(Protocol):
    """Where an image is read from: a registry, or a folder; what it gives is hashed.

    The exceptions are those of `runner.registry.client.RegistryClient`.
    """

    def get_manifest(self, repository: Repository, name: str) -> Manifest | None:
        """The manifest under a tag or digest."""

    def get_blob(self, repository: Repository, digest: Digest) -> bytes:
        """A small blob."""

    def open_blob(self, repository: Repository, digest: Digest, size: int) -> Iterator[bytes]:
        """A blob in pieces."""


def manifests_in(source: ImageSource, repository: Repository, top: Manifest) -> tuple[Manifest, ...]:
    """The manifests that `top` leads to, each once and after those that it lists; `top` is the last.

    Raises:
        IntegrityFailure: one that is listed is not there, is no manifest, or there are more than 1000.
    """
    found: dict[Digest, Manifest] = {}
    _collect(source, repository, top, found, 0)
    return tuple(found.values())


def _collect(
    source: ImageSource, repository: Repository, manifest: Manifest, found: dict[Digest, Manifest], depth: int
) -> None:
    # A digest commits to what it lists, so that no manifest lists itself.
    for entry in manifest.entries if manifest.is_index else ():
        if entry.digest in found:
            continue
        child = source.get_manifest(repository, str(entry.digest))
        if child is None:
            raise IntegrityFailure(f"{repository} lacks {entry.digest}, which {manifest.digest} lists.")
        _collect(source, repository, child, found, depth + 1)
    found[manifest.digest] = manifest
    if len(found) > _MOST_MANIFESTS or depth > _DEEPEST:
        raise IntegrityFailure(f"{repository} has an index of more than {_MOST_MANIFESTS} manifests.")


def blobs_in(manifests: tuple[Manifest, ...]) -> tuple[Descriptor, ...]:
    """The layers and configs of these manifests, each once; not those that registries do not hold.

    Raises:
        IntegrityFailure: one of the manifests cannot be read.
    """
    found: dict[Digest, Descriptor] = {}
    try:
        for manifest in manifests:
            for blob in () if manifest.is_index else (*manifest.layers, manifest.config):
                if not blob.is_foreign:
                    found[blob.digest] = blob
    except BadManifest as error:
        raise IntegrityFailure(f"The image cannot be read: {error}.") from error
    return tuple(found.values())
