"""What is read of an image: its manifests, its configs, and, where that is asked for, every layer."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from runner.errors import CannotTell, IntegrityFailure, Refused, Unavailable
from runner.evidence_reading import Readers
from runner.image.digest import Digest
from runner.image.manifests import BadManifest, ImageConfig
from runner.registry.contents import blobs_in, manifests_in
from runner.verification_image import stated_images
from runner.verification_values import REGISTRY, SeenImage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from runner.evidence_reading import ReadSoFar
    from runner.image.manifests import Descriptor, Manifest
    from runner.image.reference import ImageReference, Repository
    from runner.registry.contents import ImageSource
    from runner.verification_values import Evidence

_GZIP: Final = 16 + zlib.MAX_WBITS


def _everything(_digest: Digest) -> bool:
    return True


def unwatched(_read: ReadSoFar) -> None:
    """Where nobody waits."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How the image is read.

    Args:
        place: where: `the registry`, `the folder`.
        layers: whether they are read and hashed.
        has: whether a blob can be read; a folder may lack layers.
        watch: told how far it is; what it raises ends the reading.
    """

    place: str = REGISTRY
    layers: bool = True
    has: Callable[[Digest], bool] = _everything
    watch: Callable[[ReadSoFar], None] = unwatched


def read_top(
    reference: ImageReference, image: ImageSource
) -> tuple[Manifest, ImageConfig | None, tuple[str, ...]]:
    """The image's manifest, its config unless it is an index, and what is wrong with the config.

    Raises:
        CannotTell: there is no such image, or it is not shown.
        IntegrityFailure: the manifest's bytes are not what their digest says.
    """
    try:
        manifest = image.get_manifest(reference.repository, reference.manifest_name)
        if manifest is None:
            raise CannotTell(f"There is no {reference}.", action="Check the name, the tag and the digest.")
        if manifest.is_index:
            return manifest, None, ()
        try:
            content = image.get_blob(reference.repository, manifest.config.digest)
        except IntegrityFailure as error:
            return manifest, None, (f"the config differs: {error.what}",)
        return manifest, ImageConfig.parse(content), ()
    except BadManifest as error:
        raise CannotTell(f"There is something under {reference} that cannot be read: {error}.") from error
    except Refused as error:
        raise CannotTell(error.what, cause=error.cause, action=error.action) from error
    except Unavailable as error:
        raise CannotTell(error.what, cause=error.cause, action="Try again once it answers.") from error


def with_image(
    evidence: Evidence, repository: Repository, image: ImageSource, top: Manifest, reading: Reading
) -> Evidence:
    """The evidence with all that tells whether the image is the statement's.

    Args:
        evidence: with a statement.
        repository: where the image is.
        image: reads it.
        top: its manifest or index.
        reading: how.
    """
    statement = evidence.statement
    if statement is None:
        return evidence

    def opened(blob: Descriptor) -> Iterator[bytes]:
        return image.open_blob(repository, blob.digest, blob.size)

    try:
        manifests = manifests_in(image, repository, top)
        if top.is_index:
            evidence = replace(evidence, images=_images(repository, image, manifests))
        stated = stated_images(statement)
        if top.digest in {statement.published, *(each.manifest for each in stated)}:
            return _with_contents(evidence, opened, manifests, reading)
        return _with_diff_ids(evidence, stated, opened, manifests, reading)
    except IntegrityFailure as error:
        return replace(evidence, damage=(error.what,))
    except BadManifest as error:
        return replace(evidence, unread=f"an image that the index lists cannot be read: {error}")
    except (Refused, Unavailable) as error:
        return replace(evidence, unread=f"the image's content cannot be read: {error.what}")


def _images(
    repository: Repository, image: ImageSource, manifests: Iterable[Manifest]
) -> tuple[SeenImage, ...]:
    """Of an index, each image that runs somewhere: an attestation's platform is `unknown`."""
    found = []
    for manifest in manifests:
        if manifest.is_index:
            continue
        platform = ImageConfig.parse(image.get_blob(repository, manifest.config.digest)).platform
        if platform.os != "unknown":
            layers = tuple(layer.digest for layer in manifest.layers)
            found.append(SeenImage(str(platform), manifest.digest, manifest.config.digest, layers))
    return tuple(found)


def _with_contents(
    evidence: Evidence,
    opened: Callable[[Descriptor], Iterator[bytes]],
    manifests: tuple[Manifest, ...],
    reading: Reading,
) -> Evidence:
    """Every blob read and hashed: a manifest alone does not show what is behind it."""
    if not reading.layers:
        return replace(evidence, contents="layers are not read: who pulls the image hashes them")
    blobs = [blob for blob in blobs_in(manifests) if reading.has(blob.digest)]
    found = Readers(opened, _fault, reading.watch).read(blobs)
    damage = tuple(
        f"the bytes of {blob.digest} differ: {fault}"
        for blob, fault in zip(blobs, found, strict=True)
        if fault
    )
    size = sum(blob.size for blob in blobs)
    seen = f"{len(blobs)} blobs of {size} bytes were read, and are what their digests say"
    return replace(evidence, damage=damage, contents=seen)


def _fault(pieces: Iterator[bytes]) -> str:
    try:
        for _piece in pieces:
            pass
    except IntegrityFailure as error:
        return error.what
    return ""


def _with_diff_ids(
    evidence: Evidence,
    stated: tuple[SeenImage, ...],
    opened: Callable[[Descriptor], Iterator[bytes]],
    manifests: tuple[Manifest, ...],
    reading: Reading,
) -> Evidence:
    """The digests of the layers' content as it is served, of each image with a config of the statement's.

    A manifest may pair a config with other layers' bytes: only the bytes tell.
    """
    same, configs = {each.manifest for each in stated}, {each.config for each in stated}
    unclear = [
        manifest
        for manifest in manifests
        if not manifest.is_index and manifest.digest not in same and manifest.config.digest in configs
    ]
    layers = list({layer.digest: layer for manifest in unclear for layer in manifest.layers}.values())
    try:
        found = Readers(opened, _diff_id, reading.watch).read(layers)
    except (zlib.error, Refused, Unavailable):
        return evidence
    content = dict(zip((layer.digest for layer in layers), found, strict=True))
    read = {
        manifest.digest: tuple(content[layer.digest] for layer in manifest.layers) for manifest in unclear
    }
    if evidence.images is None:
        return replace(evidence, diff_ids=read.get(evidence.digest))
    images = tuple(seen._replace(diff_ids=read.get(seen.manifest)) for seen in evidence.images)
    return replace(evidence, images=images)


def _diff_id(pieces: Iterable[bytes]) -> Digest:
    content, unpacker = sha256(), None
    for number, piece in enumerate(pieces):
        if number == 0 and piece[:2] == b"\x1f\x8b":
            unpacker = zlib.decompressobj(_GZIP)
        content.update(unpacker.decompress(piece) if unpacker else piece)
    if unpacker:
        content.update(unpacker.flush())
    return Digest(f"sha256:{content.hexdigest()}")
