"""The one layer that every request passes: route, body, scopes, parameters, query, shape, handler, answer.

The order of the checks and every message are as measured against the services (v106).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sqlite3
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Never
from urllib.parse import parse_qsl

from aiohttp import web

from console.domain.scopes import is_satisfied, missing
from console.sandbox.authentication import Directory, Identity, Signed, authenticate, payload_hash
from console.sandbox.failures import ApiError
from console.sandbox.routing import BadEncoding, Endpoint, Router
from console.sandbox.temporary import AuthenticationFailed
from console.sandbox.validation import rejection

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from console.domain.scopes import Expression
    from console.sandbox.deployment import Deployment

CORS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "OPTIONS,GET,HEAD,POST,PUT,DELETE,TRACE,CONNECT",
    "Access-Control-Allow-Headers": "X-Requested-With,Content-Type,Authorization,Accept,Origin,Cache-Control",
    "Access-Control-Request-Method": "*",
    "Access-Control-Max-Age": "900",
}
_QUERY_PATTERNS: Final = {"limit": r"^[0-9]+$", "quarantined": r"^(true|false)$"}
_HTML_400: Final = (
    '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Error</title>\n</head>\n'
    "<body>\n<pre>Bad Request</pre>\n</body>\n</html>\n"
)
_OMITTED: Final = "(OMITTED)"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer other than 200 with a JSON body."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str | None = None


@dataclass(slots=True)
class Call:
    """One request to one endpoint, as its handler sees it."""

    deployment: Deployment
    endpoint: Endpoint
    signed: Signed
    content: bytes
    content_type: str | None
    params: dict[str, str]
    query: dict[str, str]
    is_gone: Callable[[], bool]
    payload: Any = field(default_factory=dict)
    is_malformed: bool = False
    _identity: Identity | None = None

    @property
    def identity(self) -> Identity:
        """The caller; found out when first asked for, so that a public endpoint ignores bad credentials."""
        if self._identity is None:
            self._identity = self._authenticated()
        return self._identity

    def _authenticated(self) -> Identity:
        deployment = self.deployment
        directory = Directory(deployment.client, deployment.roles, deployment.now())
        try:
            identity = authenticate(self.signed, directory)
        except AuthenticationFailed as refusal:
            raise ApiError("AuthenticationFailed", str(refusal)) from refusal
        if identity.payload_hash:
            computed = payload_hash(self.content, self.content_type or "")
            if computed != identity.payload_hash:
                raise ApiError(
                    "AuthenticationFailed",
                    f"Invalid payload hash: {{{{hash}}}}\nComputed payload hash: {computed}\n"
                    "This happens when your request carries a signed hash of the payload and the hash "
                    "doesn't match the hash we've computed on the server-side.",
                )
        return identity

    @property
    def client_id(self) -> str:
        """The caller's, for the audit."""
        return self.identity.client_id or "anonymous"

    def has(self, expression: Expression) -> bool:
        """Whether the caller satisfies the expression."""
        return is_satisfied(expression, self.identity.scopes)

    def authorize(self, expression: Expression) -> None:
        """Refuse a caller who does not satisfy the expression.

        Raises:
            ApiError: AuthenticationFailed, or InsufficientScopes with what is missing.
        """
        check_scopes(self.identity, expression)


def check_scopes(identity: Identity, expression: Expression) -> None:
    """Refuse an identity that does not satisfy the expression.

    Raises:
        ApiError: InsufficientScopes.
    """
    lacking = missing(expression, identity.scopes)
    if lacking is None:
        return
    wanted = f"satisfy the following scope expression:\n\n```\n{_shown(expression)}\n```"
    if identity.client_id is None:
        raise ApiError("InsufficientScopes", f"This request requires Taskcluster credentials that {wanted}")
    raise ApiError(
        "InsufficientScopes",
        f"Client ID {identity.client_id} does not have sufficient scopes and is missing the following "
        f"scopes:\n\n```\n{_shown(lacking)}\n```\n\nThis request requires the client to {wanted}",
    )


def _shown(expression: Expression) -> str:
    return expression if isinstance(expression, str) else json.dumps(expression, indent=2)


