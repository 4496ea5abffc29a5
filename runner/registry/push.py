"""Pushes an image: blobs side by side, then configs, manifests by digest, and the tags, `latest` last."""

from __future__ import annotations

import threading
from collections.abc import Generator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from runner.errors import RunnerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from runner.image.manifests import Descriptor, Manifest
    from runner.image.reference import Repository
    from runner.registry.client import RegistryClient
    from runner.registry.uploads import UploadSession

LATEST: Final = "latest"


class BlobState(StrEnum):
    """What became of a blob."""

    PRESENT = "present"
    MOUNTED = "mounted"
    UPLOADING = "uploading"
    UPLOADED = "uploaded"


@dataclass(frozen=True, slots=True)
class Blob:
    """A layer or a config to be pushed.

    Args:
        descriptor: its digest and size.
        source: opens it at an offset; it may be called again.
        mount_from: paths of repositories of the same registry that may hold it.
    """

    descriptor: Descriptor
    source: Callable[[int], Iterator[bytes]]
    mount_from: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PushedBlob:
    """How far a blob is: `sent` bytes of `descriptor.size`; it goes back if the registry lost some."""

    descriptor: Descriptor
    state: BlobState
    sent: int


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push left in the registry.

    Args:
        manifest: the top manifest or index.
        blobs: each blob with what became of it.
        tags: each tag in the order they were put, with its error or None.
    """

    manifest: Manifest
    blobs: tuple[PushedBlob, ...]
    tags: Mapping[str, RunnerError | None]

    @property
    def bytes_sent(self) -> int:
        """Bytes of blobs that had to be sent."""
        return sum(blob.sent for blob in self.blobs if blob.state is BlobState.UPLOADED)


class _Cancelled(Exception):
    """Another blob failed: this one is not sent on."""


def _unwatched(_blob: PushedBlob) -> None:
    """Where nobody watches."""


def in_tag_order(tags: Iterable[str]) -> tuple[str, ...]:
    """The tags in the order to put them: as given, each once, `latest` last."""
    named = dict.fromkeys(tags)
    return (*(tag for tag in named if tag != LATEST), *(tag for tag in named if tag == LATEST))


@dataclass
class Push:
    """Pushes to one repository.

    Args:
        client: of the repository's registry.
        repository: where to.
        concurrency: blobs on their way at once.
        progress: told of each blob's state, from several threads.
    """

    client: RegistryClient
    repository: Repository
    concurrency: int = 4
    progress: Callable[[PushedBlob], None] = _unwatched
    _failed: threading.Event = field(default_factory=threading.Event, init=False)

    def image(
        self,
        layers: Sequence[Blob],
        configs: Sequence[Blob],
        manifests: Sequence[Manifest],
        tags: Sequence[str],
    ) -> Pushed:
        """Push the blobs, then the manifests by digest, then the tags of the last manifest.

        Args:
            layers: of all images.
            configs: of all images.
            manifests: those of single images first, an index last.
            tags: for the last manifest.

        Raises:
            RunnerError: a blob or a manifest could not be pushed: then no tag was moved.
        """
        blobs = (*self.blobs(layers), *self.blobs(configs))
        for manifest in manifests:
            self.client.put_manifest(self.repository, str(manifest.digest), manifest)
        return Pushed(manifests[-1], blobs, self.tags(manifests[-1], tags))

    def blobs(self, blobs: Sequence[Blob]) -> tuple[PushedBlob, ...]:
        """Push these blobs side by side, each digest once; the first failure stops the others.

        Raises:
            RunnerError: the first failure.
        """
        unique = {blob.descriptor.digest: blob for blob in blobs if not blob.descriptor.is_foreign}
        self._failed.clear()
        with ThreadPoolExecutor(self.concurrency, thread_name_prefix="push") as pool:
            futures = [pool.submit(self._one, blob) for blob in unique.values()]
            try:
                return _results(futures)
            except BaseException:
                # A signal as well: what is on its way ends at its next piece, what waits does not begin.
                self._failed.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def tags(self, manifest: Manifest, tags: Iterable[str]) -> dict[str, RunnerError | None]:
        """Put the manifest under each tag; a failure is told with its tag, and keeps `latest` from moving."""
        outcome: dict[str, RunnerError | None] = {}
        for tag in in_tag_order(tags):
            failed = next((error for error in outcome.values() if error is not None), None)
            if tag == LATEST and failed is not None:
                outcome[tag] = failed
                continue
            try:
                self.client.put_manifest(self.repository, tag, manifest)
            except RunnerError as error:
                outcome[tag] = error
            else:
                outcome[tag] = None
        return outcome

    def _one(self, blob: Blob) -> PushedBlob:
        self._stop_if_failed()
        descriptor = blob.descriptor
        if self.client.has_blob(self.repository, descriptor.digest):
            return self._told(PushedBlob(descriptor, BlobState.PRESENT, 0))
        upload: UploadSession | None = None
        for path in blob.mount_from:
            if upload is not None:
                self.client.cancel_upload(upload)
            upload = self.client.mount_blob(self.repository, descriptor.digest, path)
            if upload is None:
                return self._told(PushedBlob(descriptor, BlobState.MOUNTED, 0))
        self.client.upload_blob(
            self.repository,
            descriptor,
            lambda offset: self._until_failed(blob.source(offset)),
            upload=upload,
            progress=lambda sent: self._uploading(descriptor, sent),
        )
        return self._told(PushedBlob(descriptor, BlobState.UPLOADED, descriptor.size))

    def _until_failed(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        try:
            for piece in pieces:
                self._stop_if_failed()
                yield piece
        finally:
            if isinstance(pieces, Generator):
                # It may read another registry: its connection must not wait for the garbage collector.
                pieces.close()

    def _stop_if_failed(self) -> None:
        if self._failed.is_set():
            raise _Cancelled

    def _uploading(self, descriptor: Descriptor, sent: int) -> None:
        self.progress(PushedBlob(descriptor, BlobState.UPLOADING, sent))

    def _told(self, blob: PushedBlob) -> PushedBlob:
        self.progress(blob)
        return blob


def _results(futures: Sequence[Future[PushedBlob]]) -> tuple[PushedBlob, ...]:
    done, _ = wait(futures, return_when=FIRST_EXCEPTION)
    for future in done:
        error = future.exception()
        if error is not None:
            raise error
    return tuple(future.result() for future in futures)
