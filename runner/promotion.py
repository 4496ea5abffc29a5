"""Copies an image by digest to other registries, repositories and tags; its bytes are never written anew."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from runner.errors import CannotTell, IntegrityFailure, Interrupted, RunnerError, Unavailable
from runner.registry.contents import blobs_in, manifests_in
from runner.registry.push import Blob, Push, in_tag_order

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

    from runner.image.digest import Digest
    from runner.image.manifests import Descriptor, Manifest
    from runner.image.reference import Registry, Repository
    from runner.narration import Narrator
    from runner.registry.client import RegistryClient
    from runner.registry.push import PushedBlob

_ATTEMPTS: Final = 6


class Destination(NamedTuple):
    """Where an image shall be: a repository, and tags of it."""

    repository: Repository
    tags: tuple[str, ...]


class Promotion:
    """Copies one image.

    Args:
        source: the client that reads it.
        repository: where it is.
        clients: the client for a destination's registry.
        narrator: tells.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        source: RegistryClient,
        repository: Repository,
        clients: Mapping[Registry, RegistryClient],
        narrator: Narrator,
        sleep: Callable[[float], None],
    ) -> None:
        self.states: dict[str, str] = {}
        self.failures: list[RunnerError] = []
        self._source = source
        self._repository = repository
        self._clients = clients
        self._narrator = narrator
        self._sleep = sleep
        self._sent: dict[Digest, PushedBlob] = {}
        self._lock = threading.Lock()

    def run(self, digest: Digest, destinations: Sequence[Destination]) -> None:
        """Copy to each destination; one that fails is told in `states` and `failures`, and does not stop the others.

        Raises:
            CannotTell: there is no such image.
            IntegrityFailure: the source's manifests are not what their digests say, or not all there.
            Refused: an account may not read, or may not push to a destination: nothing was copied anywhere.
            Unavailable: the source does not answer.
        """
        narrator = self._narrator
        with narrator.step(f"Read {self._repository.at(digest)}") as step:
            top = self._source.get_manifest(self._repository, str(digest))
            if top is None:
                raise CannotTell(
                    f"There is no {self._repository.at(digest)}.", action="Check name and digest."
                )
            manifests = manifests_in(self._source, self._repository, top)
            blobs = blobs_in(manifests)
            step.facts.update(manifests=len(manifests), bytes=sum(blob.size for blob in blobs))
        with narrator.step("Check that every destination may be pushed to"):
            for destination in destinations:
                self._clients[destination.repository.registry].check_push(destination.repository)
        for destination in destinations:
            try:
                self._copy(manifests, blobs, destination)
            except Interrupted:
                raise
            except RunnerError as error:
                self._fail(error, [destination.repository.tagged(tag) for tag in destination.tags])

    def _copy(
        self, manifests: tuple[Manifest, ...], blobs: tuple[Descriptor, ...], destination: Destination
    ) -> None:
        client, repository, top = (
            self._clients[destination.repository.registry],
            destination.repository,
            manifests[-1],
        )
        before = {tag: client.head_manifest(repository, tag) for tag in destination.tags}
        with self._narrator.step(f"Copy {top.digest} to {repository}") as step:
            self._sent.clear()
            push = Push(client, repository, progress=self._see)
            pushed = push.image([self._blob(blob, repository) for blob in blobs], (), manifests, ())
            states = [blob.state.value for blob in pushed.blobs]
            step.facts.update(
                bytesSent=pushed.bytes_sent, **{state: states.count(state) for state in set(states)}
            )
        self._read_back(client, repository, str(top.digest), top)
        failed: RunnerError | None = None
        for tag in in_tag_order(destination.tags):
            reference = repository.tagged(tag)
            if failed is not None and tag == "latest":
                self._fail(failed, [reference])
                continue
            try:
                was = before[tag]
                if was is None or was.digest != top.digest:
                    client.put_manifest(repository, tag, top)
                self._read_back(client, repository, tag, top)
            except Interrupted:
                raise
            except RunnerError as error:
                failed = error
                self._fail(error, [reference])
            else:
                self.states[str(reference)] = _state(was.digest if was else None, top.digest)

    def _fail(self, error: RunnerError, references: Sequence[object]) -> None:
        self.failures.append(error)
        for reference in references:
            self.states[str(reference)] = f"failed: {error.what}"
            self._narrator.say(f"  {reference}: {error}")

    def _blob(self, blob: Descriptor, repository: Repository) -> Blob:
        def source(offset: int) -> Iterator[bytes]:
            return _from(self._source.open_blob(self._repository, blob.digest, blob.size), offset)

        same = repository.registry == self._repository.registry and repository != self._repository
        return Blob(blob, source, (self._repository.path,) if same else ())

    def _read_back(self, client: RegistryClient, repository: Repository, name: str, wanted: Manifest) -> None:
        """The bytes under a name, which a registry may show a moment late."""
        seen = None
        for attempt in range(_ATTEMPTS):
            if attempt:
                self._sleep(float(attempt))
            seen = client.get_manifest(repository, name)
            if seen is not None and seen.content == wanted.content:
                return
        if seen is None:
            raise Unavailable(
                f"Unconfirmed: {repository} does not show {name}, which was just put.",
                action="A rerun completes what is missing.",
            )
        raise IntegrityFailure(
            f"{repository} has {seen.digest} under {name}, where {wanted.digest} was just put.",
            cause="Somebody else pushes the same tag, or the registry changes what it is sent.",
        )

    def _see(self, blob: PushedBlob) -> None:
        with self._lock:
            self._sent[blob.descriptor.digest] = blob
            sent = self._sent.values()
            self._narrator.progress(
                "blobs", sum(seen.sent for seen in sent), sum(seen.descriptor.size for seen in sent)
            )

    def document(self, image: str, digest: Digest) -> dict[str, Any]:
        """What became of each tag, for programs."""
        return {"image": image, "digest": str(digest), "tags": dict(self.states)}


def _state(was: Digest | None, now: Digest) -> str:
    if was is None:
        return "pushed"
    return "already there" if was == now else f"moved from {was}"


def _from(pieces: Generator[bytes, None, None], offset: int) -> Iterator[bytes]:
    """The pieces without their first `offset` bytes: an upload that goes on needs them, and they are hashed again."""
    with closing(pieces):
        for piece in pieces:
            part = piece[offset:]
            offset -= len(piece) - len(part)
            if part:
                yield part
