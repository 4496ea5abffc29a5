"""taskcluster-proxy: what gives a task its scopes without giving it credentials.

It behaves as the real program was measured to, with one difference: retries end after seconds, where the real
one hangs for more than 40 s on an unreachable root URL.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from typing import TYPE_CHECKING, Final, Self

import aiohttp
from aiohttp import web
from yarl import URL

from console.sandbox.signed_http import Credentials, authorization, signed_url
from runner import __version__
from runner.retry import Backoff

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from multidict import CIMultiDict, CIMultiDictProxy

_API_PATH: Final = re.compile(r"/api/([^/]*)/([^/]*)/(.*)\Z", re.DOTALL)
_SHORT_PATH: Final = re.compile(r"/([^/]+)/([^/]+)/(.*)\Z", re.DOTALL)
_BEWIT_SECONDS: Final = 3600
_LARGEST_BODY: Final = 16 * 2**20
_CHUNK: Final = 2**16
# A connection's own headers (RFC 9110 §7.6.1), and those that are made anew.
_NOT_FORWARDED: Final = frozenset(
    [
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "host",
        "authorization",
        "content-length",
        "expect",
    ]
)
_BACKOFF: Final = Backoff(attempts=5, first=0.1, longest=2.0)


class TaskProxy:
    """One task's proxy, on a port of its own on loopback."""

    def __init__(
        self,
        root_url: str,
        credentials: Credentials,
        authorized_scopes: Sequence[str],
        sleep: Callable[[float], Awaitable[object]],
    ) -> None:
        self._root_url = root_url.rstrip("/")
        self._credentials = credentials
        self._authorized_scopes = list(authorized_scopes)
        self._sleep = sleep
        self._runner: web.AppRunner | None = None
        self._session: aiohttp.ClientSession | None = None
        self.url = ""

    @classmethod
    async def start(
        cls,
        root_url: str,
        credentials: Credentials,
        authorized_scopes: Sequence[str],
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> Self:
        """Listen on 127.0.0.1.

        Args:
            root_url: the deployment's.
            credentials: the task's temporary credentials.
            authorized_scopes: what a request may use of them; a task gets `task.scopes` and
                `queue:create-artifact:<taskId>/<runId>`, not reclaim and resolve.
            sleep: waits between attempts.
        """
        proxy = cls(root_url, credentials, authorized_scopes, sleep)
        application = web.Application(client_max_size=_LARGEST_BODY)
        application.router.add_route("*", "/{path:.*}", proxy._answer)
        proxy._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        # Whatever upstream sends must reach the task as it was sent.
        proxy._session = aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar())
        try:
            await proxy._runner.setup()
            await web.TCPSite(proxy._runner, "127.0.0.1", 0).start()
        except BaseException:
            await proxy.close()
            raise
        host, port = proxy._runner.addresses[0][:2]
        proxy.url = f"http://{host}:{port}"
        return proxy

    def renew(self, credentials: Credentials) -> None:
        """Sign with these from now on, as after a reclaim."""
        self._credentials = credentials

    async def close(self) -> None:
        """Stop listening and cut what is under way."""
        if self._session is not None:
            await self._session.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        # The first two are matched by prefix, as the real proxy does.
        if request.raw_path.startswith("/bewit"):
            return await self._bewit(request)
        if request.raw_path.startswith("/credentials"):
            return await self._replace_credentials(request)
        target = self._target(request.raw_path)
        return target if isinstance(target, web.Response) else await self._forward(request, target)

    def _target(self, path: str) -> str | web.Response:
        if path.startswith("/api/"):
            if not _API_PATH.match(path):
                return web.Response(status=404, text="404 page not found: invalid /api path")
            return self._root_url + path
        short = _SHORT_PATH.match(path)
        if short is None:
            # The spelling is the real proxy's.
            return web.Response(status=404, text=f"Unkown taskcluster service: {path[:200]}")
        if "." in short[1]:
            return web.Response(status=501, text="The sandbox's proxy reaches no host but its own root URL")
        return f"{self._root_url}/api{path}"

    async def _bewit(self, request: web.Request) -> web.Response:
        if request.method != "POST":
            return web.Response(status=405, text="POST the URL to be signed")
        url = (await request.text()).strip()
        if not url.startswith(("http://", "https://")):
            return web.Response(status=400, text="The body is not a URL")
        signed = signed_url(
            self._credentials, url, int(time.time()) + _BEWIT_SECONDS, self._authorized_scopes
        )
        return web.Response(status=303, text=signed, headers={"Location": signed})

    async def _replace_credentials(self, request: web.Request) -> web.Response:
        if request.method != "PUT":
            return web.Response(status=405, text="PUT the new credentials")
        try:
            document = json.loads(await request.read())
            credentials = Credentials.from_json(document)
        except (ValueError, AttributeError):
            return web.Response(status=400, text="The body is not a JSON object with credentials")
        self.renew(credentials)
        return web.Response()

    async def _forward(self, request: web.Request, target: str) -> web.StreamResponse:
        body = await request.read()
        headers = _forwarded(request.headers)
        attempt = 1
        while True:
            upstream = await self._attempt(request.method, target, headers, body)
            if upstream is not None:
                if attempt >= _BACKOFF.attempts or not _is_temporary(upstream.status):
                    return await self._pass_on(request, target, upstream)
                upstream.close()
            elif attempt >= _BACKOFF.attempts:
                text = "Failed during proxy request: the root URL does not answer"
                return web.Response(status=500, text=text, headers=self._own_headers(target))
            await self._sleep(_BACKOFF.wait(attempt, None, jitter=0))
            attempt += 1

    async def _attempt(
        self, method: str, target: str, headers: CIMultiDict[str], body: bytes
    ) -> aiohttp.ClientResponse | None:
        if self._session is None:
            return None
        signature = authorization(self._credentials, method, target, self._authorized_scopes)
        try:
            return await self._session.request(
                method,
                URL(target, encoded=True),
                headers={**headers, "Authorization": signature},
                data=body or None,
                allow_redirects=False,
                skip_auto_headers=("User-Agent", "Content-Type", "Accept", "Accept-Encoding"),
            )
        except (aiohttp.ClientError, TimeoutError):
            return None

    async def _pass_on(
        self, request: web.Request, target: str, upstream: aiohttp.ClientResponse
    ) -> web.StreamResponse:
        async with upstream:
            response = web.StreamResponse(status=upstream.status, reason=upstream.reason)
            response.headers.extend(_forwarded(upstream.headers))
            response.headers.update(self._own_headers(target))
            if upstream.content_length is not None:
                response.content_length = upstream.content_length
            await response.prepare(request)
            async for chunk in upstream.content.iter_chunked(_CHUNK):
                await response.write(chunk)
            await response.write_eof()
            return response

    def _own_headers(self, target: str) -> dict[str, str]:
        headers = {
            "X-Taskcluster-Endpoint": target,
            "X-Taskcluster-Proxy-Version": f"lading-{__version__}",
            "X-Taskcluster-Proxy-Revision": "sandbox",
            "X-Taskcluster-Authorized-Scopes": json.dumps(self._authorized_scopes),
        }
        scopes = self._credentials.scopes
        if scopes is None:
            return {**headers, "X-Taskcluster-Proxy-Perm-ClientId": self._credentials.client_id}
        return {
            **headers,
            "X-Taskcluster-Proxy-Temp-ClientId": self._credentials.client_id,
            "X-Taskcluster-Proxy-Temp-Scopes": json.dumps(scopes),
        }


def _forwarded(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    copy = headers.copy()
    for name in headers:
        if name.lower() in _NOT_FORWARDED:
            copy.popall(name, None)
    return copy


def _is_temporary(status: int) -> bool:
    # 501 is the sandbox's answer to a route that it lacks, today and after any wait.
    return status >= 500 and status != 501
