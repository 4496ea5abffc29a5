"""What a browser sends back from the sign-in page, and what of all that arrives is just that.

The web interface appends `?clientId=…&accessToken=…` to the callback, whatever the callback holds, and encodes
nothing: a `state` parameter would break, so the secret part is the path. It takes `localhost` only, with a path.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from console.credentials.value import Credentials
from runner.errors import UsageError
from runner.masking import Masked

if TYPE_CHECKING:
    from collections.abc import Mapping

CLEAN_PATH: Final = "/signed-in"
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Connection": "close",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Content-Type": "text/plain; charset=utf-8",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """What a request is answered.

    Args:
        status: code and reason.
        text: for the person who sees it.
        headers: beside the common ones.
    """

    status: str
    text: str
    headers: Mapping[str, str]

    def encode(self) -> bytes:
        """As HTTP/1.1."""
        body = f"{self.text}\n".encode()
        headers = {**_HEADERS, **self.headers, "Content-Length": str(len(body))}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 {self.status}\r\n{head}\r\n".encode() + body


def _reply(status: str, text: str, **headers: str) -> Reply:
    return Reply(status, text, headers)


class Callback:
    """Waits for one request, and refuses all others; it knows no network and no clock.

    Args:
        nonce: what only the page was told; see `new_nonce`.
        deadline: after which nothing is taken, on the clock of `hear`.
    """

    def __init__(self, nonce: str, deadline: float) -> None:
        self.path = f"/{nonce}"
        self.credentials: Credentials | None = None
        self.is_seen = False
        """Whether the browser has shown the last page, whose address holds no token."""
        self._deadline = deadline

    def hear(self, method: str, target: str, now: float) -> Reply:
        """Answer one request.

        Args:
            method: as it was sent.
            target: path and query, as they were sent.
            now: seconds.
        """
        path, _, query = target.partition("?")
        if path == CLEAN_PATH and self.credentials is not None and method == "GET":
            self.is_seen = True
            return _reply("200 OK", "You are signed in to lading. This page can be closed.")
        if not secrets.compare_digest(path.encode(errors="replace"), self.path.encode()):
            return _reply("404 Not Found", "There is nothing here.")
        if method != "GET":
            return _reply("405 Method Not Allowed", "Only GET.", Allow="GET")
        if self.credentials is not None or now >= self._deadline:
            return _reply("410 Gone", "This sign-in is over. Begin again in lading.")
        self.credentials = _credentials(query)
        if self.credentials is None:
            return _reply(
                "400 Bad Request", "This lacks what the sign-in page sends. Press Save there again."
            )
        return _reply("303 See Other", "You are signed in.", Location=CLEAN_PATH)


def new_nonce() -> str:
    """128 random bits, as a path takes them."""
    return secrets.token_hex(16)


def _credentials(query: str) -> Credentials | None:
    """Both parameters, once each and not empty, or None; a client id may have a `+`, which stays one."""
    values: dict[str, list[str]] = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        values.setdefault(name, []).append(unquote(value))
    ids, tokens = values.get("clientId", []), values.get("accessToken", [])
    if len(ids) != 1 or len(tokens) != 1:
        return None
    try:
        return Credentials(ids[0], Masked(tokens[0]))
    except UsageError:
        return None
