"""Publishing by the direct way: which layers the registry has already, pack and push."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from runner.base_images import local_bases, pulled_manifest
from runner.errors import RunnerError
from runner.image.composition import trusted_layers
from runner.image.compression import compressor
from runner.image.layout_writer import LayoutWriter, disk_errors
from runner.image.manifests import BadManifest
from runner.registry.push import BlobState
from runner.transport import DirectPush, base_layers, held_layers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.engines.docker_engine import LocalImage
    from runner.image.digest import Digest
    from runner.image.manifests import Descriptor, Manifest
    from runner.image.reference import ImageReference
    from runner.packing import Packed
    from runner.preparation import Preparation


def push_directly(preparation: Preparation, image: LocalImage) -> Packed:
    """Pack the image and push all of it but its tags.

    Raises:
        RunnerError: it could not be packed or pushed.
        IntegrityFailure: the registry has another manifest than was packed.
    """
    job = preparation.job
    repository, narrator = job.settings.repository, job.narrator
    with ExitStack() as stack:
        step = stack.enter_context(narrator.step(f"Pack the image and push its layers to {repository}"))
        known = held_layers(preparation.registry, repository, _candidates(preparation, image))
        with disk_errors(Path(tempfile.gettempdir())):
            spool = stack.enter_context(tempfile.TemporaryDirectory(prefix="lading-layers-"))
        pushing = DirectPush(
            preparation.registry,
            repository,
            LayoutWriter(Path(spool) / "layout"),
            stack.enter_context(compressor()),
            lambda done, total: narrator.progress("layers", done, total),
        )
        chunks = stack.enter_context(closing(preparation.engine.save(image.image_id)))
        packed = pushing.push(image, chunks, known)
        pushed = pushing.count(BlobState.UPLOADED)
        reused = len(packed.known) + pushing.count(BlobState.PRESENT, BlobState.MOUNTED)
        step.facts.update(layersPushed=pushed, layersReused=reused, bytesPushed=pushing.bytes_sent)
        narrator.say(f"  {packed.manifest.digest}: {pushed} blobs sent, {reused} already there")
    return packed


def _candidates(
    preparation: Preparation, image: LocalImage
) -> list[tuple[ImageReference, dict[Digest, Descriptor]]]:
    """What trusted manifests give: those that statements of this repository name, and the base images'.

    A containerd store keeps those very blobs itself.
    """
    if preparation.engine.facts.store == "containerd":
        return []

    def manifest_of(reference: ImageReference, platform: str) -> tuple[Manifest, bytes] | None:
        return pulled_manifest(preparation, reference, platform)

    based = base_layers(image, local_bases(preparation), manifest_of)
    return [*_stated_layers(preparation, image), *based]


def _stated_layers(
    preparation: Preparation, image: LocalImage
) -> Iterator[tuple[ImageReference, dict[Digest, Descriptor]]]:
    """The blobs of the image's layers in manifests that are under its tags and that statements name.

    What is under a tag without a statement may be anybody's, who could pair a diffID of ours with a blob of theirs.
    """
    repository = preparation.job.settings.repository
    for manifest in preparation.tags.stated:
        if manifest.is_index:
            continue
        try:
            config = preparation.registry.get_blob(repository, manifest.config.digest)
        except (RunnerError, BadManifest):
            continue
        trusted = trusted_layers(manifest, config)
        layers = {diff_id: layer for diff_id, layer in trusted.items() if diff_id in image.diff_ids}
        if layers:
            yield repository.at(manifest.digest), layers
