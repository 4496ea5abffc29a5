"""The docker SDK's and its transport's exceptions, translated where they enter."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import docker
import requests
import urllib3

from runner.engines.engine_stream import StreamCut
from runner.errors import Refused, RunnerError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def translated(endpoint: str, moment: str) -> Iterator[None]:
    """Raise our errors for the SDK's.

    `docker.errors.DockerException` tells why only in its text and its chain; an engine that is killed shows as
    `urllib3.exceptions.ProtocolError`, which is none of the SDK's.

    Args:
        endpoint: of the engine.
        moment: what was going on, for the message.

    Raises:
        Unavailable: the engine is not there, or stopped.
        Refused: its socket may not be used.
    """
    try:
        yield
    except StreamCut as error:
        raise _stopped(endpoint, moment) from error
    except docker.errors.APIError as error:
        raise Unavailable(f"The engine refused {moment}: {error.explanation or error}") from error
    except (
        docker.errors.DockerException,
        requests.exceptions.RequestException,
        urllib3.exceptions.HTTPError,
        OSError,
    ) as error:
        raise _unreachable(endpoint, moment, error) from error


def _unreachable(endpoint: str, moment: str, error: BaseException) -> RunnerError:
    text = " ".join(f"{type(link).__name__} {link}" for link in _chain(error))
    if "FileNotFoundError" in text or "No such file" in text:
        return Unavailable(
            f"There is no Docker-compatible engine at {endpoint}: the socket does not exist.",
            cause="The task runs where no engine is, or DOCKER_HOST names another place.",
            action='On a generic-worker pool: `"osGroups": ["docker"]` and its scope; or set DOCKER_HOST.',
        )
    if "PermissionError" in text or "Permission denied" in text:
        return Refused(
            f"The engine's socket {endpoint} may not be used by this user.",
            cause="The task's user is not in the group that owns the socket.",
            action='Add `"osGroups": ["docker"]` to the payload and its scope '
            "`generic-worker:os-group:<pool>/docker`.",
        )
    if "ConnectionRefusedError" in text or "Connection refused" in text:
        return Unavailable(
            f"No engine answers at {endpoint}.",
            cause="It is not running: a stopped engine leaves its socket behind.",
            action="Start it, and run the task again.",
        )
    if "too old" in text or "minimum supported API" in text or "InvalidVersion" in text:
        return Unavailable(f"The engine at {endpoint} speaks no API version that lading speaks: {error}")
    return _stopped(endpoint, moment)


def _stopped(endpoint: str, moment: str) -> Unavailable:
    return Unavailable(
        f"The engine at {endpoint} stopped answering {moment}.",
        cause="It was stopped or killed, or ran out of memory.",
        action="Run the task again; look at the engine's own log if it happens again.",
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    pending: list[BaseException] = [error]
    while pending:
        link = pending.pop()
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        pending += [part for part in (link.__cause__, link.__context__) if part is not None]
        pending += [part for part in link.args if isinstance(part, BaseException)]
