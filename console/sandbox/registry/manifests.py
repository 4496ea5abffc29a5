"""The manifest, tags and referrers end-points."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

from aiohttp import web

from console.sandbox.registry.problems import RegistryProblem, digest_invalid, name_unknown, unsupported
from runner.image.digest import Digest
from runner.image.manifests import LONGEST_MANIFEST, OCI_INDEX, BadManifest, Manifest
from runner.image.reference import BadReference, check_tag

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.sandbox.registry.routes import Route
    from console.sandbox.registry.storage import Storage, StoredRepository


async def serve_manifest(storage: Storage, route: Route, request: web.Request) -> web.Response:
    """GET, HEAD, PUT and DELETE of a manifest by tag or digest."""
    if request.method == "PUT":
        return await _put(storage, route, request)
    digest = _resolve(storage, route)
    if request.method == "DELETE":
        _delete(storage.repositories[route.name], route.reference, digest)
        return web.Response(status=202)
    if request.method not in {"GET", "HEAD"}:
        raise unsupported()
    content = storage.blob_path(digest).read_bytes()
    headers = {
        "Content-Type": storage.repositories[route.name].manifests[digest],
        "Docker-Content-Digest": str(digest),
        "ETag": f'"{digest}"',
    }
    return web.Response(body=content, headers=headers)


def serve_tags(storage: Storage, route: Route, request: web.Request) -> web.Response:
    """The list of tags, in pages of `n` after `last`."""
    if route.name not in storage.repositories:
        raise name_unknown(route.name)
    tags = sorted(storage.repositories[route.name].tags)
    last = request.query.get("last", "")
    tags = [tag for tag in tags if tag > last]
    headers = {}
    limit = request.query.get("n", "")
    if limit.isdigit() and int(limit) < len(tags):
        tags = tags[: int(limit)]
        if tags:
            target = f"/v2/{route.name}/tags/list?last={quote(tags[-1])}&n={limit}"
            headers["Link"] = f'<{target}>; rel="next"'
    return web.json_response({"name": route.name, "tags": tags}, headers=headers)


def serve_referrers(storage: Storage, route: Route) -> web.Response:
    """The manifests of the repository whose subject is this digest."""
    found = []
    stored = storage.repositories.get(route.name)
    for digest, media_type in (stored.manifests if stored else {}).items():
        manifest = Manifest(media_type, storage.blob_path(digest).read_bytes())
        if manifest.subject and str(manifest.subject.digest) == route.reference:
            found.append({"mediaType": media_type, "digest": str(digest), "size": len(manifest.content)})
    body = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": found}
    return web.Response(body=json.dumps(body).encode(), content_type=OCI_INDEX)


async def _put(storage: Storage, route: Route, request: web.Request) -> web.Response:
    content = await request.content.read(LONGEST_MANIFEST + 1)
    while not request.content.at_eof() and len(content) <= LONGEST_MANIFEST:
        content += await request.content.read(LONGEST_MANIFEST)
    if len(content) > LONGEST_MANIFEST:
        raise RegistryProblem(413, "SIZE_INVALID", "manifest too large")
    media_type = request.headers.get("Content-Type", "").partition(";")[0].strip()
    try:
        manifest = Manifest(media_type, content).check()
    except BadManifest as error:
        raise RegistryProblem(400, "MANIFEST_INVALID", str(error)) from error
    tag = _tag_to_put(route.reference, manifest.digest)
    for digest in _missing(storage, route.name, manifest):
        raise RegistryProblem(400, "MANIFEST_BLOB_UNKNOWN", f"blob unknown to registry: {digest}")
    digest = storage.put_manifest(route.name, media_type, content, tag)
    headers = {"Location": f"/v2/{route.name}/manifests/{digest}", "Docker-Content-Digest": str(digest)}
    if manifest.subject:
        headers["OCI-Subject"] = str(manifest.subject.digest)
    return web.Response(status=201, headers=headers)


def _tag_to_put(reference: str, digest: Digest) -> str | None:
    if ":" in reference:
        if reference != str(digest):
            raise digest_invalid()
        return None
    try:
        return check_tag(reference)
    except BadReference as error:
        raise RegistryProblem(400, "TAG_INVALID", "manifest tag did not match URI") from error


def _missing(storage: Storage, name: str, manifest: Manifest) -> Iterator[Digest]:
    if manifest.is_index:
        known = storage.repository(name).manifests
        yield from (entry.digest for entry in manifest.entries if entry.digest not in known)
        return
    for part in (manifest.config, *manifest.layers):
        if not part.is_foreign and not storage.holds(name, part.digest):
            yield part.digest


def _resolve(storage: Storage, route: Route) -> Digest:
    stored = storage.repositories.get(route.name)
    if stored is None:
        raise name_unknown(route.name)
    if route.reference in stored.tags:
        return stored.tags[route.reference]
    try:
        digest = Digest(route.reference)
    except ValueError:
        digest = None
    if digest is None or digest not in stored.manifests:
        raise RegistryProblem(404, "MANIFEST_UNKNOWN", f"manifest unknown: {route.reference}")
    return digest


def _delete(stored: StoredRepository, reference: str, digest: Digest) -> None:
    if reference in stored.tags:
        del stored.tags[reference]
        return
    del stored.manifests[digest]
    stored.tags = {tag: named for tag, named in stored.tags.items() if named != digest}
