"""The build context: a checkout's files as one tar stream, the same bytes for the same files.

What a clone does not carry is not in it: times, owners, and of the mode all but the executable bit, which is
the one that git tracks. So neither the worker's umask nor the clone's age changes the image or the digest.
"""

from __future__ import annotations

import os
import stat
from copy import copy
from typing import TYPE_CHECKING

from runner.errors import UsageError
from runner.image import archive
from runner.image.archive import ChunkReader
from runner.image.build_files import IGNORE_FILE, BuildFiles
from runner.image.context_summary import ContextSummary, Tally, shown
from runner.image.context_use import EVERYTHING
from runner.image.context_walk import ContextWalk, changed, unreadable

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from runner.image.context_use import ContextUse
    from runner.image.context_walk import Entry


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
        self.use = EVERYTHING
        own = self.files.replaced.keys() | self.files.reserved.keys()
        for path in self._injected:
            if path in own or path != os.path.normpath(path) or path.split("/")[0] in {"", ".", ".."}:
                raise ValueError(f"not a path where something can be injected: {path!r}")
        # The builder looks for the ignore file; the Dockerfile is in the digest even where another one is built.
        read = {IGNORE_FILE, *self._injected, *([self.files.dockerfile_name] if self.files.is_walked else [])}
        self._always = [tuple(path.split("/")) for path in sorted(read)]
        self.warnings: list[str] = []
        self._summary: ContextSummary | None = None

    def only(self, use: ContextUse) -> BuildContext:
        """The same context with nothing but what is used, the Dockerfile, and what is injected.

        What a link that is sent leads to is sent too: the builder follows one that COPY names, and takes the hash of
        what any other leads to for the link's own, by which it finds a layer in its cache.
        """
        other = copy(self)
        other.use, other.warnings = use.also(self._always), []
        return other

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
        """The tar of what is used, in chunks; when it has ended, `summary` and `warnings` are there.

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

    def _walk(self) -> ContextWalk:
        return ContextWalk(self._root, self.files.rules, self._injected)

    def _parts(self) -> Iterator[bytes]:
        use = self._walk().with_links(self.use)
        walk = self._walk()
        self.warnings = walk.warnings
        self._summary = None
        tally = Tally()
        # A plain header first, whatever the first name is: see `archive.header`.
        yield archive.header(".", archive.FOLDER, 0o755)
        for entry in walk.entries(use):
            yield from self._entry(walk, entry, tally)
        if not self.files.is_walked:
            tally.begin("file", "Dockerfile", len(self.files.dockerfile))
            tally.hasher.update(self.files.dockerfile)
        for path, content in sorted({**self.files.reserved, **self._injected}.items()):
            yield from archive.file(path, content)
        yield archive.END
        self._summary = tally.summary(is_whole=use.is_everything)
        self.warnings.extend(tally.warnings())

    def _entry(self, walk: ContextWalk, entry: Entry, tally: Tally) -> Iterator[bytes]:
        if entry.is_folder:
            tally.begin("folder", entry.path, 0)
            yield archive.header(entry.path, archive.FOLDER, 0o755)
        elif entry.path in self.files.replaced:
            content = self.files.replaced[entry.path]
            tally.begin("file", entry.path, len(content))
            tally.hasher.update(content)
            yield from archive.file(entry.path, content)
        elif entry.is_link:
            target = walk.target(entry.path)
            tally.begin("link", entry.path, len(target))
            tally.hasher.update(target)
            yield archive.header(entry.path, archive.LINK, 0o777, target=archive.decoded(target))
        else:
            yield from _file(walk.full(entry.path), entry.path, tally)


def _file(full: bytes, path: str, tally: Tally) -> Iterator[bytes]:
    """A file's header and bytes. Its size is in the header, so it must not change meanwhile."""
    try:
        # O_NONBLOCK: a FIFO put in the file's place would block for ever.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(full, flags)
    except FileNotFoundError:
        changed(path)
    except OSError as error:
        raise unreadable(path, error) from error
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            changed(path)
        program = bool(status.st_mode & stat.S_IXUSR)
        tally.begin("program" if program else "file", path, status.st_size)
        yield archive.header(path, archive.FILE, 0o755 if program else 0o644, size=status.st_size)
        for chunk in _exactly(file, status.st_size, path):
            tally.hasher.update(chunk)
            yield chunk
        yield archive.padding(status.st_size)


def _exactly(file: io.FileIO, size: int, path: str) -> Iterator[bytes]:
    left = size
    while left:
        chunk = _some(file, min(left, archive.CHUNK), path)
        if not chunk:
            changed(path)
        left -= len(chunk)
        yield chunk
    if _some(file, 1, path):
        changed(path)


def _some(file: io.FileIO, size: int, path: str) -> bytes:
    try:
        return file.read(size) or b""
    except OSError as error:
        raise unreadable(path, error) from error
