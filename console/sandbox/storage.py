"""Where bytes are kept: the stand-in for S3, with signed URLs on the sandbox's own port."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote, urlencode

from aiohttp import web

from console.sandbox.moments import milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from console.sandbox.store import Store
    from runner.masking import Masked

ROUTE: Final = "/storage/"
UPLOAD_TIME: Final = timedelta(minutes=45)
DOWNLOAD_TIME: Final = timedelta(minutes=30)
_RANGE: Final = re.compile(r"bytes=(?P<first>\d+)-(?P<last>\d*)\Z")


@dataclass(frozen=True, slots=True)
class Blob:
    """Stored bytes, as they were sent: still compressed, if they were."""

    content_type: str
    content_encoding: str | None
    data: bytes


class Storage:
    """Names to bytes.

    Args:
        store: keeps them.
        root_url: whose URLs are given out, once it is known.
        now: the time, in UTC.
        key: signs URLs.
    """

    def __init__(
        self, store: Store, root_url: Callable[[], str], now: Callable[[], datetime], key: Masked
    ) -> None:
        self._store = store
        self._root_url = root_url
        self._now = now
        self._key = key

    def put(self, name: str, blob: Blob) -> None:
        """Store or replace."""
        self._store.run(
            "insert or replace into blobs values (?, ?, ?, ?)",
            *(name, blob.content_type, blob.content_encoding, blob.data),
        )

    def get(self, name: str) -> Blob | None:
        """What was stored under the name."""
        row = self._store.one("select * from blobs where name = ?", name)
        return Blob(row["content_type"], row["content_encoding"], row["data"]) if row else None

    def upload_url(self, name: str, content_type: str) -> str:
        """Where the bytes may be PUT for the next 45 minutes, with this content type only."""
        return self._signed("PUT", name, content_type, UPLOAD_TIME)

    def download_url(self, name: str, *, public: bool = False) -> str:
        """Where they can be read: for ever if public, else for the next half hour."""
        if public:
            return f"{self._root_url()}{ROUTE}{quote(name)}"
        return self._signed("GET", name, "", DOWNLOAD_TIME)

    def _signed(self, method: str, name: str, content_type: str, lifetime: timedelta) -> str:
        expires = str(milliseconds(self._now() + lifetime))
        query = urlencode(
            {"expires": expires, "signature": self._signature(method, name, content_type, expires)}
        )
        return f"{self._root_url()}{ROUTE}{quote(name)}?{query}"

    def _signature(self, method: str, name: str, content_type: str, expires: str) -> str:
        text = f"{method}\n{name}\n{content_type}\n{expires}".encode()
        return hmac.new(self._key.reveal().encode(), text, hashlib.sha256).hexdigest()

    def _is_signed(self, request: web.Request, method: str, name: str, content_type: str) -> bool:
        expires, given = (request.query.get(key, "") for key in ("expires", "signature"))
        expected = self._signature(method, name, content_type, expires)
        in_time = expires.isdecimal() and int(expires) > milliseconds(self._now())
        return in_time and hmac.compare_digest(expected.encode(), given.encode())

    async def answer(self, request: web.Request) -> web.Response:
        """The aiohttp handler for GET, HEAD and PUT below `/storage/`."""
        name = unquote(request.raw_path.partition("?")[0].removeprefix(ROUTE))
        headers = {"Access-Control-Allow-Origin": "*"}
        if request.method == "PUT":
            return await self._receive(request, name, headers)
        if request.method not in {"GET", "HEAD"}:
            return web.Response(status=405, headers=headers)
        if not (is_public(name) or self._is_signed(request, "GET", name, "")):
            return web.Response(status=403, text="AccessDenied", headers=headers)
        blob = self.get(name)
        if blob is None:
            return web.Response(status=404, text="NoSuchKey", headers=headers)
        headers["Content-Type"] = blob.content_type
        if blob.content_encoding:
            headers["Content-Encoding"] = blob.content_encoding
        return _ranged(blob.data, request.headers.get("Range", ""), headers)

    async def _receive(self, request: web.Request, name: str, headers: dict[str, str]) -> web.Response:
        content_type = request.headers.get("Content-Type", "")
        # Read as it comes: the limit on API bodies does not hold here.
        data = b"".join([chunk async for chunk in request.content.iter_any()])
        if not self._is_signed(request, "PUT", name, content_type):
            return web.Response(status=403, text="SignatureDoesNotMatch", headers=headers)
        self.put(name, Blob(content_type, request.headers.get("Content-Encoding"), data))
        return web.Response(headers={**headers, "ETag": f'"{hashlib.sha256(data).hexdigest()[:32]}"'})


def _ranged(data: bytes, wanted: str, headers: dict[str, str]) -> web.Response:
    """All, or a range of what is kept: of the compressed bytes, if they are."""
    found = _RANGE.match(wanted)
    if found is None:
        return web.Response(body=data, headers=headers)
    first, last = int(found["first"]), int(found["last"] or len(data) - 1)
    if first >= len(data):
        return web.Response(status=416, headers={**headers, "Content-Range": f"bytes */{len(data)}"})
    body = data[first : last + 1]
    content_range = f"bytes {first}-{first + len(body) - 1}/{len(data)}"
    return web.Response(status=206, body=body, headers={**headers, "Content-Range": content_range})


def artifact_key(task_id: str, run_id: int, name: str) -> str:
    """Where an s3 artifact's bytes are."""
    return f"s3/{task_id}/{run_id}/{name}"


def is_public(name: str) -> bool:
    """Whether the bytes can be read without a signature: s3 artifacts whose own name begins `public/`."""
    kind, *place = name.split("/", 3)
    return kind == "s3" and place[-1].startswith("public/")
