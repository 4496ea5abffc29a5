"""What was built is what was pushed: every part of it, down from the identity that was known before."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from runner.ahead import Ahead
from runner.errors import IntegrityFailure, Unavailable
from runner.image.manifests import BadManifest, ImageConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from runner.engines.docker_engine import EngineFacts, LocalImage
    from runner.image.digest import Digest
    from runner.image.manifests import Manifest
    from runner.preparation import Preparation
    from runner.tag_placing import TagPlacing

# A registry far away takes 0.05 to 0.1 s for each of an image's dozen layers.
_ASKED_AT_ONCE: Final = 8


class PushedImage(NamedTuple):
    """One platform's image, as the registry has it.

    Args:
        platform: as its config says it, such as `linux/arm64`, without a variant.
        manifest: its own.
        config: its config.
    """

    platform: str
    manifest: Manifest
    config: ImageConfig

    def stated(self) -> dict[str, Any]:
        """As the statement of an index tells of it."""
        return {
            "platform": self.platform,
            "manifest": str(self.manifest.digest),
            "config": str(self.manifest.config.digest),
            "diffIds": [str(digest) for digest in self.config.diff_ids],
            "layers": [str(layer.digest) for layer in self.manifest.layers],
        }


def check_whole(facts: EngineFacts, image: LocalImage) -> None:
    """A containerd store must hold every blob of what it built.

    It fetches no layer whose content it has from another image; where that one was compressed otherwise, the blob that
    the manifest names is missing: inspect then tells no layers, and the engine cannot push or save (28.5).

    Raises:
        Unavailable: it does not.
    """
    if facts.store == "containerd" and not image.diff_ids:
        raise Unavailable(
            f"The engine does not hold every layer of {image.image_id}, which it just built.",
            cause="Its containerd store has layers of the base image from another image, in another compression, and "
            "did not fetch the base image's own.",
            action="Remove the images that share them from the engine (`docker image rm`), or run the task on another "
            "worker.",
        )


def check_pushed(
    preparation: Preparation, placing: TagPlacing, image: LocalImage, published: Manifest
) -> list[PushedImage]:
    """Compare what the registry has with what was built.

    An index is the engine's id of the image, and commits to all that it names; a manifest that was packed anew holds
    the config, which commits to every layer.

    Args:
        preparation: has the registry and the engine.
        placing: reads manifests.
        image: as the engine has it.
        published: what was pushed.

    Returns:
        The image of each platform, the engine's own platform first.

    Raises:
        IntegrityFailure: the registry has something else, or not all of it.
    """
    if published.is_index:
        _same(image.image_id, published.digest, "index")
        manifests = [placing.confirmed(str(entry.digest), entry.digest) for entry in published.entries]
    else:
        manifests = [published]
    registry, repository = preparation.registry, preparation.job.settings.repository
    try:
        found = images_of(manifests, lambda digest: (registry.get_blob(repository, digest),))
    except BadManifest as error:
        raise IntegrityFailure(f"The registry has an image that cannot be read: {error}.") from error
    if preparation.engine.facts.store == "classic":
        _same(image.image_id, published.config.digest, "config")
    _check_layers(preparation, manifests)
    images = sorted(found, key=lambda each: each.platform != image.platform)
    if not images or (published.is_index and images[0].platform != image.platform):
        raise IntegrityFailure(
            f"The index {published.digest} that was just pushed lists no image for {image.platform}."
        )
    # A containerd store tells no layers of an image whose blobs it lacks because it has their content already.
    if images[0].config.diff_ids != image.diff_ids and (image.diff_ids or image.image_id != published.digest):
        raise IntegrityFailure("The layers that the registry has are not those that were built.")
    return images


def images_of(
    manifests: Iterable[Manifest], content: Callable[[Digest], Iterable[bytes]]
) -> list[PushedImage]:
    """The images of manifests, each once: no index, and no attestation, which runs nowhere.

    Args:
        manifests: in any order, which is kept.
        content: reads a config.

    Raises:
        BadManifest: a manifest or a config is none.
    """
    images = {}
    for manifest in manifests:
        if manifest.is_index or manifest.digest in images:
            continue
        config = ImageConfig.parse(b"".join(content(manifest.config.digest)))
        if config.platform.os != "unknown":
            images[manifest.digest] = PushedImage(
                f"{config.platform.os}/{config.platform.architecture}", manifest, config
            )
    return list(images.values())


def _check_layers(preparation: Preparation, manifests: list[Manifest]) -> None:
    registry, repository = preparation.registry, preparation.job.settings.repository
    layers = sorted(
        {layer.digest for manifest in manifests for layer in manifest.layers if not layer.is_foreign}
    )

    def lacked(part: list[Digest]) -> list[str]:
        return [str(digest) for digest in part if not registry.has_blob(repository, digest)]

    parts = [layers[number::_ASKED_AT_ONCE] for number in range(min(len(layers), _ASKED_AT_ONCE))]
    asked = [Ahead(partial(lacked, part)) for part in parts]
    missing = [digest for part in asked for digest in part.result()]
    if missing:
        raise IntegrityFailure(f"The registry lacks layers of what was just pushed: {', '.join(missing)}.")


def _same(built: Digest, pushed: Digest, what: str) -> None:
    if built != pushed:
        raise IntegrityFailure(
            f"The registry has the {what} {pushed}, and {built} was built.",
            cause="Another task pushes the same tag, or the registry changes what it is sent.",
            action="Run the task again once no other task pushes this tag.",
        )
