"""Compression of a layer, once and for ever: gzip by zlib-ng in blocks that are made in parallel.

Each block of 1 MiB is raw deflate that takes the 32 KiB before it as dictionary and ends on a byte boundary
(Z_SYNC_FLUSH), so that blocks made apart join into one gzip member (RFC 1952) that every reader takes. The output
depends on the input alone: neither on the number of threads nor on how the input came in pieces.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from zlib_ng import zlib_ng

from runner.image.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

BLOCK: Final = 1024 * 1024
# Where the output is no larger than what the Docker Engine makes: 1.005 x its bytes at 2.6 x its speed on one core.
# Faster levels save a task's seconds once and cost every pull.
LEVEL: Final = 5
_WINDOW: Final = 32 * 1024
_RAW: Final = -15
# Neither time nor name nor system: they would make two equal layers differ.
_HEADER: Final = bytes((0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255))
# A last block of deflate that holds nothing.
_END: Final = b"\x03\x00"
# One thread hashes what all compress, at some 1.6 GB/s: more would wait for it, and hold 2 MiB each.
_MOST_THREADS: Final = 16
_SAMPLE: Final = 16 * 1024
_SAMPLES: Final = 4
# A sample that shrinks less than this is of files that are compressed already: they are stored, at memory's speed.
_INCOMPRESSIBLE: Final = 0.97


class Compressed(NamedTuple):
    """A layer that was compressed.

    Args:
        diff_id: the digest of what went in.
        original_size: bytes that went in.
        digest: of what came out.
        size: bytes that came out.
    """

    diff_id: Digest
    original_size: int
    digest: Digest
    size: int


class Compressor(NamedTuple):
    """Compresses on a pool of threads; zlib-ng releases the interpreter's lock.

    Args:
        pool: where blocks are compressed.
        threads: how many of them it has.
    """

    pool: ThreadPoolExecutor
    threads: int

    def compress(self, pieces: Iterable[bytes], write: Callable[[bytes], object]) -> Compressed:
        """Compress a layer; twice as many blocks as there are threads are held, whatever the layer's size.

        Args:
            pieces: of the layer, of any sizes; each is read before the next is asked for.
            write: takes the output, in order.
        """
        output = _Output(write)
        output.take(_HEADER)
        diff_id, checksum, size = hashlib.sha256(), 0, 0
        waiting: deque[Future[bytes]] = deque()
        before = b""
        try:
            for block in in_blocks(pieces):
                waiting.append(self.pool.submit(deflated, block, before))
                diff_id.update(block)
                checksum = zlib_ng.crc32(block, checksum)
                size += len(block)
                before = block[-_WINDOW:]
                while len(waiting) > 2 * self.threads or (waiting and waiting[0].done()):
                    output.take(waiting.popleft().result())
            while waiting:
                output.take(waiting.popleft().result())
        finally:
            for future in waiting:
                future.cancel()
        output.take(_END)
        output.take(checksum.to_bytes(4, "little") + (size & 0xFFFFFFFF).to_bytes(4, "little"))
        return Compressed(
            Digest(f"sha256:{diff_id.hexdigest()}"),
            size,
            Digest(f"sha256:{output.sha256.hexdigest()}"),
            output.size,
        )


@contextmanager
def compressor(threads: int | None = None) -> Iterator[Compressor]:
    """A compressor for as long as the block runs.

    Args:
        threads: how many; all cores (16 at most) if None.
    """
    count = threads or min(os.cpu_count() or 1, _MOST_THREADS)
    pool = ThreadPoolExecutor(count, thread_name_prefix="compress")
    try:
        yield Compressor(pool, count)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def in_blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in blocks of 1 MiB; the last is what is left."""
    buffer = bytearray()
    for piece in pieces:
        view = memoryview(piece)
        while view:
            taken = view[: BLOCK - len(buffer)]
            buffer += taken
            view = view[len(taken) :]
            if len(buffer) == BLOCK:
                yield bytes(buffer)
                buffer.clear()
    if buffer:
        yield bytes(buffer)


def deflated(block: bytes, before: bytes) -> bytes:
    """One block as raw deflate, ended on a byte boundary.

    Args:
        block: its bytes.
        before: the bytes before it, 32 KiB at most, to which it may refer.
    """
    if not shrinks(block):
        deflate = zlib_ng.compressobj(0, zlib_ng.DEFLATED, _RAW)
    elif before:
        deflate = zlib_ng.compressobj(LEVEL, zlib_ng.DEFLATED, _RAW, zdict=before)
    else:
        deflate = zlib_ng.compressobj(LEVEL, zlib_ng.DEFLATED, _RAW)
    return bytes(deflate.compress(block) + deflate.flush(zlib_ng.Z_SYNC_FLUSH))


def shrinks(block: bytes) -> bool:
    """Whether it is worth the time to compress a block, by samples spread over it."""
    if len(block) <= _SAMPLES * _SAMPLE:
        return True
    step = (len(block) - _SAMPLE) // (_SAMPLES - 1)
    sample = b"".join(block[at : at + _SAMPLE] for at in range(0, len(block) - _SAMPLE + 1, step))
    return len(zlib_ng.compress(sample, 1)) < _INCOMPRESSIBLE * len(sample)


class _Output:
    """Counts and hashes what is written."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self.sha256 = hashlib.sha256()
        self.size = 0

    def take(self, content: bytes) -> None:
        self.sha256.update(content)
        self.size += len(content)
        self._write(content)
