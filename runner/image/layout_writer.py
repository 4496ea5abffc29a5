"""An image written as a folder (OCI image-layout 1.0), blob by blob.

A layout is whole once it has its index.json, which is written last.
"""

from __future__ import annotations

import errno
import hashlib
import json
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from runner.errors import IntegrityFailure, RunnerError, Unavailable, UsageError
from runner.image.digest import Digest
from runner.image.layout import INDEX_FILE, LAYOUT_FILE, LAYOUT_VERSION
from runner.image.manifests import OCI_INDEX

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from runner.image.manifests import Manifest

_TEMPORARY: Final = ".new-"


class LayoutWriter:
    """Writes a layout into a folder that is empty or not there yet.

    Raises:
        UsageError: the folder has something in it, or cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._blobs = folder / "blobs" / "sha256"
        try:
            if folder.exists() and any(folder.iterdir()):
                raise UsageError(
                    f"{folder} is not empty, and a layout is not written over anything.",
                    action="Name a folder that does not exist yet.",
                )
            self._blobs.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{folder} cannot be written: {error.strerror}.") from error

    def path(self, digest: Digest) -> Path:
        """Where a blob is."""
        return self._blobs / digest.hex

    @contextmanager
    def new_blob(self) -> Iterator[NewBlob]:
        """A blob whose digest is known at its end; without `keep` it is removed.

        Raises:
            Unavailable: the disk is full, or fails.
        """
        with (
            disk_errors(self.folder),
            tempfile.NamedTemporaryFile(dir=self._blobs, prefix=_TEMPORARY, delete=False) as file,
        ):
            try:
                yield NewBlob(self, file)
            finally:
                with suppress(FileNotFoundError):
                    Path(file.name).unlink()

    def add(self, digest: Digest, pieces: Iterable[bytes]) -> int:
        """Write a blob whose digest is known before.

        Returns:
            Its size.

        Raises:
            IntegrityFailure: its bytes have another digest.
        """
        sha256, size = hashlib.sha256(), 0
        with self.new_blob() as blob:
            for piece in pieces:
                sha256.update(piece)
                size += len(piece)
                blob.write(piece)
            if sha256.hexdigest() != digest.hex:
                raise IntegrityFailure(
                    f"What is called {digest} has the digest sha256:{sha256.hexdigest()}.",
                    cause="It was damaged or replaced where it was kept.",
                )
            blob.keep(digest)
        return size

    def put(self, content: bytes) -> Digest:
        """Write a small blob."""
        digest = Digest.of(content)
        self.add(digest, (content,))
        return digest

    def remove(self, digest: Digest) -> None:
        """Remove a blob that turned out not to belong to the image."""
        self.path(digest).unlink(missing_ok=True)

    def finish(self, manifests: Iterable[Manifest]) -> None:
        """Write the manifests, and the index that names the last of them."""
        top: Manifest | None = None
        for top in manifests:
            self.put(top.content)
        if top is None:
            raise ValueError("a layout has at least one manifest")
        entry = {"mediaType": top.media_type, "digest": str(top.digest), "size": len(top.content)}
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}
        with disk_errors(self.folder):
            (self.folder / LAYOUT_FILE).write_bytes(_json({"imageLayoutVersion": LAYOUT_VERSION}))
            (self.folder / INDEX_FILE).write_bytes(_json(document))


@dataclass(frozen=True, slots=True)
class NewBlob:
    """A blob that is being written."""

    writer: LayoutWriter
    file: IO[bytes]

    def write(self, content: bytes) -> None:
        """Append."""
        self.file.write(content)

    def keep(self, digest: Digest) -> None:
        """All is written: from now on it has its name."""
        self.file.flush()
        written = Path(self.file.name)
        written.chmod(0o644)  # a temporary file is its owner's alone, a layout may be passed on
        written.replace(self.writer.path(digest))


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Say where the disk failed.

    Raises:
        Unavailable: it is full, or fails.
    """
    try:
        yield
    except RunnerError:
        raise
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        raise Unavailable(
            f"{folder} cannot be written: {error.strerror or type(error).__name__}.",
            cause="The compressed layers need room." if full else "",
            action="Free some room there, or name another place by TMPDIR." if full else "",
        ) from error


def _json(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
