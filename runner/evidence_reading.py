"""Blobs read to their end, four at a time; whoever waits is told how far it is, and may end it."""

from __future__ import annotations

import threading
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

from runner.errors import Interrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from runner.image.digest import Digest
    from runner.image.manifests import Descriptor

T = TypeVar("T")

_READERS: Final = 4


class ReadSoFar(NamedTuple):
    """How far the reading is.

    Args:
        blob: what was read last.
        read: bytes of all blobs.
        size: bytes that there are to read.
        ended: blobs that were read to their end.
        blobs: how many there are.
    """

    blob: Digest
    read: int
    size: int
    ended: int
    blobs: int


class _Step(NamedTuple, Generic[T]):
    """What a reader tells: bytes, what came of a blob, or what went wrong."""

    number: int
    size: int = 0
    results: tuple[T, ...] = ()
    error: Exception | None = None


class Readers(Generic[T]):
    """Reads blobs; they are daemons, so that whoever presses ctrl-c waits for none that the network holds up.

    Args:
        opened: opens a blob.
        use: reads it to its end, in a reader's thread.
        watch: told of each step, in the caller's thread; what it raises ends the reading.
    """

    def __init__(
        self,
        opened: Callable[[Descriptor], Iterable[bytes]],
        use: Callable[[Iterator[bytes]], T],
        watch: Callable[[ReadSoFar], None],
    ) -> None:
        self._opened = opened
        self._use = use
        self._watch = watch
        self._waiting: SimpleQueue[tuple[int, Descriptor]] = SimpleQueue()
        self._steps: SimpleQueue[_Step[T]] = SimpleQueue()
        self._ended = threading.Event()

    def read(self, blobs: Sequence[Descriptor]) -> list[T]:
        """What `use` makes of each blob.

        Raises:
            Exception: the first that `opened`, `use` or `watch` raised.
        """
        for numbered in enumerate(blobs):
            self._waiting.put(numbered)
        count = min(_READERS, len(blobs))
        readers = [threading.Thread(target=self._work, name="verify", daemon=True) for _ in range(count)]
        for reader in readers:
            reader.start()
        try:
            return self._results(blobs)
        except (KeyboardInterrupt, Interrupted):
            readers.clear()
            raise
        finally:
            self._ended.set()
            for reader in readers:
                reader.join()

    def _results(self, blobs: Sequence[Descriptor]) -> list[T]:
        size, read = sum(blob.size for blob in blobs), 0
        results: dict[int, T] = {}
        while len(results) < len(blobs):
            step = self._steps.get()
            if step.error is not None:
                raise step.error
            read += step.size
            for result in step.results:
                results[step.number] = result
            self._watch(ReadSoFar(blobs[step.number].digest, read, size, len(results), len(blobs)))
        return [results[number] for number in range(len(blobs))]

    def _work(self) -> None:
        while not self._ended.is_set():
            try:
                number, blob = self._waiting.get_nowait()
            except Empty:
                return
            try:
                self._steps.put(_Step(number, results=(self._use(self._pieces(number, blob)),)))
            except Exception as error:  # noqa: BLE001 - raised again where it is waited for
                self._steps.put(_Step(number, error=error))

    def _pieces(self, number: int, blob: Descriptor) -> Iterator[bytes]:
        for piece in self._opened(blob):
            if self._ended.is_set():
                return
            self._steps.put(_Step(number, len(piece)))
            yield piece
