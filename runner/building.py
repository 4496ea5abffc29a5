"""The build itself, by whichever builder was chosen; what follows is the same for both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.engines.engine_choice import Builder
from runner.engines.version_file import put_back_leftover, records_of
from runner.image.labelling import labelled
from runner.task.image_metadata import VERSION_FILE
from runner.used_context import used_context

if TYPE_CHECKING:
    from pathlib import Path

    from runner.engines.docker_engine import BuildRequest, LocalImage
    from runner.image.context import BuildContext
    from runner.job import Job
    from runner.narration import Step
    from runner.preparation import Preparation
    from runner.transport_choice import ContextSample


def build_image(
    preparation: Preparation, request: BuildRequest, sample: ContextSample, step: Step
) -> tuple[LocalImage, BuildContext]:
    """Build into the engine's store.

    Args:
        preparation: has the context, the engine and the builder.
        request: what to build.
        sample: looks at the context.
        step: gets how much of the context went to the builder.

    Returns:
        The image, and the context that went by.

    Raises:
        RunnerError: it did not build, or could not.
    """
    narrator, context = preparation.job.narrator, used_context(preparation, request)
    if preparation.builder.builder is Builder.CLASSIC:
        request, context = _labelled(request, context)
        stream = sample.watch(context.stream())
        return preparation.engine.build(request, stream, narrator.output), context
    # Late: most builds are classic.
    from runner.engines.buildx import Source
    from runner.engines.buildx_progress import SolveWatch

    stream = sample.watch(context.stream())
    request = request._replace(secrets=preparation.build_secrets)
    # buildx reads the folder itself: this is for the digest, which is the same by either builder.
    for _ in stream:
        pass
    watch = SolveWatch(narrator.output, lambda done, total: narrator.progress("base layers", done, total))
    source = Source(
        folder=_folder(preparation.job),
        files=preparation.context.files,
        version_file=VERSION_FILE,
        version=preparation.version_json,
        records=records_of(preparation.job.checkout.folder),
    )
    image = preparation.buildx.build(request, source, preparation.engine, watch)
    step.facts["contextBytesSent"] = watch.context_bytes
    return image, context


def _labelled(request: BuildRequest, context: BuildContext) -> tuple[BuildRequest, BuildContext]:
    """The same with all labels in one instruction, where that leaves no trace but the labels."""
    longer = labelled(context.files.dockerfile, request.labels, request.target)
    other = context.building(longer) if longer else None
    if other is None:
        return request, context
    return request._replace(labels={}, dockerfile=other.files.dockerfile_name), other


def put_back_version_file(job: Job) -> None:
    """Put back what stood in version.json's place, if a build by buildx was killed before it could.

    Raises:
        Conflict: another build in this checkout lasts.
    """
    path = _folder(job) / VERSION_FILE
    if put_back_leftover(path, records_of(job.checkout.folder)):
        job.narrator.say(
            f"  {VERSION_FILE} was left by a build that was killed: what stood there is put back"
        )


def _folder(job: Job) -> Path:
    return job.checkout.folder / job.settings.context
