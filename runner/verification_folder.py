"""A folder that holds all that a verdict rests on: written by `verify --save`, read by `verify --offline`.

| file | content |
|---|---|
| `image/` | an OCI image layout; its layers may be missing (`skopeo copy docker://IMAGE oci:DIR/image` makes one too) |
| `task.json`, `status.json` | the answers of the queue's `task` and `status` |
| `index.json` | the answer of the index's `findTask`, if the task was found there |
| `public/…` | the run's artifacts: statement, report, `chain-of-trust.json` and its `.sig` |
"""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from runner.errors import CannotTell, IntegrityFailure, UsageError
from runner.image.digest import Digest
from runner.image.layout import INDEX_FILE, LAYOUT_FILE, LAYOUT_VERSION, blob_pieces
from runner.image.manifests import ACCEPTED_TYPES, OCI_INDEX, BadManifest, Descriptor, Manifest
from runner.task.taskcluster_http import TaskclusterError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runner.image.reference import Repository
    from runner.task.queue_service import TaskSource

IMAGE_FOLDER: Final = "image"
_PATHS: Final = (
    (re.compile(r"task/[^/]+\Z"), {"queue": "task.json", "index": "index.json"}),
    (re.compile(r"task/[^/]+/status\Z"), {"queue": "status.json"}),
)
_ARTIFACT: Final = re.compile(r"task/[^/]+/runs/\d+/artifacts/(?P<name>[^/?]+)\Z")
_ARTIFACTS: Final = re.compile(r"task/[^/]+/runs/\d+/artifacts\Z")


