"""The registry's server: one handler that counts, strikes with faults, authorises and dispatches."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from aiohttp import web

from console.sandbox.registry.authentication import Auth, TokenAuth
from console.sandbox.registry.blobs import BlobEndpoints, cut
from console.sandbox.registry.faults import (
    Answer,
    ChangeAnswer,
    CutAnswer,
    CutRequest,
    Delay,
    Effect,
    ExpireTokens,
    Fault,
    LoseUpload,
    MoveLocation,
)
from console.sandbox.registry.manifests import serve_manifest, serve_referrers, serve_tags
from console.sandbox.registry.problems import RegistryProblem
from console.sandbox.registry.routes import Kind, Route, route_of
from console.sandbox.registry.storage import Storage
from runner.image.digest import Digest

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping
    from types import TracebackType

_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """A request that came in: what for, and whether it carried an Authorization header."""

    method: str
    kind: Kind
    reference: str
    query: str
    authorized: bool
    status: int


class EmbeddedRegistry:
    """A registry on loopback.

    Args:
        auth: who may do what; None lets everybody.
        storage: what it holds; a temporary one if None.
        mounts: whether blobs can be mounted from other repositories.
        referrers: whether the referrers API is there.
        tls: serves https with this context.
    """

    def __init__(
        self,
        *,
        auth: Auth = None,
        storage: Storage | None = None,
        mounts: bool = True,
        referrers: bool = False,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.auth = auth
        self.storage = storage or Storage()
        self.faults: list[Fault] = []
        self.seen: deque[SeenRequest] = deque(maxlen=_REMEMBERED)
        self.host = ""
        self._owns_storage = storage is None
        self._blobs = BlobEndpoints(self.storage, mounts)
        self._referrers = referrers
        self._tls = tls
        self._runner: web.AppRunner | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> Self:
        """Listen; port 0 takes a free one, which `self.host` then names."""
        application = web.Application(client_max_size=0)
        application.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port, ssl_context=self._tls)
        await site.start()
        bound = self._runner.addresses[0]
        self.host = f"{host}:{bound[1]}"
        return self

    async def close(self) -> None:
        """Stop listening; drop what was held if nobody else keeps it."""
        if self._runner:
            await self._runner.cleanup()
        if self._owns_storage:
            self.storage.close()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        route = route_of(request.path)
        effects = [fault.effect for fault in self.faults if fault.strikes(request.method, route)]
        try:
            response = await self._struck(effects, route, request)
        except RegistryProblem as problem:
            response = problem.response()
        except ConnectionResetError:
            self._remember(route, request, 0)
            raise
        response.headers["Docker-Distribution-Api-Version"] = "registry/2.0"
        self._remember(route, request, response.status)
        return await self._changed(effects, route, request, response)

    async def _struck(self, effects: list[Effect], route: Route, request: web.Request) -> web.StreamResponse:
        for effect in effects:
            match effect:
                case Delay(seconds):
                    await asyncio.sleep(seconds)
                case Answer():
                    return _answer(effect)
                case ExpireTokens() if isinstance(self.auth, TokenAuth):
                    self.auth.expire_all()
                case CutRequest(after) if after and request.method in {"PATCH", "PUT"}:
                    request["cut_after"] = after
                case CutRequest():
                    cut(request)
                case LoseUpload():
                    if upload := self.storage.upload(route.name, route.reference):
                        self.storage.drop(upload)
                case _:
                    pass  # strikes the answer
        return await self._dispatch(route, request)

    async def _dispatch(self, route: Route, request: web.Request) -> web.StreamResponse:
        if route.kind == "token" and isinstance(self.auth, TokenAuth):
            return self.auth.issue(request)
        if self.auth is not None and route.kind != "unknown":
            self.auth.check(request, _needed(route, request))
        if route.kind in {"blob", "upload"}:
            serve = self._blobs.blob if route.kind == "blob" else self._blobs.upload
            return await serve(route, request)
        match route.kind:
            case "base":
                return web.json_response({})
            case "manifest":
                return await serve_manifest(self.storage, route, request)
            case "tags":
                return serve_tags(self.storage, route, request)
            case "referrers" if self._referrers:
                return serve_referrers(self.storage, route)
        raise RegistryProblem(404, "NOT_FOUND", "not found")

    async def _changed(
        self, effects: list[Effect], route: Route, request: web.Request, response: web.StreamResponse
    ) -> web.StreamResponse:
        for effect in effects:
            match effect:
                case MoveLocation(rewrite) if "Location" in response.headers:
                    response.headers["Location"] = rewrite(response.headers["Location"])
                case ChangeAnswer(headers, body):
                    response = _with_changes(response, headers, body)
                case CutAnswer(after):
                    await _send_part(request, response, self._body(route, response), after)
                case _:
                    pass  # struck before
        return response

    def _body(self, route: Route, response: web.StreamResponse) -> bytes:
        if isinstance(response, web.FileResponse):
            return self.storage.blob_path(Digest(route.reference)).read_bytes()
        body = response.body if isinstance(response, web.Response) else None
        return body if isinstance(body, bytes) else b""

    def _remember(self, route: Route, request: web.Request, status: int) -> None:
        self.seen.append(
            SeenRequest(
                request.method,
                route.kind,
                route.reference,
                request.query_string,
                "Authorization" in request.headers,
                status,
            )
        )


def _needed(route: Route, request: web.Request) -> Mapping[str, frozenset[str]]:
    if not route.name:
        return {}
    reads = request.method in {"GET", "HEAD"} and route.kind != "upload"
    needed = {route.name: frozenset({"pull"} if reads else {"pull", "push"})}
    if request.method == "POST" and request.query.get("from"):
        needed[request.query["from"]] = needed.get(request.query["from"], frozenset()) | {"pull"}
    return needed


def _answer(answer: Answer) -> web.Response:
    if answer.code:
        return RegistryProblem(answer.status, answer.code, answer.message, dict(answer.headers)).response()
    return web.Response(status=answer.status, headers=answer.headers, body=answer.body)


def _with_changes(
    response: web.StreamResponse, headers: Mapping[str, str | None], body: bytes | None
) -> web.StreamResponse:
    if body is not None:
        kept = {name: value for name, value in response.headers.items() if name != "Content-Length"}
        response = web.Response(status=response.status, headers=kept, body=body)
    for name, value in headers.items():
        response.headers.popall(name, None)
        if value is not None:
            response.headers[name] = value
    return response


async def _send_part(request: web.Request, response: web.StreamResponse, body: bytes, after: int) -> None:
    if after:
        head = web.StreamResponse(status=response.status, headers=response.headers)
        head.headers["Content-Length"] = str(len(body))
        await head.prepare(request)
        await head.write(body[:after])
        # What was written must be on its way before the connection is reset, which discards buffers.
        if request.transport is not None:
            request.transport.close()
        raise ConnectionResetError("cut on demand")
    cut(request)