def filled(template: Expression, values: Mapping[str, str]) -> Expression:
    """The template with `<name>` replaced by each value."""
    if isinstance(template, str):
        return re.sub(r"<(\w+)>", lambda found: values[found[1]], template)
    return {kind: [filled(part, values) for part in parts] for kind, parts in template.items()}


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
        except (sqlite3.Error, OverflowError) as error:
            # A number or text that the state cannot hold.
            raise ApiError("InternalServerError", f"Internal Error: {error}") from error

    async def _checked(self, call: Call) -> Any:
        endpoint = call.endpoint
        _read_payload(call)
        if endpoint.handler is None:
            raise ApiError("NotImplemented", f"The sandbox lacks {endpoint.name}")
        if endpoint.scopes is not None:
            call.authorize(filled(endpoint.scopes, call.params))
        _check_params(call)
        _check_query(call)
        _check_payload(call)
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
        message = (
            f"{refusal.message}\n\n---\n\n* method:     {endpoint.name}\n* errorCode:  {refusal.code}\n"
            f"* statusCode: {refusal.status}\n* time:       {time}"
        )
        about = {"method": endpoint.name, "params": call.params, "payload": echoed, "time": time}
        headers = {"WWW-Authenticate": "hawk"} if refusal.code == "AuthenticationFailed" else {}
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
    host, colon, port = request.headers.get("Host", "").rpartition(":")
    if not colon or port.endswith("]"):
        host, port = request.headers.get("Host", ""), "443" if request.secure else "80"
    return Signed(
        method=request.method,
        name=request.raw_path,
        host=host,
        port=request.headers.get("X-Forwarded-Port", port),
        authorization=request.headers.get("Authorization"),
    )


def _read_payload(call: Call) -> None:
    if call.endpoint.takes is None or not is_json(call.content_type):
        return
    try:
        call.payload = json.loads(call.content, parse_constant=_refuse_constant)
    except ValueError:
        call.payload, call.is_malformed = call.content.decode(errors="replace"), True


def _refuse_constant(name: str) -> Never:
    raise ValueError(f"{name} is no JSON")


def is_json(content_type: str | None) -> bool:
    """Whether a body of this type is read; parameters such as a charset do not matter."""
    return (content_type or "").split(";")[0].strip().lower() == "application/json"


def _check_params(call: Call) -> None:
    wrong = [
        f"URL parameter '{name}' given as '{call.params[name]}' must match regular expression: "
        f"'/{_escaped(pattern)}/'"
        for name, pattern in call.endpoint.patterns.items()
        if name in call.params and not re.search(pattern, call.params[name])
    ]
    if wrong:
        raise ApiError("InvalidRequestArguments", "\n".join(["Invalid URL patterns:", *wrong]))


def _escaped(pattern: str) -> str:
    """As JavaScript prints a regular expression: with its slashes escaped."""
    return pattern.replace("/", r"\/")


def _check_query(call: Call) -> None:
    wrong: list[str] = []
    for key, value in call.query.items():
        pattern = _QUERY_PATTERNS.get(key)
        if key == "bewit":
            continue
        if key not in call.endpoint.query:
            wrong.append(f"Query-string parameter: {key} is not supported!")
        elif pattern and not re.search(pattern, value):
            wrong.append(f'Query-string parameter: {key}="{value}" does not match expression: /{pattern}/')
    if wrong:
        raise ApiError("InvalidRequestArguments", "\n".join(wrong))


def _check_payload(call: Call) -> None:
    shape = call.endpoint.takes
    if shape is None:
        return
    if not is_json(call.content_type):
        got = call.content_type or "null"
        raise ApiError(
            "MalformedPayload",
            f"Payload must be JSON with content-type: application/json got content-type: {got}",
        )
    if call.is_malformed:
        raise ApiError("MalformedPayload", "Failed to parse JSON: the body is not JSON")
    shape.fill(call.payload)
    message = rejection(shape, call.endpoint.schema, call.deployment.root_url, call.payload)
    if message:
        raise ApiError("InputValidationError", message)
