"""The direct way of an image from the engine to the registry: packed here, and pushed while it is packed."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from runner.errors import RunnerError
from runner.image.composition import trusted_layers
from runner.image.layout import blob_pieces
from runner.image.reference import BadReference, ImageReference
from runner.packing import Packing
from runner.registry.push import Blob, BlobState, Push, PushedBlob

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from runner.engines.docker_engine import LocalImage
    from runner.image.compression import Compressor
    from runner.image.digest import Digest
    from runner.image.layout_writer import LayoutWriter
    from runner.image.manifests import Descriptor, Manifest
    from runner.image.reference import Repository
    from runner.packing import Packed
    from runner.registry.client import RegistryClient

_UPLOADS: Final = 4


class _Stopped(Exception):
    """The push ended early: this blob is not sent on."""


@dataclass(slots=True)
class DirectPush:
    """Pushes one image as it comes out of the engine; no tag is moved here.

    Args:
        client: of the repository's registry.
        repository: where to.
        writer: the layout that is the spool.
        compressor: of layers.
        progress: told of the bytes sent and of those known to be sent.
    """

    client: RegistryClient
    repository: Repository
    writer: LayoutWriter
    compressor: Compressor
    progress: Callable[[int, int], None]
    blobs: dict[Digest, PushedBlob] = field(default_factory=dict)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def push(self, image: LocalImage, chunks: Iterable[bytes], known: Mapping[Digest, Descriptor]) -> Packed:
        """Push the layers as they are packed, then the config, then the manifest by its digest.

        Args:
            image: as the engine describes it.
            chunks: of the engine's archive.
            known: layers that the repository holds already, by diffID.

        Raises:
            RunnerError: something could not be packed or pushed.
        """
        with self._uploads() as pool:
            sent: list[Future[None]] = []

            def finished(layer: Descriptor) -> None:
                _raise_first(future for future in sent if future.done())
                sent.append(pool.submit(self._send, layer))

            packed = Packing(image, self.writer, self.compressor, known, finished).pack(chunks)
            sent += [pool.submit(self._send, config) for config in packed.configs]
            _raise_first(sent)
        for manifest in packed.manifests:
            self.client.put_manifest(self.repository, str(manifest.digest), manifest)
        return packed

    @contextmanager
    def _uploads(self) -> Iterator[ThreadPoolExecutor]:
        """If anything fails, a signal included, what is on its way ends at its next piece."""
        with ThreadPoolExecutor(_UPLOADS, thread_name_prefix="upload") as pool:
            try:
                yield pool
            except BaseException:
                self._stopped.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _send(self, blob: Descriptor) -> None:
        push = Push(self.client, self.repository, 1, self._see)
        push.blobs([Blob(blob, lambda offset: self._pieces(blob, offset))])

    def _pieces(self, blob: Descriptor, offset: int) -> Iterator[bytes]:
        for piece in blob_pieces(self.writer.path(blob.digest), offset):
            if self._stopped.is_set():
                raise _Stopped
            yield piece

    def _see(self, blob: PushedBlob) -> None:
        with self._lock:
            self.blobs[blob.descriptor.digest] = blob
            sending = [seen for seen in self.blobs.values() if seen.state in _SENT]
            done = sum(seen.sent for seen in sending)
            self.progress(done, sum(seen.descriptor.size for seen in sending))

    @property
    def bytes_sent(self) -> int:
        """Bytes of blobs that the registry did not have."""
        return sum(blob.sent for blob in self.blobs.values() if blob.state is BlobState.UPLOADED)

    def count(self, *states: BlobState) -> int:
        """How many blobs ended so."""
        return sum(blob.state in states for blob in self.blobs.values())


_SENT: Final = frozenset({BlobState.UPLOADING, BlobState.UPLOADED})


def _raise_first(futures: Iterable[Future[None]]) -> None:
    for future in futures:
        future.result()


def base_layers(
    image: LocalImage,
    bases: Sequence[LocalImage],
    manifest_of: Callable[[ImageReference, str], tuple[Manifest, bytes] | None],
) -> Iterator[tuple[ImageReference, dict[Digest, Descriptor]]]:
    """The blobs of the image's lowest layers, as the manifests of its base images give them.

    A base image's manifest is trusted as the engine pulled it, by digest, and for the layers that the engine's own
    image has; nothing that a tag names counts.

    Args:
        image: what was built.
        bases: base images, as the engine has them.
        manifest_of: the manifest of one image under a digest and platform, with its config.

    Yields:
        The base image, and the blobs by diffID.
    """
    for base in bases:
        if not base.diff_ids or image.diff_ids[: len(base.diff_ids)] != base.diff_ids:
            continue
        for text in base.repo_digests:
            try:
                reference = ImageReference.parse(text)
                found = manifest_of(reference, base.platform)
            except (BadReference, RunnerError):
                continue
            if found is None:
                continue
            layers = {
                diff_id: layer
                for diff_id, layer in trusted_layers(*found).items()
                if diff_id in base.diff_ids
            }
            if layers:
                yield reference, layers


def held_layers(
    client: RegistryClient,
    repository: Repository,
    candidates: Iterable[tuple[ImageReference, Mapping[Digest, Descriptor]]],
) -> dict[Digest, Descriptor]:
    """Those layers that the repository holds, or that the registry could link from the base's repository."""
    held: dict[Digest, Descriptor] = {}
    for base, layers in candidates:
        source = base.repository
        for diff_id, layer in layers.items():
            if diff_id in held:
                continue
            if client.has_blob(repository, layer.digest) or (
                source.registry == repository.registry and _mounted(client, repository, layer, source.path)
            ):
                held[diff_id] = layer
    return held


def _mounted(client: RegistryClient, repository: Repository, layer: Descriptor, path: str) -> bool:
    upload = client.mount_blob(repository, layer.digest, path)
    if upload is None:
        return True
    client.cancel_upload(upload)
    return False
