"""A tar archive as chunks of bytes, without times, owners, or anything else that a clone does not carry."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CHUNK: Final = 256 * 1024
FOLDER: Final = tarfile.DIRTYPE
LINK: Final = tarfile.SYMTYPE
FILE: Final = tarfile.REGTYPE
END: Final = bytes(2 * tarfile.BLOCKSIZE)
# 1980-01-02: `zip`, and so every wheel built in a RUN, refuses files from before 1980 in any timezone.
_MODIFIED: Final = 315_619_200


def encoded(path: str) -> bytes:
    """A path's bytes; what was no UTF-8 is what it was."""
    return path.encode("utf-8", "surrogateescape")


def decoded(path: bytes) -> str:
    """A path's text, by UTF-8 whatever the locale says: ignore files are UTF-8."""
    return path.decode("utf-8", "surrogateescape")


def header(path: str, kind: bytes, mode: int, *, size: int = 0, target: str = "") -> bytes:
    """The blocks before an entry's content, in GNU format.

    Not PAX: an archive that begins with an extended header is not recognised by `POST /build?version=2`, which
    then reads all of it as a Dockerfile (22 GB of memory for 500 MB).
    """
    info = tarfile.TarInfo(path)
    info.type, info.mode, info.size, info.linkname, info.mtime = kind, mode, size, target, _MODIFIED
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


def padding(size: int) -> bytes:
    """What fills the last block of a content of this size."""
    return bytes(-size % tarfile.BLOCKSIZE)


def file(path: str, content: bytes) -> Iterator[bytes]:
    """A whole file."""
    yield header(path, FILE, 0o644, size=len(content))
    yield content
    yield padding(len(content))


def in_chunks(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in chunks of at least 256 KiB, but the last: each is a write to a socket."""
    buffer = bytearray()
    for part in parts:
        if not buffer and len(part) >= CHUNK:
            yield part
            continue
        buffer += part
        if len(buffer) >= CHUNK:
            yield bytes(buffer)
            buffer.clear()
    if buffer:
        yield bytes(buffer)


class ChunkReader(io.RawIOBase):
    """Chunks as a readable file, for callers that want one."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # `read` always gives a memoryview-like
        """Fill the buffer as far as one chunk does; 0 at the end."""
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size
