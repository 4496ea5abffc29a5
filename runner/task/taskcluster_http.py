"""Calls to Taskcluster's services, through the task's proxy or to the root URL: every call has a time limit.

The real proxy retries an unreachable root URL for over 40 s and answers nothing meanwhile, and the public
client has no time limit at all; so both limits and retries are ours.
"""

from __future__ import annotations

import json
import random
import re
import time
from typing import TYPE_CHECKING, Any, BinaryIO, Final
from urllib.parse import quote, urljoin

import urllib3

from runner.errors import Unavailable
from runner.retry import TEMPORARY_STATUSES, Backoff, retry_after_seconds, retrying

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_CONNECT_SECONDS: Final = 10.0
_READ_SECONDS: Final = 30.0
_BACKOFF: Final = Backoff(attempts=5, first=0.5, longest=15.0)
_LONGEST_BODY: Final = 32 << 20
_SCOPES: Final = re.compile(r"missing the following scopes:\n\n```\n(?P<missing>.*?)\n```", re.DOTALL)
_ANONYMOUS: Final = re.compile(r"scope expression:\n\n```\n(?P<missing>.*?)\n```", re.DOTALL)
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_LONGEST_CHAIN: Final = 5
_PIECE: Final = 1 << 18


class TaskclusterError(Exception):
    """A service refused; `message` is without the footer that services add.

    Args:
        status: the HTTP status.
        code: Taskcluster's error code.
        message: what the service said.
        service: which service.
    """

    def __init__(self, status: int, code: str, message: str, service: str) -> None:
        super().__init__(f"{status} from {service}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.service = service

    @property
    def missing_scopes(self) -> str:
        """The scopes that a 403 says are missing, as it writes them, or ""."""
        found = _SCOPES.search(self.message) or _ANONYMOUS.search(self.message)
        return " ".join(found["missing"].split()) if found else ""


class _Temporary(Exception):
    def __init__(self, status: int | None, retry_after: float | None, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.retry_after = retry_after


def quoted(name: str) -> str:
    """A name as one path segment."""
    return quote(name, safe="")


class Taskcluster:
    """Services under one base URL.

    Args:
        base_url: the proxy's URL (which signs), or the root URL.
        authorize: headers that sign a request (method, URL, body), where no proxy does it.
        sleep: waits so many seconds.
        notice: told of each failed attempt that is followed by another.
    """

    def __init__(
        self,
        base_url: str,
        *,
        authorize: Callable[[str, str, bytes], Mapping[str, str]] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        notice: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self.base_url = base_url
        self.authorize = authorize
        self.sleep = sleep
        self.notice = notice
        timeout = urllib3.Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS)
        self._pool = urllib3.PoolManager(retries=False, timeout=timeout, maxsize=4)

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def url(self, service: str, path: str) -> str:
        """The URL of a service's path."""
        return f"{self.base_url.rstrip('/')}/api/{service}/v1/{path}"

    def call(self, method: str, service: str, path: str, body: object = None) -> Any:
        """The JSON that a service answers, or None for an empty answer.

        Args:
            method: the HTTP method.
            service: `queue`, `secrets` and so on.
            path: below `/api/SERVICE/v1/`, names quoted.
            body: what is sent as JSON, or None.

        Raises:
            TaskclusterError: the service refused.
            Unavailable: it does not answer, however often it is asked.
        """
        return _json(self._request(method, self.url(service, path), service, body).data)

    def call_at(
        self,
        method: str,
        url: str,
        service: str,
        body: object,
        authorize: Callable[[str, str, bytes], Mapping[str, str]],
    ) -> Any:
        """The same at any URL, signed by `authorize`."""
        return _json(self._request(method, url, service, body, authorize).data)

    def fetch(self, service: str, path: str, limit: int = _LONGEST_BODY) -> bytes:
        """The bytes behind a path that redirects to storage, such as an artifact's.

        The redirects are followed without any credentials.

        Raises:
            TaskclusterError: the service, or the storage, refused.
            Unavailable: one of them does not answer, or the content is longer than `limit` bytes.
        """
        url = self.url(service, path)
        response = self._request("GET", url, service)
        for _hop in range(_LONGEST_CHAIN):
            if response.status not in _REDIRECTS:
                break
            url = urljoin(url, response.headers.get("location", ""))
            response = self._request("GET", url, "storage")
        if len(response.data) > limit:
            raise Unavailable(f"An answer from {service} is longer than {limit} bytes.")
        return response.data

    def download(self, service: str, path: str, file: BinaryIO) -> None:
        """Write the bytes behind a path to a file, piece by piece; see `fetch`.

        Raises:
            TaskclusterError: the service, or the storage, refused.
            Unavailable: one of them does not answer, or broke off again and again.
        """
        url = self.url(service, path)
        response = self._request("GET", url, service)
        for _hop in range(_LONGEST_CHAIN):
            if response.status not in _REDIRECTS:
                break
            url = urljoin(url, response.headers.get("location", ""))
            response = self._retrying("GET", url, "storage", b"", dict, file=file)
        else:
            raise Unavailable("The storage redirects again and again.")
        if url == self.url(service, path):
            file.write(response.data)

    def put_bytes(self, url: str, content: bytes, headers: Mapping[str, str]) -> None:
        """Send bytes to where a service said that they go.

        Raises:
            TaskclusterError: the storage refused.
            Unavailable: it does not answer.
        """
        self._retrying("PUT", url, "storage", content, lambda: headers)

    def _request(
        self,
        method: str,
        url: str,
        service: str,
        body: object = None,
        authorize: Callable[[str, str, bytes], Mapping[str, str]] | None = None,
    ) -> urllib3.BaseHTTPResponse:
        content = b"" if body is None else json.dumps(body).encode()
        sign = authorize or (self.authorize if service != "storage" else None)

        def headers() -> dict[str, str]:
            fixed = {"Content-Type": "application/json"} if content else {}
            return {**fixed, **(sign(method, url, content) if sign else {})}

        return self._retrying(method, url, service, content, headers)

    def _retrying(
        self,
        method: str,
        url: str,
        service: str,
        content: bytes,
        headers: Callable[[], Mapping[str, str]],
        *,
        file: BinaryIO | None = None,
    ) -> urllib3.BaseHTTPResponse:
        def attempt() -> urllib3.BaseHTTPResponse:
            return self._attempt(method, url, service, content, headers(), file=file)

        def wait_for(error: Exception) -> float | None:
            if not isinstance(error, _Temporary):
                return None
            return -1.0 if error.retry_after is None else error.retry_after

        def notice(error: Exception, number: int, seconds: float) -> None:
            self.notice(f"{service}: {error}; attempt {number + 1} in {seconds:.1f} s")

        try:
            return retrying(
                attempt,
                wait_for=wait_for,
                backoff=_BACKOFF,
                sleep=self.sleep,
                jitter=random.random,
                notice=notice,
            )
        except _Temporary as error:
            raise Unavailable(
                f"Taskcluster's {service} does not answer: {error}.",
                cause="The service or the task's proxy is down, or the network is.",
                action="Run the task again.",
            ) from error

    def _attempt(
        self,
        method: str,
        url: str,
        service: str,
        content: bytes,
        headers: Mapping[str, str],
        *,
        file: BinaryIO | None,
    ) -> urllib3.BaseHTTPResponse:
        try:
            response = self._pool.request(
                method,
                url,
                body=content or None,
                headers=dict(headers),
                redirect=False,
                preload_content=file is None,
            )
            if file is not None:
                _write(response, file)
        except urllib3.exceptions.HTTPError as error:
            raise _Temporary(None, None, _reason(error)) from error
        if response.status in TEMPORARY_STATUSES:
            wait = retry_after_seconds(response.headers.get("retry-after"), time.time())
            raise _Temporary(response.status, wait, f"status {response.status}")
        if response.status >= 400 and response.status != 424:
            raise _refusal(response, service)
        return response


def _write(response: urllib3.BaseHTTPResponse, file: BinaryIO) -> None:
    """The body into the file, from its beginning; an answer that is no content stays in `data`."""
    try:
        if response.status != 200:
            _ = response.data
            return
        file.seek(0)
        file.truncate()
        file.writelines(response.stream(_PIECE))
    finally:
        response.close()


def _reason(error: Exception) -> str:
    match error:
        case urllib3.exceptions.NewConnectionError():  # before its base class, ConnectTimeoutError
            return "no connection"
        case urllib3.exceptions.ConnectTimeoutError() | urllib3.exceptions.ReadTimeoutError():
            return "no answer in time"
        case urllib3.exceptions.SSLError():
            return "its certificate is not accepted"
        case _:
            return f"the connection broke ({type(error).__name__})"


def _refusal(response: urllib3.BaseHTTPResponse, service: str) -> TaskclusterError:
    code, message = "", f"status {response.status}"
    try:
        answer = json.loads(response.data)
    except ValueError:
        answer = None
    if isinstance(answer, dict):
        code = str(answer.get("code", ""))
        message = str(answer.get("message") or answer.get("error") or message).partition("\n\n---\n\n")[0]
    return TaskclusterError(response.status, code, message, service)


def _json(content: bytes) -> Any:
    if not content:
        return None
    try:
        return json.loads(content)
    except ValueError as error:
        raise Unavailable("Taskcluster answered something that is no JSON.") from error
