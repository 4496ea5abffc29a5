"""A tar archive read once from beginning to end, strictly: what is cut off or strange is said, never passed over.

Python's `tarfile` takes a stream that ends at a header, or a damaged header after the first, for the end.
Formats: POSIX ustar and pax (IEEE 1003.1), and GNU's long names and large numbers.
"""

from __future__ import annotations

import tarfile
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_BLOCK: Final = tarfile.BLOCKSIZE
_EXTENDED, _GLOBAL, _LONG_NAME, _LONG_LINK = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
_KINDS: Final = {
    tarfile.REGTYPE: tarfile.REGTYPE,
    tarfile.AREGTYPE: tarfile.REGTYPE,
    tarfile.DIRTYPE: tarfile.DIRTYPE,
    tarfile.SYMTYPE: tarfile.SYMTYPE,
    tarfile.LNKTYPE: tarfile.LNKTYPE,
}
_LONGEST_HEADER: Final = 1024 * 1024


class BadArchive(ValueError):
    """Bytes that are no archive, or one with entries of a strange kind; the message says which."""


class ArchiveCut(BadArchive):
    """The archive ends before its end."""


@dataclass(frozen=True, slots=True)
class TarEntry:
    """What an archive says of one entry.

    Args:
        name: its path, as the archive has it.
        kind: one of tarfile's REGTYPE, DIRTYPE, SYMTYPE, LNKTYPE.
        size: bytes of its content.
        target: of a link.
    """

    name: str
    kind: bytes
    size: int
    target: str = ""

    @property
    def is_file(self) -> bool:
        """Whether it has content."""
        return self.kind == tarfile.REGTYPE

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic or a hard link."""
        return self.kind in {tarfile.SYMTYPE, tarfile.LNKTYPE}


class TarStream:
    """An archive's entries in order. A content that is not read is passed over."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")

    def entries(self) -> Iterator[tuple[TarEntry, Iterator[bytes]]]:
        """Each entry with the pieces of its content, which are to be read before the next entry is asked for.

        Raises:
            ArchiveCut: the archive ends too early.
            BadArchive: it is none, or has entries that are neither files, folders nor links.
        """
        extended: dict[str, str] = {}
        while (info := self._header()) is not None:
            if info.type in {_EXTENDED, _GLOBAL, _LONG_NAME, _LONG_LINK}:
                content = self._whole(info.size)
                if info.type != _GLOBAL:
                    extended |= _extension(info.type, content)
                continue
            entry = _entry(info, extended)
            extended = {}
            content_left = self._content(entry.size)
            yield entry, content_left
            for _ in content_left:
                pass
            self._skip(-entry.size % _BLOCK)

    def drain(self) -> None:
        """Read what follows the archive's end, so that whoever sends it is not cut off."""
        for _ in self._chunks:
            pass

    def _header(self) -> tarfile.TarInfo | None:
        block = self._exactly(_BLOCK)
        try:
            return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]  # typeshed lacks it
            return None
        except tarfile.HeaderError as error:
            raise BadArchive(f"an entry's header is damaged ({error})") from None

    def _content(self, size: int) -> Iterator[bytes]:
        while size:
            if not self._rest:
                self._next_chunk()
            piece = self._rest[:size]
            self._rest = self._rest[len(piece) :]
            size -= len(piece)
            yield bytes(piece)

    def _exactly(self, size: int) -> bytes:
        return b"".join(self._content(size))

    def _skip(self, size: int) -> None:
        for _ in self._content(size):
            pass

    def _whole(self, size: int) -> bytes:
        if size > _LONGEST_HEADER or size < 0:
            raise BadArchive(f"an entry's extended header has {size} bytes")
        content = self._exactly(size)
        self._skip(-size % _BLOCK)
        return content

    def _next_chunk(self) -> None:
        chunk = next(self._chunks, None)
        if chunk is None:
            raise ArchiveCut("it ends before its end")
        self._rest = memoryview(chunk)


def _entry(info: tarfile.TarInfo, extended: Mapping[str, str]) -> TarEntry:
    kind = _KINDS.get(info.type)
    name = extended.get("path", info.name)
    if kind is None:
        raise BadArchive(f"{name[:200]!r} is neither file, folder nor link")
    if any(key.startswith("GNU.sparse") for key in extended):
        raise BadArchive(f"{name[:200]!r} is a sparse file")
    size = extended.get("size", "")
    if size and not (size.isascii() and size.isdigit()):
        raise BadArchive(f"{name[:200]!r} has the size {size[:30]!r}")
    entry = TarEntry(name, kind, int(size) if size else info.size, extended.get("linkpath", info.linkname))
    if entry.size < 0:
        raise BadArchive(f"{name[:200]!r} has a negative size")
    return entry if entry.is_file else replace(entry, size=0)


def _extension(kind: bytes, content: bytes) -> dict[str, str]:
    if kind == _EXTENDED:
        return _records(content)
    text = content.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")
    return {"path" if kind == _LONG_NAME else "linkpath": text}


def _records(content: bytes) -> dict[str, str]:
    """The records of a pax header: the length of the whole in bytes, a space, KEY=VALUE, and a new line."""
    records = {}
    while content:
        length, space, _ = content.partition(b" ")
        end = int(length) if length.isdigit() and len(length) < 8 else 0
        key, equals, value = content[len(length) + 1 : end].partition(b"=")
        if not (space and equals and end <= len(content) and value.endswith(b"\n")):
            raise BadArchive("an entry's extended header is damaged")
        records[key.decode("utf-8", "surrogateescape")] = value[:-1].decode("utf-8", "surrogateescape")
        content = content[end:]
    return records
