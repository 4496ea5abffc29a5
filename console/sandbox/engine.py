"""A Docker-compatible engine, by its HTTP API over a Unix socket: found, asked, and told what to do.

The API is https://docs.docker.com/reference/api/engine/; unversioned paths are answered by every engine.
"""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from runner.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PING_SECONDS = 5.0
_ANSWER_SECONDS = 300.0


class EngineAnswered(Unavailable):
    """The engine said no; `status` is the answer's, or 0 where it came inside of a stream."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(
            f"The engine answered {status}: {message}" if status else f"The engine says: {message}"
        )
        self.status = status


class _UnixConnection(HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine that listens on `socket`.

    Args:
        socket: its path.
        private: it is ours alone, with no network of its own for RUN.
    """

    socket: Path
    private: bool = False

    @property
    def host(self) -> str:
        """What DOCKER_HOST says to name it."""
        return f"unix://{self.socket}"

    def answers(self) -> bool:
        """Whether it answers `GET /_ping` with 200."""
        connection = _UnixConnection(self.socket, _PING_SECONDS)
        try:
            connection.request("GET", "/_ping")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def call(
        self,
        method: str,
        path: str,
        body: bytes | IO[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """Send a request and return the whole body of the answer.

        Raises:
            EngineAnswered: the status is 400 or above.
            Unavailable: the engine cannot be reached, or went away.
        """
        return b"".join(self._exchange(method, path, body, headers))

    def ask(self, method: str, path: str, document: object | None = None) -> Any:
        """Send JSON, return JSON (None for an empty body); raises as `call` does."""
        body = None if document is None else json.dumps(document).encode()
        answer = self.call(method, path, body, {"Content-Type": "application/json"})
        return json.loads(answer) if answer.strip() else None

    def stream(
        self,
        method: str,
        path: str,
        body: bytes | IO[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield the objects of a progress stream (one a line), as they come.

        Raises:
            EngineAnswered: the status is 400 or above, or the stream holds an error.
            Unavailable: as for `call`.
        """
        pending = b""
        for chunk in self._exchange(method, path, body, headers):
            *lines, pending = (pending + chunk).split(b"\n")
            yield from (_progress(line) for line in lines if line.strip())
        if pending.strip():
            yield _progress(pending)

    def version(self) -> str:
        """The engine's version, as it says it."""
        return str(self.ask("GET", "/version")["Version"])

    def _exchange(
        self,
        method: str,
        path: str,
        body: bytes | IO[bytes] | None,
        headers: Mapping[str, str] | None,
    ) -> Iterator[bytes]:
        connection = _UnixConnection(self.socket, _ANSWER_SECONDS)
        try:
            connection.request(method, path, body=body, headers=dict(headers or {}), encode_chunked=True)
            answer = connection.getresponse()
            if answer.status >= 400:
                raise EngineAnswered(answer.status, _message(answer))
            while chunk := answer.read1(65536):
                yield chunk
        except (OSError, HTTPException) as error:
            raise Unavailable(
                f"The engine at {self.socket} cannot be asked: {str(error) or type(error).__name__}.",
                action="See whether it still runs.",
            ) from error
        finally:
            connection.close()


def find_engine(environment: Mapping[str, str]) -> Engine | None:
    """The engine that DOCKER_HOST names, else one that answers where engines listen, else None.

    Raises:
        Unavailable: the engine that DOCKER_HOST names does not answer, or has no Unix socket.
    """
    if named := environment.get("DOCKER_HOST"):
        engine = Engine(Path(named.removeprefix("unix://")))
        if not named.startswith("unix://"):
            problem = "is no Unix socket, and an engine elsewhere cannot reach a registry on this loopback"
        elif engine.answers():
            return engine
        else:
            problem = "does not answer"
        raise Unavailable(
            f"DOCKER_HOST={named} {problem}.", action="Start that engine, or unset DOCKER_HOST."
        )
    found = (Engine(path) for path in _usual_sockets(environment) if path.is_socket())
    return next((engine for engine in found if engine.answers()), None)


def _usual_sockets(environment: Mapping[str, str]) -> Iterator[Path]:
    yield Path("/var/run/docker.sock")
    if runtime := environment.get("XDG_RUNTIME_DIR"):  # rootless Docker
        yield Path(runtime, "docker.sock")
    if home := environment.get("HOME"):  # Docker Desktop
        yield Path(home, ".docker/run/docker.sock")


def _progress(line: bytes) -> dict[str, Any]:
    event = json.loads(line)
    if "error" in event or "errorDetail" in event:
        detail = event.get("errorDetail") or {}
        raise EngineAnswered(0, str(detail.get("message") or event.get("error")))
    return dict(event)


def _message(answer: HTTPResponse) -> str:
    text = answer.read().decode(errors="replace").strip()
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text[:200] or answer.reason
