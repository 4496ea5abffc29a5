"""One HTTP exchange: no retries, no credentials of its own, failures told as the runner's errors."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Generator
from typing import TYPE_CHECKING, Final

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)

from runner.errors import IntegrityFailure, Refused, RunnerError
from runner.registry.answers import LONGEST_ERROR, Doing, Temporary, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from runner.registry.effects import Effects

    Body = Callable[[], Iterator[bytes]]

PIECE: Final = 256 * 1024
_CONNECTIONS = 16
_WRONG_TIME: Final = (
    "It is not valid yet or no more, or this machine's clock is wrong.",
    "Ask the registry's operators for a new certificate; check the clock of the worker.",
)
_WRONG_NAME: Final = (
    "The registry is called otherwise in its certificate, or something else answers at this address.",
    "Use the name that the certificate has, or ask the registry's operators for one with this name.",
)
_UNKNOWN_AUTHORITY: Final = (
    "It is self-signed, or its authority is unknown here (an engine has its own in /etc/docker/certs.d).",
    "Install the authority's certificate on the worker, or name a file that has it in SSL_CERT_FILE.",
)
# OpenSSL's X509_V_ERR_*: not yet valid, expired, name or address mismatch.
_CERTIFICATE: Final = {9: _WRONG_TIME, 10: _WRONG_TIME, 62: _WRONG_NAME, 64: _WRONG_NAME}


class Sending:
    """A request's body that knows how long it must be, and remembers why it ended early.

    Args:
        pieces: opens the body from its beginning.
        size: bytes that it must have.
    """

    def __init__(self, pieces: Body, size: int) -> None:
        self.pieces = pieces
        self.size = size
        self.failed: BaseException | None = None

    def __call__(self) -> Generator[bytes, None, None]:
        """The pieces; what their source raises is kept, as urllib3 would take an OSError for the network's."""
        left = self.size
        try:
            for piece in self.pieces():
                left -= len(piece)
                if left < 0:
                    break
                yield piece
        except GeneratorExit:
            raise
        except BaseException as error:
            self.failed = error
            raise
        if left:
            self.failed = IntegrityFailure(
                f"A blob's source gave {'more' if left < 0 else 'fewer'} bytes than the {self.size} it has.",
                cause="It was changed while it was read.",
            )
            raise self.failed


class Connection:
    """Keeps connections to several hosts; safe for several threads."""

    def __init__(self, effects: Effects) -> None:
        self._timeout = urllib3.Timeout(connect=effects.connect_timeout, read=effects.read_timeout)
        self._lock = threading.Lock()
        self._by_scheme: dict[bool, urllib3.PoolManager] = {}

    def exchange(
        self, doing: Doing, url: str, headers: Mapping[str, str], body: bytes | Sending | None
    ) -> urllib3.BaseHTTPResponse:
        """Send one request; the answer's body is not read yet.

        Raises:
            Temporary: no answer came.
            Refused: the server's certificate is not trusted.
        """
        content = body() if isinstance(body, Sending) else body
        try:
            return self._pools(url).request(
                doing.method,
                url,
                headers=dict(headers),
                body=content,
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
            )
        except (HTTPError, OSError) as error:
            if isinstance(body, Sending) and body.failed is not None:
                raise body.failed from error
            raise connection_failure(doing, error) from error
        finally:
            if isinstance(content, Generator):
                # What it reads may be another connection: it must not wait for the garbage collector.
                content.close()

    def close(self) -> None:
        """Close the idle connections."""
        for pools in self._by_scheme.values():
            pools.clear()

    def _pools(self, url: str) -> urllib3.PoolManager:
        """Those that speak TLS read the machine's certificates first, which takes 40 ms: only if one is asked for."""
        secure = not url.startswith("http://")
        with self._lock:
            if secure not in self._by_scheme:
                # The system's certificates, as every other program of the machine trusts them.
                context = ssl.create_default_context() if secure else None
                self._by_scheme[secure] = urllib3.PoolManager(
                    num_pools=8,
                    maxsize=_CONNECTIONS,
                    retries=False,
                    timeout=self._timeout,
                    ssl_context=context,
                )
            return self._by_scheme[secure]


def discard(response: urllib3.BaseHTTPResponse) -> bytes:
    """The beginning of an answer's body; the connection is kept only if that was all of it."""
    try:
        body = response.read(LONGEST_ERROR)
        if len(body) < LONGEST_ERROR:
            response.release_conn()
        else:
            response.close()
    except (HTTPError, OSError):
        response.close()
        return b""
    return body


def connection_failure(doing: Doing, error: BaseException) -> RunnerError:
    """What it means that a request had no whole answer."""
    what = f"Registry {doing.registry} cannot be reached for {doing}"
    certificate = _certificate_problem(error)
    if certificate:
        said = printable(certificate.verify_message or "verification failed")
        cause, action = _CERTIFICATE.get(certificate.verify_code, _UNKNOWN_AUTHORITY)
        return Refused(f"{what}: its certificate is not trusted ({said}).", cause=cause, action=action)
    match error:
        case NameResolutionError():
            reason, cause = "its name cannot be resolved", "The name is misspelt, or there is no network."
        case NewConnectionError():
            reason, cause = "the connection was refused", "It is down, or the port is wrong."
        case ConnectTimeoutError():
            reason, cause = "the connection timed out", "It is down, or a firewall drops the connection."
        case ReadTimeoutError() | TimeoutError():
            reason, cause = "it did not answer in time", "It is overloaded, or the network is."
        case SSLError():
            reason, cause = "TLS failed", "The port speaks no TLS, or the connection was cut."
        case _:
            reason, cause = "the connection was cut", "It was restarted, or the network failed."
    return Temporary(
        f"{what}: {reason}.", cause=cause, action="Run the task again later; a rerun sends what is missing."
    )


def _certificate_problem(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    seen: list[BaseException] = []
    pending = [error]
    while pending:
        current = pending.pop()
        if current is None or current in seen:
            continue
        if isinstance(current, ssl.SSLCertVerificationError):
            return current
        seen.append(current)
        pending += [current.__cause__, current.__context__]
        pending += [argument for argument in current.args if isinstance(argument, BaseException)]
    return None
