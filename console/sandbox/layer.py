"""The one layer that every request passes: route, body, scopes, parameters, query, shape, handler, answer.

The order of the checks and every message are as measured against the services (v106).
"""

from __future__ import annotations

import base64
import hashlib
import json
import sqlite3
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from aiohttp import web

from console.sandbox.authentication import Signed
from console.sandbox.call import Call, Reply, filled
from console.sandbox.checks import check_params, check_payload, check_query, read_payload
from console.sandbox.failures import ApiError, footed
from console.sandbox.routing import BadEncoding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from console.sandbox.deployment import Deployment
    from console.sandbox.routing import Router

CORS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "OPTIONS,GET,HEAD,POST,PUT,DELETE,TRACE,CONNECT",
    "Access-Control-Allow-Headers": "X-Requested-With,Content-Type,Authorization,Accept,Origin,Cache-Control",
    "Access-Control-Request-Method": "*",
    "Access-Control-Max-Age": "900",
}
_HTML_400: Final = (
    '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Error</title>\n</head>\n'
    "<body>\n<pre>Bad Request</pre>\n</body>\n</html>\n"
)
_UNAUTHORIZED: Final = 401
_OMITTED: Final = "(OMITTED)"


class Layer:
    """Answers everything below `/api/`."""

    def __init__(self, deployment: Deployment, router: Router) -> None:
        self._deployment = deployment
        self._router = router

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """The aiohttp handler."""
        path, _, query = request.raw_path.partition("?")
        _empty, _api, service, version, rest = (*path.split("/", 4), "", "", "", "")[:5]
        if request.method == "OPTIONS" and version == "v1":
            methods = self._router.methods(service, "/" + rest)
            if methods:
                return web.Response(
                    body=", ".join(methods).encode(), headers={**CORS, "Content-Type": "text/plain"}
                )
        try:
            found = self._router.find(service, request.method, "/" + rest) if version == "v1" else None
        except BadEncoding:
            return web.Response(status=400, text=_HTML_400, content_type="text/html", charset="utf-8")
        if found is None:
            return self._json({"error": "Not found"}, 404)
        endpoint, params = found
        call = Call(
            self._deployment,
            endpoint,
            _signed(request),
            b"",
            request.headers.get("Content-Type"),
            params,
            dict(parse_qsl(query, keep_blank_values=True)),
            lambda: request.transport is None or request.transport.is_closing(),
        )
        try:
            return self._replied(await self._run(call, request))
        except ApiError as refusal:
            return self._refused(call, refusal)

    async def _run(self, call: Call, request: web.Request) -> Any:
        try:
            call.content = await request.read()
            return await self._checked(call)
        except web.HTTPRequestEntityTooLarge as error:
            raise ApiError("InputTooLarge", "The body is larger than 10 MB") from error
        except (OverflowError, UnicodeEncodeError, sqlite3.DataError) as error:
            # A number without end, half a character: the services answer 500, which helps nobody.
            raise ApiError("InputError", f"The body holds what cannot be stored: {error}") from error
        except sqlite3.Error as error:
            raise ApiError("InternalServerError", f"Internal Error: {error}") from error

    async def _checked(self, call: Call) -> Any:
        endpoint = call.endpoint
        read_payload(call)
        if endpoint.handler is None:
            raise ApiError("NotImplemented", f"The sandbox lacks {endpoint.name}")
        if endpoint.scopes is not None:
            call.authorize(filled(endpoint.scopes, call.params))
        check_params(call)
        check_query(call)
        check_payload(call)
        return await endpoint.handler(call)

    def _replied(self, reply: Any) -> web.Response:
        if not isinstance(reply, Reply):
            return self._json(reply, 200)
        if reply.text is not None:
            headers = {**self._headers(reply.text.encode()), **reply.headers}
            headers["Content-Type"] = "text/plain; charset=utf-8"
            return web.Response(status=reply.status, body=reply.text.encode(), headers=headers)
        if reply.body is None:
            return web.Response(status=reply.status, headers={**self._headers(b""), **reply.headers})
        return self._json(reply.body, reply.status, reply.headers)

    def _refused(self, call: Call, refusal: ApiError) -> web.Response:
        time = self._deployment.time()
        endpoint = call.endpoint
        echoed = call.payload
        if isinstance(echoed, dict):
            echoed = {name: _OMITTED if name in endpoint.hides else value for name, value in echoed.items()}
        message = footed(refusal, endpoint.name, time)
        about = {"method": endpoint.name, "params": call.params, "payload": echoed, "time": time}
        headers = (
            {"WWW-Authenticate": "hawk"} if refusal.status == _UNAUTHORIZED and refusal.challenges else {}
        )
        body = {"code": refusal.code, "message": message, "requestInfo": about}
        return self._json(body, refusal.status, headers)

    def _json(self, body: Any, status: int, headers: Mapping[str, str] | None = None) -> web.Response:
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
        return web.Response(
            status=status,
            body=content,
            headers={
                **self._headers(content),
                "Content-Type": "application/json; charset=utf-8",
                **(headers or {}),
            },
        )

    def _headers(self, content: bytes) -> dict[str, str]:
        identifier = self._deployment.slugid()
        digest = base64.b64encode(hashlib.sha1(content, usedforsecurity=False).digest())[:27].decode()
        return {
            **CORS,
            "Cache-Control": "no-store no-cache must-revalidate",
            "ETag": f'W/"{len(content):x}-{digest}"',
            "x-for-request-id": identifier,
            "x-for-trace-id": identifier,
        }


def _signed(request: web.Request) -> Signed:
    whole = _header(request, "Host") or ""
    host, colon, port = whole.rpartition(":")
    if not colon or port.endswith("]"):
        host, port = whole, "443" if request.secure else "80"
    return Signed(
        method=request.method,
        name=request.raw_path,
        host=host,
        port=_header(request, "X-Forwarded-Port") or port,
        authorization=_header(request, "Authorization"),
    )


def _header(request: web.Request, name: str) -> str | None:
    """A header as the services read it: byte by byte, whatever they are."""
    value = request.headers.get(name)
    return None if value is None else value.encode(errors="surrogateescape").decode("latin-1")
