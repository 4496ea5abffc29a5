"""The build context: a checkout's files as one tar stream, the same bytes for the same files.

What a clone does not carry is not in it: times, owners, and of the mode all but the executable bit, which is
the one that git tracks. So neither the worker's umask nor the clone's age changes the image or the digest.
"""

from __future__ import annotations

import os
import stat
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from runner.errors import Conflict, UsageError
from runner.image import archive
from runner.image.archive import ChunkReader
from runner.image.build_files import BuildFiles
from runner.image.context_summary import ContextSummary, Tally, shown

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from runner.image.dockerignore import Verdict


@dataclass(frozen=True, slots=True)
class _Entry:
    """One path of the checkout."""

    path: str
    mode: int

    @property
    def is_folder(self) -> bool:
        return stat.S_ISDIR(self.mode)

    @property
    def is_link(self) -> bool:
        return stat.S_ISLNK(self.mode)

    @property
    def is_file(self) -> bool:
        return stat.S_ISREG(self.mode)


class BuildContext:
    """A folder with its Dockerfile and ignore file, and what is added to it.

    Args:
        root: the folder.
        dockerfile: the Dockerfile's path, relative to the folder unless absolute; it may be outside of it.
        injected: contents by path in the context; each replaces what the checkout has there, ignored or not.

    Raises:
        UsageError: the folder or one of the two files is not there or cannot be read, or a pattern is bad.
        ValueError: an injected path is none, or is the Dockerfile's or the ignore file's.
    """

    def __init__(
        self,
        root: Path,
        dockerfile: str | os.PathLike[str] = "Dockerfile",
        *,
        injected: Mapping[str, bytes] | None = None,
    ) -> None:
        if not root.is_dir():
            raise UsageError(
                f"The build context {shown(str(root))} is no folder.",
                action="Correct `context` in lading.toml.",
            )
        self._root = os.fsencode(root.resolve())
        self.files = BuildFiles.read(root.resolve(), dockerfile)
        self._injected = dict(injected or {})
        own = self.files.replaced.keys() | self.files.reserved.keys()
        for path in self._injected:
            if path in own or path != os.path.normpath(path) or path.split("/")[0] in {"", ".", ".."}:
                raise ValueError(f"not a path where something can be injected: {path!r}")
        self.warnings: list[str] = []
        self._summary: ContextSummary | None = None

    def building(self, content: bytes) -> BuildContext | None:
        """The same context with another Dockerfile, hidden in it; None where it would leave a trace in the image.

        The digest is that of the checkout's files all the same.
        """
        files = self.files.building(content)
        if files is None or files.reserved.keys() & self._injected.keys():
            return None
        other = copy(self)
        other.files, other.warnings = files, []
        return other

    @property
    def summary(self) -> ContextSummary:
        """What was streamed; there is none before the stream's end."""
        if self._summary is None:
            raise RuntimeError("the context has not been streamed to its end")
        return self._summary

    def stream(self) -> Iterator[bytes]:
        """The tar, in chunks; when it has ended, `summary` and `warnings` are there.

        Folders come before what is in them, names in the order of their bytes, what is injected last.

        Raises:
            Conflict: a file changed while it was read.
            UsageError: a file cannot be read, or what is injected takes a folder's place.
        """
        return archive.in_chunks(self._parts())

    def open(self) -> ChunkReader:
        """The stream as a file that can be read once."""
        return ChunkReader(self.stream())

    def summarise(self) -> ContextSummary:
        """The summary without a build: everything is read and nothing kept.

        Raises:
            Conflict: a file changed while it was read.
            UsageError: a file cannot be read.
        """
        for _ in self.stream():
            pass
        return self.summary

    def _parts(self) -> Iterator[bytes]:
        self.warnings = []
        self._summary = None
        tally = Tally()
        # A plain header first, whatever the first name is: see `archive.header`.
        yield archive.header(".", archive.FOLDER, 0o755)
        for entry in self._walk("", self.files.rules.root, []):
            yield from self._entry(entry, tally)
        if not self.files.is_walked:
            tally.begin("file", "Dockerfile", len(self.files.dockerfile))
            tally.hasher.update(self.files.dockerfile)
        for path, content in sorted({**self.files.reserved, **self._injected}.items()):
            yield from archive.file(path, content)
        yield archive.END
        self._summary = tally.summary()
        self.warnings.extend(tally.warnings())

    def _walk(self, folder: str, parent: Verdict, waiting: list[_Entry]) -> Iterator[_Entry]:
        """What is not ignored, and the ignored folders (`waiting`) of what an exception brings back."""
        for entry in self._listing(folder):
            verdict = self.files.rules.verdict(entry.path, parent)
            if verdict.ignored and not entry.is_folder:
                continue
            if verdict.ignored:
                if self.files.rules.may_except_below(entry.path):
                    waiting.append(entry)
                    yield from self._walk(entry.path, verdict, waiting)
                    if waiting and waiting[-1] is entry:
                        waiting.pop()
            elif self._is_wanted(entry):
                yield from waiting
                waiting.clear()
                yield entry
                if entry.is_folder:
                    yield from self._walk(entry.path, verdict, waiting)

    def _listing(self, folder: str) -> list[_Entry]:
        try:
            with os.scandir(self._full(folder)) as found:
                entries = [(item.name, item.stat(follow_symlinks=False).st_mode) for item in found]
        except FileNotFoundError:
            _changed(folder)
        except OSError as error:
            raise _unreadable(folder, error) from error
        prefix = f"{folder}/" if folder else ""
        return [_Entry(prefix + archive.decoded(name), mode) for name, mode in sorted(entries)]

    def _is_wanted(self, entry: _Entry) -> bool:
        if entry.path in self._injected:
            if entry.is_folder:
                raise UsageError(f"{shown(entry.path)} is a folder, and a file is to be put there.")
            return False
        if entry.is_folder or entry.is_link or entry.is_file:
            return True
        self.warnings.append(f"Left out {shown(entry.path)}: it is no file, folder or link.")
        return False

    def _entry(self, entry: _Entry, tally: Tally) -> Iterator[bytes]:
        if entry.is_folder:
            tally.begin("folder", entry.path, 0)
            yield archive.header(entry.path, archive.FOLDER, 0o755)
        elif entry.path in self.files.replaced:
            content = self.files.replaced[entry.path]
            tally.begin("file", entry.path, len(content))
            tally.hasher.update(content)
            yield from archive.file(entry.path, content)
        elif entry.is_link:
            target = self._target(entry.path)
            tally.begin("link", entry.path, len(target))
            tally.hasher.update(target)
            yield archive.header(entry.path, archive.LINK, 0o777, target=archive.decoded(target))
        else:
            yield from self._file(entry, tally)

    def _file(self, entry: _Entry, tally: Tally) -> Iterator[bytes]:
        """A file's header and bytes. Its size is in the header, so it must not change meanwhile."""
        try:
            # O_NONBLOCK: a FIFO put in the file's place would block for ever.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(self._full(entry.path), flags)
        except FileNotFoundError:
            _changed(entry.path)
        except OSError as error:
            raise _unreadable(entry.path, error) from error
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                _changed(entry.path)
            program = bool(status.st_mode & stat.S_IXUSR)
            tally.begin("program" if program else "file", entry.path, status.st_size)
            yield archive.header(entry.path, archive.FILE, 0o755 if program else 0o644, size=status.st_size)
            for chunk in _exactly(file, status.st_size, entry.path):
                tally.hasher.update(chunk)
                yield chunk
            yield archive.padding(status.st_size)

    def _target(self, path: str) -> bytes:
        try:
            return os.readlink(self._full(path))  # noqa: PTH115  names of any bytes
        except OSError:
            _changed(path)

    def _full(self, path: str) -> bytes:
        return os.path.join(self._root, archive.encoded(path))  # noqa: PTH118  names of any bytes


def _exactly(file: io.FileIO, size: int, path: str) -> Iterator[bytes]:
    left = size
    while left:
        chunk = _some(file, min(left, archive.CHUNK), path)
        if not chunk:
            _changed(path)
        left -= len(chunk)
        yield chunk
    if _some(file, 1, path):
        _changed(path)


def _some(file: io.FileIO, size: int, path: str) -> bytes:
    try:
        return file.read(size) or b""
    except OSError as error:
        raise _unreadable(path, error) from error


def _changed(path: str) -> NoReturn:
    raise Conflict(
        f"{shown(path) or 'The build context'} changed while the build context was read.",
        cause="Something else writes into the checkout.",
        action="Stop it, or list the file in .dockerignore.",
    )


def _unreadable(path: str, error: OSError) -> UsageError:
    return UsageError(
        f"{shown(path) or 'The build context'} cannot be read: {error.strerror}.",
        action="Make it readable, or list it in .dockerignore.",
    )