class SavedImage:
    """The image in a folder; every byte that is read of it is hashed.

    Args:
        folder: an OCI image layout, whose layers may be missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get_manifest(self, _repository: Repository, name: str) -> Manifest | None:
        """The layout's only image for a tag, or the manifest of a digest.

        Raises:
            CannotTell: the folder is no layout, or of several images.
            IntegrityFailure: a manifest is not what its digest says.
        """
        top = self._top()
        if ":" not in name or name == str(top.digest):
            return self._manifest(top)
        wanted = Digest(name)
        if not self.holds(wanted):
            return None
        return self._manifest(Descriptor("", wanted, 0))

    def get_blob(self, repository: Repository, digest: Digest) -> bytes:
        """A small blob.

        Raises:
            IntegrityFailure: it is not what its digest says, or missing.
        """
        return b"".join(self.open_blob(repository, digest, 0))

    def open_blob(self, _repository: Repository, digest: Digest, _size: int) -> Iterator[bytes]:
        """A blob in pieces; what it is is compared at its end.

        Raises:
            IntegrityFailure: it is not what its digest says, or missing.
        """
        from hashlib import sha256

        content = sha256()
        try:
            for piece in blob_pieces(self._path(digest)):
                content.update(piece)
                yield piece
        except OSError as error:
            raise IntegrityFailure(f"{self._folder} lacks {digest}.") from error
        if content.hexdigest() != digest.hex:
            raise IntegrityFailure(f"{self._path(digest)} is not what its name says: {content.hexdigest()}.")

    def holds(self, digest: Digest) -> bool:
        """Whether a blob is in the folder."""
        return self._path(digest).is_file()

    def _path(self, digest: Digest) -> Path:
        return self._folder / "blobs" / "sha256" / digest.hex

    def _top(self) -> Descriptor:
        try:
            document = json.loads((self._folder / INDEX_FILE).read_bytes())
            entries = [Descriptor.from_json(entry) for entry in document["manifests"]]
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise CannotTell(
                f"{self._folder} holds no OCI image layout.",
                action="Make the folder by `verify --save DIR`, where there is a network.",
            ) from error
        if len(entries) != 1:
            raise CannotTell(f"{self._folder} is a layout of {len(entries)} images and not of one.")
        return entries[0]

    def _manifest(self, descriptor: Descriptor) -> Manifest:
        content = b"".join(self.open_blob(_NOWHERE, descriptor.digest, descriptor.size))
        media_type = descriptor.media_type or _media_type(content)
        try:
            return Manifest(media_type, content).check()
        except BadManifest as error:
            raise CannotTell(f"{self._folder} has no image that can be read: {error}.") from error


_NOWHERE: Any = None


def _media_type(content: bytes) -> str:
    """What a manifest calls itself; an OCI index need not."""
    try:
        document = json.loads(content)
        return str(document.get("mediaType") or (OCI_INDEX if "manifests" in document else ACCEPTED_TYPES[0]))
    except (ValueError, AttributeError, RecursionError):
        return ""


def save_image(
    folder: Path, manifests: tuple[Manifest, ...], configs: tuple[tuple[Digest, bytes], ...]
) -> None:
    """Write a layout without layers.

    Args:
        folder: of the layout.
        manifests: the image's or index's last.
        configs: with their digests.

    Raises:
        UsageError: the folder cannot be written.
    """
    top = manifests[-1].descriptor
    entry = {"mediaType": top.media_type, "digest": str(top.digest), "size": top.size}
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}
    files = {
        LAYOUT_FILE: json.dumps({"imageLayoutVersion": LAYOUT_VERSION}).encode(),
        INDEX_FILE: json.dumps(index).encode(),
        **{f"blobs/sha256/{manifest.digest.hex}": manifest.content for manifest in manifests},
        **{f"blobs/sha256/{digest.hex}": content for digest, content in configs},
    }
    for name, content in files.items():
        _write(folder / name, content)


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.") from error


def _file_of(service: str, path: str) -> str | None:
    """The file that an answer is kept in, or None if it is not kept."""
    from urllib.parse import unquote

    for pattern, names in _PATHS:
        if pattern.match(path) and service in names:
            return names[service]
    artifact = _ARTIFACT.match(path)
    name = unquote(artifact["name"]) if artifact else ""
    return name if name.startswith("public/") and ".." not in PurePosixPath(name).parts else None


class SavedTask(NamedTuple):
    """The task in a folder, as the queue and the index told of it."""

    folder: Path

    @property
    def task_id(self) -> str | None:
        """Whose status it is."""
        try:
            found = json.loads((self.folder / "status.json").read_bytes())["status"]["taskId"]
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None
        return found if isinstance(found, str) else None

    def call(self, _method: str, service: str, path: str) -> Any:
        """What a service answered.

        Raises:
            TaskclusterError: 404 where it is not in the folder.
        """
        if _ARTIFACTS.match(path):
            files = sorted(file for file in (self.folder / "public").rglob("*") if file.is_file())
            return {"artifacts": [{"name": file.relative_to(self.folder).as_posix()} for file in files]}
        try:
            return json.loads(self.fetch(service, path))
        except (ValueError, RecursionError):
            raise TaskclusterError(404, "", "no JSON", "the folder") from None

    def fetch(self, service: str, path: str, limit: int = 32 << 20) -> bytes:
        """What a service sent.

        Raises:
            TaskclusterError: 404 where it is not in the folder.
        """
        name = _file_of(service, path)
        try:
            if name is None:
                raise FileNotFoundError
            with (self.folder / name).open("rb") as file:
                content = file.read(limit + 1)
        except OSError:
            raise TaskclusterError(404, "", f"no {name}", "the folder") from None
        if len(content) > limit:
            raise TaskclusterError(413, "", f"{name} is longer than {limit} bytes", "the folder")
        return content


class SavingTask(NamedTuple):
    """A task that is read through, and kept in a folder.

    Args:
        source: where it is read.
        folder: where it is kept.
    """

    source: TaskSource
    folder: Path

    def call(self, method: str, service: str, path: str) -> Any:
        """What a service answers; see `TaskSource`."""
        answer = self.source.call(method, service, path)
        name = _file_of(service, path)
        if name is not None:
            _write(self.folder / name, json.dumps(answer, indent=2).encode())
        return answer

    def fetch(self, service: str, path: str, limit: int = 32 << 20) -> bytes:
        """What a service sends; see `TaskSource`."""
        content = self.source.fetch(service, path, limit)
        name = _file_of(service, path)
        if name is not None:
            _write(self.folder / name, content)
        return content
