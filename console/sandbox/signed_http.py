"""Requests signed with Hawk, as Taskcluster takes them: for the proxy, the worker and the seed."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import quote

import mohawk
from mohawk.base import Resource
from mohawk.bewit import get_bewit
from yarl import URL

from runner.masking import Masked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiohttp import ClientSession

_OK: Final = range(200, 300)


class TaskclusterFailure(Exception):
    """A service answered with an error.

    Args:
        status: the HTTP status.
        code: Taskcluster's own code, such as ResourceNotFound, or "".
        message: the service's message without its footer.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"HTTP {status} {code}: {message}")
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class Credentials:
    """Taskcluster credentials; those with a certificate are temporary."""

    client_id: str
    access_token: Masked
    certificate: Masked | None = None

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what the queue hands out and what `PUT /credentials` takes; absent fields are empty.

        Raises:
            ValueError: the certificate is no JSON object.
        """
        certificate = document.get("certificate")
        if certificate and not isinstance(certificate, str):
            certificate = json.dumps(certificate)
        if certificate and not isinstance(json.loads(certificate), dict):
            raise ValueError("the certificate is not an object")
        return cls(
            str(document.get("clientId") or ""),
            Masked(str(document.get("accessToken") or "")),
            Masked(certificate) if certificate else None,
        )

    @property
    def scopes(self) -> list[str] | None:
        """The scopes that the certificate names, or None for permanent credentials."""
        if self.certificate is None:
            return None
        scopes: list[str] = json.loads(self.certificate.reveal()).get("scopes", [])
        return scopes


def authorization(
    credentials: Credentials, method: str, url: str, authorized_scopes: Sequence[str] | None = None
) -> str:
    """The value of the Authorization header that signs one request."""
    sender = mohawk.Sender(
        credentials=_hawk(credentials),
        url=url,
        method=method,
        always_hash_content=False,
        ext=_extension(credentials, authorized_scopes),
    )
    header: str = sender.request_header
    return header


def signed_url(
    credentials: Credentials, url: str, expires: int, authorized_scopes: Sequence[str] | None = None
) -> str:
    """The URL with a bewit, with which anybody may GET it until `expires` (seconds since the epoch)."""
    resource = Resource(
        credentials=_hawk(credentials),
        url=url,
        method="GET",
        nonce="",
        timestamp=expires,
        ext=_extension(credentials, authorized_scopes) or "",
    )
    bewit: str = get_bewit(resource)
    return f"{url}{'&' if '?' in url else '?'}bewit={bewit.rstrip('=')}"


def _hawk(credentials: Credentials) -> dict[str, str]:
    return {"id": credentials.client_id, "key": credentials.access_token.reveal(), "algorithm": "sha256"}


def _extension(credentials: Credentials, authorized_scopes: Sequence[str] | None) -> str | None:
    extension: dict[str, Any] = {}
    if credentials.certificate is not None:
        extension["certificate"] = json.loads(credentials.certificate.reveal())
    if authorized_scopes is not None:
        extension["authorizedScopes"] = list(authorized_scopes)
    if not extension:
        return None
    return base64.b64encode(json.dumps(extension, separators=(",", ":")).encode()).decode()


class Api:
    """Calls of a deployment's services with one set of credentials, which may be renewed.

    Args:
        session: what they go through.
        root_url: the deployment's.
        credentials: what they are signed with.
        authorized_scopes: what they may use of the credentials' scopes, or None for all.
    """

    def __init__(
        self,
        session: ClientSession,
        root_url: str,
        credentials: Credentials,
        authorized_scopes: Sequence[str] | None = None,
    ) -> None:
        self._session = session
        self._root_url = root_url.rstrip("/")
        self._authorized_scopes = authorized_scopes
        self.credentials = credentials

    async def call(self, method: str, service: str, *parts: str, payload: object = None) -> dict[str, Any]:
        """Call `/api/<service>/v1/<parts>`; each part is one path parameter and is encoded as such.

        Raises:
            TaskclusterFailure: any answer that is not a success.
            aiohttp.ClientError: no answer.
        """
        path = "/".join(quote(part, safe="") for part in parts)
        url = f"{self._root_url}/api/{service}/v1/{path}"
        headers = {"Authorization": authorization(self.credentials, method, url, self._authorized_scopes)}
        async with self._session.request(
            method, URL(url, encoded=True), json=payload, headers=headers, allow_redirects=False
        ) as response:
            text = await response.text()
            if response.status not in _OK:
                raise _failure(response.status, text)
        document: dict[str, Any] = json.loads(text) if text else {}
        return document


def _failure(status: int, text: str) -> TaskclusterFailure:
    try:
        document = json.loads(text)
    except ValueError:
        return TaskclusterFailure(status, "", text[:200])
    message = str(document.get("message", "")).partition("\n\n---\n")[0]
    return TaskclusterFailure(status, str(document.get("code", "")), message)
