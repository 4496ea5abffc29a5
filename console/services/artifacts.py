"""The bytes of artifacts: the queue says where they are, and a storage that knows nothing of Taskcluster has them."""

from __future__ import annotations

import contextlib
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from console.credentials.value import Credentials
from console.domain.artifact import Artifact, artifact_of
from console.failures import Absent
from console.services.attempt import Failed, listen
from runner.errors import Refused, Unavailable, UsageError
from runner.masking import Masked
from runner.retry import TEMPORARY_STATUSES, retry_after_seconds

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    import aiohttp

    from console.services.taskcluster import Taskcluster

_SILENT_SECONDS: Final = 60.0
_GOOD: Final = frozenset({200, 206})
_RANGE_UNSATISFIED: Final = 416
_GONE: Final = frozenset({404, 410})


@dataclass(frozen=True, slots=True)
class Located:
    """Where bytes are.

    Args:
        url: signed where they are private: it holds for minutes, and is no secret for longer.
        storage: `s3`, `object` or `reference`, links followed.
        hashes: digits by algorithm, of the decoded bytes, where the storage was told them: an object's alone can be.
    """

    url: str
    storage: str
    hashes: Mapping[str, str] = field(default_factory=dict)


async def listed(
    taskcluster: Taskcluster, task_id: str, run_id: int | None = None
) -> AsyncIterator[Artifact]:
    """The artifacts of a run, as their pages arrive.

    Args:
        taskcluster: the gateway.
        task_id: of the task.
        run_id: of the run, or None for the last.

    Raises:
        Absent: there is no such task or run.
        RunnerError: as `Taskcluster.pages`.
    """
    if run_id is None:
        run_id = await last_run(taskcluster, task_id)
    async for page in taskcluster.pages("queue", "listArtifacts", task_id, run_id, key="artifacts"):
        try:
            for found in page:
                yield artifact_of(task_id, run_id, found)
        except (KeyError, TypeError, ValueError) as error:
            raise Unavailable("queue lists artifacts in a shape that is not known.") from error


async def last_run(taskcluster: Taskcluster, task_id: str) -> int:
    """The id of a task's last run.

    Raises:
        Absent: there is no such task, or it has no run.
        RunnerError: as `Taskcluster.call`.
    """
    runs = (await taskcluster.call("queue", "status", task_id))["status"]["runs"]
    if not runs:
        raise Absent(f"Task {task_id} has not run: it has no artifacts.")
    return len(runs) - 1


async def locate(taskcluster: Taskcluster, task_id: str, run_id: int, name: str) -> Located:
    """Where an artifact's bytes are, now: ask again for each connection.

    Raises:
        Absent: there is none, it has expired, or it says why it is not there.
        MissingScopes: `queue:get-artifact:<name>` is lacking.
        RunnerError: as `Taskcluster.call`.
    """
    found = await taskcluster.call("queue", "artifact", task_id, run_id, name)
    storage = found.get("storageType")
    if storage == "error":
        raise Absent(f"{name} is not there: {found.get('reason')}: {found.get('message')}")
    if storage == "object":
        found = await _object(taskcluster, found, name)
    url, hashes = found.get("url"), found.get("hashes")
    if not isinstance(url, str) or not url.startswith(("https://", "http://")):
        raise Unavailable(f"queue does not say where {name} is.")
    told = {
        key: value
        for key, value in (hashes if isinstance(hashes, dict) else {}).items()
        if isinstance(value, str)
    }
    return Located(url, str(storage), told)


async def _object(taskcluster: Taskcluster, found: Mapping[str, Any], name: str) -> Any:
    """What the object service says to whom the queue sends there."""
    try:
        given = found["credentials"]
        who = Credentials(given["clientId"], Masked(given["accessToken"]), Masked(given["certificate"]))
        object_name = str(found["name"])
    except (KeyError, TypeError, AttributeError, UsageError) as error:
        raise Unavailable(f"queue does not say where {name} is.") from error
    payload = {"acceptDownloadMethods": {"getUrl": True, "simple": True}}
    return await taskcluster.by(who).call("object", "startDownload", object_name, payload=payload)


@asynccontextmanager
async def reading(
    taskcluster: Taskcluster, url: str, headers: Mapping[str, str], *, decode: bool = True
) -> AsyncIterator[aiohttp.ClientResponse]:
    """Ask for bytes; the connection is closed with the context.

    Args:
        taskcluster: whose connections are used; nothing is signed, the URL is enough.
        url: of them.
        headers: of the request.
        decode: whether what is gzip-encoded comes decoded.

    Raises:
        Failed: another attempt may help.
        Absent: 404 or 410.
        Refused: 401 or 403, as of a URL whose time is over.
    """
    import aiohttp
    from yarl import URL

    timeout = aiohttp.ClientTimeout(total=None, sock_connect=10.0, sock_read=_SILENT_SECONDS)
    listen()
    with broken_is_failed():
        request = taskcluster.session.get(
            URL(url, encoded=True), headers=headers, timeout=timeout, auto_decompress=decode
        )
        async with request as response:
            _check(response, taskcluster.pace.now())
            yield response


def _check(response: aiohttp.ClientResponse, now: float) -> None:
    status, host = response.status, response.url.host
    if status in _GOOD or status == _RANGE_UNSATISFIED:
        return
    if status in _GONE:
        raise Absent(f"{host} does not have the bytes (any more): it answered {status}.")
    if status in TEMPORARY_STATUSES:
        raise Failed(
            f"{host} answered {status}", retry_after_seconds(response.headers.get("Retry-After"), now)
        )
    if status in {401, 403}:
        raise Refused(f"{host} does not give the bytes: it answered {status}.")
    raise Unavailable(f"{host} answered {status} where bytes were asked for.")


@contextlib.contextmanager
def broken_is_failed() -> Iterator[None]:
    """Turn what aiohttp raises of connections into `Failed`."""
    import aiohttp

    try:
        yield
    except aiohttp.ClientConnectorError as error:
        raise Failed("no connection", may_have_acted=False) from error
    except (aiohttp.ClientError, ConnectionError) as error:
        raise Failed(f"the connection broke ({type(error).__name__})") from error
    except TimeoutError as error:
        raise Failed(f"nothing came for {_SILENT_SECONDS:.0f} s") from error


async def content(taskcluster: Taskcluster, task_id: str, run_id: int, name: str, *, most: int) -> bytes:
    """The decoded bytes of a small artifact.

    Raises:
        Absent: as `locate`.
        Unavailable: it has more than `most` bytes, or its storage does not answer.
        RunnerError: as `locate`.
    """
    pace, attempt = taskcluster.pace, 1
    while True:
        try:
            return await _content(taskcluster, task_id, run_id, name, most)
        except Failed as failed:
            if attempt >= pace.backoff.attempts:
                raise Unavailable(f"{name} of task {task_id} cannot be read: {failed}.") from failed
            wait = pace.backoff.wait(attempt, failed.wait, pace.jitter())
        await pace.sleep(wait)
        attempt += 1


async def _content(taskcluster: Taskcluster, task_id: str, run_id: int, name: str, most: int) -> bytes:
    located = await locate(taskcluster, task_id, run_id, name)
    parts, size = [], 0
    async with reading(taskcluster, located.url, {}) as response:
        async for chunk in response.content.iter_any():
            size += len(chunk)
            if size > most:
                raise Unavailable(f"{name} of task {task_id} has more than {most} bytes.")
            parts.append(chunk)
    return b"".join(parts)
