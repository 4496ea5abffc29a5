"""Download an artifact: whole and hashed, or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from console.actions.artifact_hashes import hashes_of_worker
from console.domain.artifact import OBJECT_SERVICE, Downloaded, Progress, ToldHash
from console.services import artifacts
from console.services.attempt import Failed
from runner.errors import IntegrityFailure, Unavailable, UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping
    from io import FileIO
    from pathlib import Path

    import aiohttp

    from console.connection import Connection
    from console.domain.artifact import Artifact

_PIECE: Final = 1 << 20
_ALGORITHMS: Final = ("sha256", "sha512")
_RANGE_UNSATISFIED: Final = 416
_PARTIAL: Final = 206


async def download(
    connection: Connection, artifact: Artifact, to: Path
) -> AsyncGenerator[Progress | Downloaded, None]:
    """Stream an artifact into `NAME.part`, then give it its name; tells how far it is, last what is there.

    A connection that is cut is made again, and goes on where it was if the storage lets it. Close the generator to
    stop: nothing is left of it then, as after an error.

    Args:
        connection: whom to ask.
        artifact: which.
        to: the file to make; there must be none.

    Raises:
        UsageError: there is such a file, or the folder cannot be written to.
        Absent: the artifact is not there, or says why it is not.
        IntegrityFailure: what came has another size than its creator told, or another hash than the storage or the
            worker's Chain of Trust has.
        Unavailable: the storage does not answer, or the disk is full.
        RunnerError: as `Taskcluster.call`.
    """
    part = to.with_name(f"{to.name}.part")
    file = _create(part, to)
    try:
        transfer = _Transfer(file)
        async with contextlib.aclosing(_whole(connection, artifact, transfer)) as steps:
            async for progress in steps:
                yield progress
        _check_size(artifact, transfer)
        of_worker, why_none = await hashes_of_worker(connection, artifact)
        compared = _compare(artifact, transfer, [*transfer.told, *of_worker])
        await _to_the_end(_finish, file, part, to)
    except OSError as error:
        raise Unavailable(f"{to} cannot be written: {error.strerror or error}.") from error
    finally:
        file.close()
        part.unlink(missing_ok=True)
    yield Downloaded(
        str(to), transfer.received, transfer.digits("sha256"), transfer.encoding, compared, why_none
    )


async def _to_the_end(work: Callable[..., None], *arguments: object) -> None:
    """Work in a thread that is waited for, cancelled or not: the file is not to be closed while it is written to."""
    done = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
    try:
        await asyncio.shield(done)
    except asyncio.CancelledError:
        await asyncio.wait({done})
        raise


def _create(part: Path, to: Path) -> FileIO:
    if os.path.lexists(to):
        raise UsageError(f"{to} is there already: nothing is overwritten.", action="Give --output FILE.")
    try:
        return part.open("xb", buffering=0)
    except FileExistsError as error:
        raise UsageError(
            f"{part} is there already.",
            cause="Another download is under way, or one was killed.",
            action="Remove it if none is.",
        ) from error
    except OSError as error:
        raise UsageError(f"{part} cannot be written: {error.strerror}.") from error


def _finish(file: FileIO, part: Path, to: Path) -> None:
    os.fsync(file.fileno())
    try:
        # A link, unlike a rename, does not replace what came to be there meanwhile.
        os.link(part, to)
    except FileExistsError as error:
        raise UsageError(f"{to} came to be there meanwhile: it was not overwritten.") from error
    except OSError:
        part.rename(to)


@dataclass(slots=True)
class _Transfer:
    """What has come, and by which encoding."""

    file: FileIO
    received: int = 0
    total: int | None = None
    encoding: str = ""
    tag: str = ""
    told: list[ToldHash] = field(default_factory=list)
    hashes: dict[str, Any] = field(default_factory=dict)

    def headers(self) -> dict[str, str]:
        # Without a tag it could be other bytes that go on.
        if self.received and not self.encoding and self.tag:
            return {"Range": f"bytes={self.received}-", "If-Range": self.tag}
        return {}

    def begin(self, response: aiohttp.ClientResponse, told: Mapping[str, str]) -> None:
        """Go on, or begin anew, as the storage answers; `told` are the hashes that it has."""
        headers = response.headers
        if response.status == _PARTIAL and headers.get("Content-Range", "").startswith(
            f"bytes {self.received}-"
        ):
            return
        if response.status in {_PARTIAL, _RANGE_UNSATISFIED}:
            self.tag = ""
            raise Failed("it does not go on where it was cut")
        self.file.seek(0)
        self.file.truncate()
        self.received = 0
        self.told = [
            ToldHash(OBJECT_SERVICE, name, told[name].lower()) for name in _ALGORITHMS if name in told
        ]
        self.hashes = {
            name: hashlib.new(name) for name in ("sha256", *(each.algorithm for each in self.told))
        }
        self.encoding = headers.get("Content-Encoding", "").removeprefix("identity")
        tag = headers.get("ETag", "")
        self.tag = "" if tag.startswith("W/") else tag
        self.total = None if self.encoding else response.content_length

    def take(self, data: bytes) -> None:
        for each in self.hashes.values():
            each.update(data)
        rest = memoryview(data)
        while rest:
            rest = rest[self.file.write(rest) :]
        self.received += len(data)

    def digits(self, algorithm: str) -> str:
        """The hash of all that was taken."""
        return str(self.hashes[algorithm].hexdigest())


async def _whole(
    connection: Connection, artifact: Artifact, transfer: _Transfer
) -> AsyncGenerator[Progress, None]:
    pace, failures = connection.taskcluster.pace, 0
    while True:
        before = transfer.received
        try:
            async with contextlib.aclosing(_connection(connection, artifact, transfer)) as steps:
                async for progress in steps:
                    yield progress
        except Failed as failed:
            failures = 1 if transfer.received > before else failures + 1
            if failures >= pace.backoff.attempts:
                raise Unavailable(
                    f"{artifact.name} could not be downloaded: {failed}.", action="Try again in a while."
                ) from failed
            wait = pace.backoff.wait(failures, failed.wait, pace.jitter())
            pace.notice(f"{artifact.name}: {failed}; attempt {failures + 1} in {wait:.1f} s")
        else:
            return
        await pace.sleep(wait)


async def _connection(
    connection: Connection, artifact: Artifact, transfer: _Transfer
) -> AsyncGenerator[Progress, None]:
    gateway = connection.taskcluster
    located = await artifacts.locate(gateway, artifact.task_id, artifact.run_id, artifact.name)
    async with artifacts.reading(gateway, located.url, transfer.headers()) as response:
        transfer.begin(response, located.hashes)
        yield Progress(transfer.received, transfer.total)
        async for piece in _pieces(response):
            await _to_the_end(transfer.take, piece)
            yield Progress(transfer.received, transfer.total)


async def _pieces(response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
    """What comes, in pieces worth a thread's while."""
    held = bytearray()
    async for chunk in response.content.iter_any():
        held += chunk
        if len(held) >= _PIECE:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)


def _check_size(artifact: Artifact, transfer: _Transfer) -> None:
    told = artifact.size
    if told is not None and not transfer.encoding and told != transfer.received:
        raise IntegrityFailure(
            f"{artifact.name} has {transfer.received} bytes, and its worker told the queue of {told}.",
            cause="It was replaced, or its upload was not whole.",
        )


def _compare(artifact: Artifact, transfer: _Transfer, told: list[ToldHash]) -> tuple[str, ...]:
    """Whose hashes are the same."""
    for each in told:
        found = transfer.digits(each.algorithm)
        if found != each.digits:
            raise IntegrityFailure(
                f"{artifact.name} is {each.algorithm}:{found}, and the {each.by} has {each.algorithm}:{each.digits}.",
                cause="It was replaced or damaged after the worker left it.",
                action="Do not use it; `lading verify` tells whether the image is still what the task built.",
            )
    return tuple(dict.fromkeys(each.by for each in told))
