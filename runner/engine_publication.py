"""Publishing by the engine's own push: what the registry then has is read, whatever the engine said."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from runner.engines.engine_stream import LoginLost
from runner.errors import IntegrityFailure, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.engines.docker_engine import LocalImage
    from runner.image.manifests import Manifest
    from runner.preparation import Preparation
    from runner.tag_placing import TagPlacing


def push_by_engine(preparation: Preparation, placing: TagPlacing, image: LocalImage, tag: str) -> Manifest:
    """Let the engine push one tag, and read it back.

    Raises:
        RunnerError: the push failed.
        IntegrityFailure: what was pushed is not what was built.
    """
    reference, narrator = preparation.job.settings.repository.tagged(tag), preparation.job.narrator
    with narrator.step(f"Push {reference}") as step:
        with _login_checked(preparation):
            watch = preparation.engine.push(
                image.image_id,
                reference,
                preparation.credentials,
                lambda done, total: narrator.progress("layers", done, total),
            )
        step.facts.update(layersPushed=watch.pushed, layersReused=watch.reused)
        narrator.say(f"  {watch.pushed} layers pushed, {watch.reused} already there")
    with narrator.step("Read back by tag and by digest"):
        manifest = placing.confirmed(tag, watch.digest)
        placing.confirmed(str(manifest.digest), manifest.digest)
        narrator.say(f"  {tag} is {manifest.digest}")
    if preparation.engine.facts.store == "containerd" and manifest.digest != image.image_id:
        # Where parts of an index are missing such an engine pushes one of its manifests instead, and says so in a
        # note (ManifestPushedInsteadOfIndex, moby/moby#48731).
        raise IntegrityFailure(
            f"The engine pushed {manifest.digest}, and built {image.image_id}.",
            cause="It lacks a part of what it built, or another task pushes the same tag.",
            action="Run the task again.",
        )
    return manifest


@contextmanager
def _login_checked(preparation: Preparation) -> Iterator[None]:
    """Where the registry did not know the engine any more: whether the credentials still are good.

    Raises:
        Refused: they are not.
        Unavailable: they are: the engine's token expired, and another push gets another.
    """
    try:
        yield
    except LoginLost as error:
        preparation.registry.check_push(preparation.job.settings.repository)
        raise Unavailable(
            error.what,
            cause="The credentials still are good: the engine's token expired during the push.",
            action='A rerun sends only what is missing; `transport = "direct"` renews its tokens.',
        ) from error
