"""Publishing in two tasks: one builds and packs without a secret, the other pushes exactly those bytes."""

from __future__ import annotations

import shutil
import threading
from contextlib import closing
from typing import TYPE_CHECKING

from runner.errors import IntegrityFailure, UsageError
from runner.image.compression import compressor
from runner.image.layout import blob_pieces
from runner.image.layout_writer import LayoutWriter
from runner.packing import Packing
from runner.publication import Publication
from runner.pushed_check import images_of
from runner.registry.push import Blob, Push, PushedBlob
from runner.task.image_metadata import REVISION_LABEL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from runner.credentials import RegistryCredentials
    from runner.image.digest import Digest
    from runner.image.layout import Layout
    from runner.image.manifests import Descriptor
    from runner.job import Job
    from runner.preparation import Preparation
    from runner.task.statement import Statement


class LayoutBuild(Publication):
    """Builds and packs; no secret is read, and no registry is spoken to but by the engine, for base images.

    Args:
        output: the folder of the layout.
    """

    def __init__(self, job: Job, preparation: Preparation, *, output: Path) -> None:
        super().__init__(job, preparation)
        self.output = output

    def _publish(self) -> None:
        if self.output.exists() and (not self.output.is_dir() or any(self.output.iterdir())):
            raise UsageError(
                f"{self.output} is not empty, and a layout is not written over anything.",
                action="Name a folder that does not exist yet.",
            )
        self._prepare_build()
        self._find_engine()
        image = self._build()
        engine, narrator = self.preparation.engine, self.job.narrator
        writer = LayoutWriter(self.output)
        try:
            with (
                narrator.step(f"Pack the image into {self.output}") as step,
                compressor() as making,
                closing(engine.save(image.image_id)) as chunks,
            ):
                packed = Packing(image, writer, making).pack(chunks)
                step.facts.update(bytesPacked=sum(layer.size for layer in packed.layers))
                narrator.say(f"  {packed.manifest.digest} with {len(packed.image.layers)} layers")
        except BaseException:
            # Half a layout has no index and would be refused, but it would fill the artifact.
            shutil.rmtree(self.output, ignore_errors=True)
            raise
        self.manifest = packed.manifest
        images = images_of((packed.image, *packed.manifests), lambda digest: blob_pieces(writer.path(digest)))
        # Asking a registry for their digests would take the secret.
        self._leave_statement(
            self._statement(images, [{"reference": base} for base in self.preparation.bases])
        )

    def _pull_credentials(self) -> RegistryCredentials | None:
        return None


def check_revision(layout: Layout, job: Job) -> None:
    """The tags of this commit must not name an image of another.

    Raises:
        IntegrityFailure: the layout says that it is of another commit.
    """
    revision = layout.config()[1].labels.get(REVISION_LABEL)
    if revision is None:
        job.narrator.warn("the layout does not say of which commit it is: that is not checked")
    elif revision != job.revision:
        raise IntegrityFailure(
            f"The layout was built from commit {revision[:12]}, and this task is about {job.revision[:12]}.",
            action="Push the layout that was built for this commit.",
        )


class LayoutPush(Publication):
    """Pushes a layout, once every byte of it is what its name says.

    Args:
        layout: what is pushed.
    """

    def __init__(self, job: Job, preparation: Preparation, *, layout: Layout) -> None:
        super().__init__(job, preparation)
        self.layout = layout
        self._sent: dict[Digest, PushedBlob] = {}
        self._lock = threading.Lock()

    def _prepare(self) -> Statement | None:
        self.preparation.check_event()
        check_revision(self.layout, self.job)
        _ = self.preparation.sink
        self._prepare_push()
        return self.preparation.tags.published

    def _build_and_push(self) -> Statement:
        layout, settings, narrator = self.layout, self.job.settings, self.job.narrator
        first = self._placing.recheck(self.preparation.tags.decisions[0]).tag.name
        with narrator.step(f"Push {layout.manifest.digest} to {settings.repository}") as step:
            push = Push(self.preparation.registry, settings.repository, progress=self._see)
            blobs = [self._blob(blob) for blob in layout.layers]
            configs = [self._blob(blob) for blob in layout.configs]
            pushed = push.image(blobs, configs, layout.manifests, ())
            step.facts.update(bytesPushed=pushed.bytes_sent)
        self.manifest = self._put_first_tag(layout.manifest, first)
        self.tag_states[first] = "pushed"
        return self._statement(
            images_of((layout.image, *layout.manifests), lambda digest: layout.open(digest, 0))
        )

    def _blob(self, blob: Descriptor) -> Blob:
        def source(offset: int) -> Iterator[bytes]:
            return self.layout.open(blob.digest, offset)

        return Blob(blob, source)

    def _see(self, blob: PushedBlob) -> None:
        with self._lock:
            self._sent[blob.descriptor.digest] = blob
            sent = self._sent.values()
            self.job.narrator.progress(
                "layers", sum(seen.sent for seen in sent), sum(seen.descriptor.size for seen in sent)
            )

    def _builder(self) -> Mapping[str, str]:
        return {}
