"""The base images of a build: as the engine has them, and as their registries hold what the engine pulled."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from runner.engines.engine_choice import Builder
from runner.errors import IntegrityFailure, RunnerError
from runner.image.manifests import BadManifest, Manifest
from runner.image.reference import BadReference, ImageReference
from runner.registry.client import RegistryClient

if TYPE_CHECKING:
    from runner.engines.docker_engine import BuildRequest, LocalImage
    from runner.image.manifests import Descriptor
    from runner.preparation import Preparation


def local_bases(preparation: Preparation) -> list[LocalImage]:
    """The base images, as the engine has them."""
    found = (_local(preparation, base) for base in preparation.bases)
    return [image for image in found if image]


def base_triggers(preparation: Preparation, request: BuildRequest) -> tuple[str, ...] | None:
    """The `ONBUILD` instructions that run in the build; None where they cannot be known before it.

    A base image that the engine lacks is pulled, as the classic builder would do next.

    Raises:
        RunnerError: it could not be pulled.
    """
    dockerfile = preparation.dockerfile
    parents = dockerfile.parents(request.build_args)
    if not parents:
        return ()
    if preparation.builder.builder is Builder.BUILDX or any(stage.platform for stage in dockerfile.stages):
        # BuildKit asks the registry for what a tag names, whatever the engine has under it.
        return None
    found: list[str] = []
    for parent in parents:
        image = _had(preparation, parent.reference, request)
        if image is None or request.platform not in {None, image.platform}:
            return None
        found += image.triggers
    return tuple(found)


def _had(preparation: Preparation, written: str | None, request: BuildRequest) -> LocalImage | None:
    image = _local(preparation, written)
    # With a target or a platform it is for the builder to say what it needs.
    if image is not None or written is None or request.target or request.platform:
        return image
    try:
        reference = ImageReference.parse(written)
    except BadReference:
        return None
    credentials = request.pull_credentials
    own = credentials if credentials and credentials.registry == reference.repository.registry else None
    preparation.engine.pull(reference, own, preparation.job.narrator.output)
    return _local(preparation, written)


def _local(preparation: Preparation, reference: str | None) -> LocalImage | None:
    with suppress(RunnerError):
        return preparation.engine.image(reference) if reference else None
    return None


def stated_bases(preparation: Preparation) -> tuple[dict[str, str], ...]:
    """The base images by reference, each with its digest where its registry confirms it.

    The engine's own word for a digest is not taken: the manifest under it must have the config that the engine has.
    A containerd store's image id is such a digest itself.
    """
    return tuple(_stated(preparation, base) for base in preparation.bases)


def _stated(preparation: Preparation, base: str) -> dict[str, str]:
    stated = {"reference": base}
    with suppress(RunnerError, BadReference):
        image = preparation.engine.image(base)
        stated["imageId"] = str(image.image_id)
        repository = ImageReference.parse(base).repository
        for text in image.repo_digests:
            reference = ImageReference.parse(text)
            if reference.repository != repository or reference.digest is None:
                continue
            found = pulled_manifest(preparation, reference, image.platform)
            if image.image_id == reference.digest or (found and found[0].config.digest == image.image_id):
                stated["digest"] = str(reference.digest)
    return stated


def pulled_manifest(
    preparation: Preparation, reference: ImageReference, platform: str
) -> tuple[Manifest, bytes] | None:
    """The manifest of one platform's image under a digest, with its config; None if its registry does not show it.

    Raises:
        RunnerError: the registry does not answer.
    """
    settings = preparation.job.settings
    if reference.repository.registry == settings.repository.registry:
        return _manifest_of(preparation.registry, reference, platform)
    # Nobody else's registry gets the credentials.
    with RegistryClient(reference.repository.registry, insecure=settings.insecure_registries) as client:
        return _manifest_of(client, reference, platform)


def _manifest_of(
    client: RegistryClient, reference: ImageReference, platform: str
) -> tuple[Manifest, bytes] | None:
    """The manifest of one platform's image under a digest, with its config."""
    if reference.digest is None:
        return None
    manifest = client.get_manifest(reference.repository, str(reference.digest))
    try:
        if manifest is not None and manifest.is_index:
            entry = next((entry for entry in manifest.entries if _runs_on(entry, platform)), None)
            manifest = client.get_manifest(reference.repository, str(entry.digest)) if entry else None
        if manifest is None or manifest.is_index:
            return None
        return manifest, client.get_blob(reference.repository, manifest.config.digest)
    except (BadManifest, IntegrityFailure):
        return None


def _runs_on(entry: Descriptor, platform: str) -> bool:
    found = entry.platform
    return found is not None and f"{found.os}/{found.architecture}" == platform
