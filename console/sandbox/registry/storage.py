"""What the registry holds: blobs by digest, and per repository the links to them, manifests and tags."""

from __future__ import annotations

import hashlib
import secrets
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from runner.image.digest import Digest

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self


class Upload:
    """An upload session: the bytes that have arrived, hashed as they come."""

    def __init__(self, identifier: str, name: str, path: Path) -> None:
        self.identifier = identifier
        self.name = name
        self.path = path
        self.offset = 0
        self._file: BinaryIO = path.open("wb")
        self._hash = hashlib.sha256()

    def write(self, chunk: bytes) -> None:
        """Append these bytes."""
        self._file.write(chunk)
        self._hash.update(chunk)
        self.offset += len(chunk)

    def close(self) -> Digest:
        """End the session's file; the digest of what it holds."""
        self._file.close()
        return Digest(f"sha256:{self._hash.hexdigest()}")


@dataclass
class StoredRepository:
    """A repository's links: which blobs it may serve, its manifests' media types, its tags."""

    blobs: set[Digest] = field(default_factory=set)
    manifests: dict[Digest, str] = field(default_factory=dict)
    tags: dict[str, Digest] = field(default_factory=dict)


class Storage:
    """Blobs in a folder, links in memory.

    Args:
        folder: where the blobs are kept, or None for a temporary folder that `close` removes.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="registry-") if folder is None else None
        self._folder = Path(self._temporary.name) if self._temporary else Path(folder or "")
        for part in ("blobs", "uploads"):
            (self._folder / part).mkdir(parents=True, exist_ok=True)
        self.repositories: dict[str, StoredRepository] = {}
        self._uploads: dict[str, Upload] = {}

    def repository(self, name: str) -> StoredRepository:
        """The repository, made if it is new."""
        return self.repositories.setdefault(name, StoredRepository())

    def blob_path(self, digest: Digest) -> Path:
        """The file that holds a blob."""
        return self._folder / "blobs" / digest.hex

    def holds(self, name: str, digest: Digest) -> bool:
        """Whether the repository links the blob and the blob is there."""
        stored = self.repositories.get(name)
        return stored is not None and digest in stored.blobs and self.blob_path(digest).is_file()

    def put_blob(self, name: str, content: bytes) -> Digest:
        """Keep these bytes as a blob of the repository."""
        digest = Digest.of(content)
        self.blob_path(digest).write_bytes(content)
        self.repository(name).blobs.add(digest)
        return digest

    def put_manifest(self, name: str, media_type: str, content: bytes, tag: str | None = None) -> Digest:
        """Keep a manifest, under a tag if one is given."""
        digest = Digest.of(content)
        self.blob_path(digest).write_bytes(content)
        stored = self.repository(name)
        stored.manifests[digest] = media_type
        if tag is not None:
            stored.tags[tag] = digest
        return digest

    def start_upload(self, name: str) -> Upload:
        """Open an upload session."""
        identifier = secrets.token_urlsafe(16)
        upload = Upload(identifier, name, self._folder / "uploads" / identifier)
        self._uploads[identifier] = upload
        return upload

    def upload(self, name: str, identifier: str) -> Upload | None:
        """An open session of this repository."""
        upload = self._uploads.get(identifier)
        return upload if upload is not None and upload.name == name else None

    @property
    def open_uploads(self) -> int:
        """How many sessions were opened and neither committed nor cancelled."""
        return len(self._uploads)

    def commit(self, upload: Upload, digest: Digest) -> bool:
        """Make a session's bytes a blob; False, and nothing is kept, if they have another digest."""
        self._uploads.pop(upload.identifier)
        if upload.close() != digest:
            upload.path.unlink()
            return False
        upload.path.rename(self.blob_path(digest))
        self.repository(upload.name).blobs.add(digest)
        return True

    def drop(self, upload: Upload) -> None:
        """Forget a session and its bytes."""
        self._uploads.pop(upload.identifier, None)
        upload.close()
        upload.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Drop every session, and the folder if it was temporary."""
        for upload in list(self._uploads.values()):
            self.drop(upload)
        if self._temporary:
            self._temporary.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
