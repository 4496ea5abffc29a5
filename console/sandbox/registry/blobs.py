"""The blob and upload end-points."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from aiohttp import web

from console.sandbox.registry.problems import (
    RegistryProblem,
    blob_unknown,
    digest_invalid,
    unsupported,
    upload_invalid,
    upload_unknown,
)
from runner.image.digest import Digest

if TYPE_CHECKING:
    from console.sandbox.registry.routes import Route
    from console.sandbox.registry.storage import Storage, Upload

_READ = 256 * 1024
_RANGE = re.compile(r"(?:bytes[ =])?(\d+)-(\d*)\Z")


def cut(request: web.Request) -> NoReturn:
    """Drop the request's connection."""
    if request.transport is not None:
        request.transport.abort()
    raise ConnectionResetError("cut on demand")


@dataclass(frozen=True, slots=True)
class BlobEndpoints:
    """Blobs and uploads of a storage.

    Args:
        storage: what is held.
        mounts: whether a blob can be mounted from another repository; else a mount answers 202.
    """

    storage: Storage
    mounts: bool = True

    async def blob(self, route: Route, request: web.Request) -> web.StreamResponse:
        """GET, HEAD and DELETE of a blob; GET serves a range if one is asked."""
        digest = _digest(route.reference)
        if not self.storage.holds(route.name, digest):
            raise blob_unknown()
        if request.method == "DELETE":
            self.storage.repository(route.name).blobs.discard(digest)
            return web.Response(status=202)
        if request.method not in {"GET", "HEAD"}:
            raise unsupported()
        path = self.storage.blob_path(digest)
        headers = {"Docker-Content-Digest": str(digest), "Content-Type": "application/octet-stream"}
        if request.method == "HEAD":
            return web.Response(headers=headers | {"Content-Length": str(path.stat().st_size)})
        return web.FileResponse(path, chunk_size=_READ, headers=headers)

    async def upload(self, route: Route, request: web.Request) -> web.Response:
        """POST opens a session or mounts, PATCH appends, PUT commits, GET tells its offset, DELETE ends."""
        if request.method == "POST":
            return await self._post(route, request)
        upload = self.storage.upload(route.name, route.reference)
        if upload is None:
            raise upload_unknown()
        match request.method:
            case "GET":
                return _progress(upload, 204)
            case "DELETE":
                self.storage.drop(upload)
                return web.Response(status=204)
            case "PATCH":
                _check_range(upload, request)
                await _receive(upload, request)
                return _progress(upload, 202)
            case "PUT":
                return await self._commit(upload, request)
            case _:
                raise unsupported()

    async def _post(self, route: Route, request: web.Request) -> web.Response:
        mount = request.query.get("mount")
        if mount and self._mountable(_digest(mount), request.query.get("from", "")):
            self.storage.repository(route.name).blobs.add(Digest(mount))
            return _created(route.name, mount)
        upload = self.storage.start_upload(route.name)
        if "digest" in request.query:
            return await self._commit(upload, request)
        return _progress(upload, 202)

    def _mountable(self, digest: Digest, source: str) -> bool:
        return self.mounts and self.storage.holds(source, digest)

    async def _commit(self, upload: Upload, request: web.Request) -> web.Response:
        digest = _digest(request.query.get("digest", ""))
        if request.headers.get("Content-Range"):
            _check_range(upload, request)
        await _receive(upload, request)
        if not self.storage.commit(upload, digest):
            raise digest_invalid()
        return _created(upload.name, str(digest))


async def _receive(upload: Upload, request: web.Request) -> None:
    left = request.get("cut_after")
    async for chunk in request.content.iter_chunked(_READ):
        kept = chunk if left is None else chunk[:left]
        upload.write(kept)
        if left is not None:
            left -= len(kept)
            if left <= 0:
                cut(request)
    if left is not None:
        cut(request)


def _check_range(upload: Upload, request: web.Request) -> None:
    stated = request.headers.get("Content-Range")
    if stated is None:
        return
    found = _RANGE.match(stated)
    if found is None:
        raise upload_invalid(f"bad Content-Range {stated[:100]!r}")
    if int(found[1]) != upload.offset:
        # The session's Location and offset come with it, as clients resume from there.
        headers = dict(_progress(upload, 416).headers)
        raise RegistryProblem(416, "RANGE_INVALID", "invalid content range", headers)


def _progress(upload: Upload, status: int) -> web.Response:
    headers = {
        "Location": f"/v2/{upload.name}/blobs/uploads/{upload.identifier}?_state={upload.offset}",
        # An empty session says 0-0 too, as distribution's registry does.
        "Range": f"0-{max(0, upload.offset - 1)}",
        "Docker-Upload-UUID": upload.identifier,
    }
    return web.Response(status=status, headers=headers)


def _created(name: str, digest: str) -> web.Response:
    headers = {"Location": f"/v2/{name}/blobs/{digest}", "Docker-Content-Digest": digest}
    return web.Response(status=201, headers=headers)


def _digest(text: str) -> Digest:
    try:
        return Digest(text)
    except ValueError:
        raise digest_invalid() from None
