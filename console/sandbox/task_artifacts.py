"""The artifacts of one run, as its worker creates them."""

from __future__ import annotations

import asyncio
import gzip
import mimetypes
import shutil
import tempfile
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, Final

from yarl import URL

from console.sandbox.signed_http import TaskclusterFailure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiohttp import ClientSession

    from console.sandbox.declared_artifacts import DeclaredArtifact
    from console.sandbox.signed_http import Api

TEXT: Final = "text/plain; charset=utf-8"
_OK: Final = range(200, 300)
_COMPRESSIBLE: Final = ("text/", "application/json", "application/xml", "application/javascript")
# Below this a file does not get smaller, and a reader with plain curl is spared the decoding.
_SMALLEST_COMPRESSED: Final = 1024


class Run:
    """One run of a task, and what it may do with its own credentials: create artifacts."""

    def __init__(self, api: Api, session: ClientSession, task_id: str, run_id: int, expires: str) -> None:
        self._api = api
        self._session = session
        self.task_id = task_id
        self.run_id = run_id
        self._expires = expires

    async def create(self, name: str, storage_type: str, **properties: object) -> dict[str, Any]:
        """createArtifact; it expires with the task unless `expires` says otherwise."""
        payload = {"storageType": storage_type, "expires": self._expires, **properties}
        parts = ("task", self.task_id, "runs", str(self.run_id), "artifacts", name)
        return await self._api.call("POST", "queue", *parts, payload=payload)

    async def upload(
        self, name: str, path: Path, content_type: str, *, compress: bool, expires: str | None = None
    ) -> None:
        """Upload a file as an s3 artifact.

        Raises:
            TaskclusterFailure: the queue or the storage refuses.
            OSError: the file cannot be read.
        """
        with path.open("rb") as content, tempfile.TemporaryFile() as compressed:
            body: IO[bytes] = content
            headers = {"Content-Type": content_type}
            if compress:
                await asyncio.to_thread(_compress, content, compressed)
                body = compressed
                headers["Content-Encoding"] = "gzip"
            created = await self.create(
                name, "s3", contentType=content_type, expires=expires or self._expires
            )
            url = URL(created["putUrl"], encoded=True)
            async with self._session.put(url, data=body, headers=headers) as response:
                if response.status not in _OK:
                    raise TaskclusterFailure(response.status, "", f"the storage refused {name}")

    async def upload_declared(self, declared: DeclaredArtifact, folder: Path) -> str | None:
        """Upload what the payload declares, or an `error` artifact in its place.

        Returns:
            What is wrong, or None; a directory without files is not wrong.
        """
        path = folder / declared.path
        problem = _problem(declared, path)
        if problem is not None:
            if declared.optional:
                return None
            reason, message = problem
            await self.create(declared.name, "error", reason=reason, message=message)
            return message
        for name, file in files_of(declared, folder):
            content_type = declared.content_type or _content_type(file)
            compress = (
                declared.gzip if declared.gzip is not None else _is_worth_compressing(file, content_type)
            )
            await self.upload(name, file, content_type, compress=compress, expires=declared.expires)
        return None


def _compress(content: IO[bytes], compressed: IO[bytes]) -> None:
    with gzip.GzipFile(fileobj=compressed, mode="wb", mtime=0) as archive:
        shutil.copyfileobj(content, archive)
    compressed.seek(0)


def _problem(declared: DeclaredArtifact, path: Path) -> tuple[str, str] | None:
    kind = "directory" if declared.directory else "file"
    if PurePosixPath(declared.path).is_absolute():
        return "invalid-resource-on-worker", f"{declared.path} is not relative to the task's folder"
    if not path.exists():
        return "file-missing-on-worker", f"Could not find {kind} {declared.path} in the task's folder"
    if not (path.is_dir() if declared.directory else path.is_file()):
        return "invalid-resource-on-worker", f"{declared.path} is not a {kind}"
    return None


def files_of(declared: DeclaredArtifact, folder: Path) -> Iterator[tuple[str, Path]]:
    """What of a task's folder is uploaded for a declared artifact: each name and file, none if all of it is missing."""
    path = folder / declared.path
    if _problem(declared, path) is not None:
        return
    if not declared.directory:
        yield declared.name, path
        return
    for file in sorted(path.rglob("*")):
        if file.is_file():
            yield f"{declared.name.rstrip('/')}/{file.relative_to(path).as_posix()}", file


def _content_type(path: Path) -> str:
    guessed, encoding = mimetypes.guess_type(path.name)
    return "application/octet-stream" if encoding or guessed is None else guessed


def _is_worth_compressing(path: Path, content_type: str) -> bool:
    return content_type.startswith(_COMPRESSIBLE) and path.stat().st_size >= _SMALLEST_COMPRESSED
