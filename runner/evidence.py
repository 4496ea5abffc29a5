"""Gathers what a verdict rests on: from the registry's bytes to the task's definition.

The root URL comes from the caller, never from the image.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from runner.evidence_image import read_top, with_image
from runner.evidence_task import gather_known
from runner.task.image_metadata import REVISION_LABEL
from runner.verification_values import Evidence

if TYPE_CHECKING:
    from runner.evidence_image import Reading
    from runner.evidence_task import Lookup
    from runner.image.manifests import ImageConfig, Manifest
    from runner.image.reference import ImageReference
    from runner.registry.contents import ImageSource
    from runner.task.queue_service import TaskSource


def gather(
    reference: ImageReference,
    image: ImageSource,
    taskcluster: TaskSource,
    lookup: Lookup,
    reading: Reading,
) -> Evidence:
    """Read everything that can be read of an image and its task.

    Raises:
        CannotTell: there is no such image, or it is not shown.
        IntegrityFailure: the manifest's bytes are not what their digest says.
    """
    manifest, config, damage = read_top(reference, image)
    evidence = gather_task(taskcluster, lookup, manifest, config)
    evidence = replace(evidence, damage=damage, place=reading.place)
    return evidence if damage else with_image(evidence, reference.repository, image, manifest, reading)


def gather_task(
    taskcluster: TaskSource, lookup: Lookup, manifest: Manifest, config: ImageConfig | None
) -> Evidence:
    """What can be read of the task of an image that is known already.

    Args:
        taskcluster: who is trusted.
        lookup: how the task is found.
        manifest: of the image.
        config: of the image, or None for an index.
    """
    evidence = Evidence(
        digest=manifest.digest,
        config=None if manifest.is_index else manifest.config.digest,
        layers=None if manifest.is_index else tuple(layer.digest for layer in manifest.layers),
        revision=config.labels.get(REVISION_LABEL) if config else None,
    )
    return gather_known(taskcluster, lookup, evidence, config.labels if config else {})
