"""Artifacts: files in a directory that the task declares, else uploads through the proxy.

What the worker uploads from a declared directory is covered by Chain of Trust; what is created through the
API never is, so that is the second choice and the statement says which way it went.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import hashlib
import re
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from runner.errors import Conflict, Refused, Unavailable
from runner.task.event import parse_time
from runner.task.taskcluster_http import TaskclusterError, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from runner.errors import RunnerError
    from runner.task.taskcluster_http import Taskcluster

_INLINE_LIMIT: Final = 8192
# More than a statement of the largest images, and a report, take.
_ROOM: Final = 128 * 1024
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_AFTER_TASK: Final = re.compile(
    r"Artifact expires \((?P<asked>[^)]+)\) after the task expiration (?P<task>\S+)"
)


class Artifact(NamedTuple):
    """A named content.

    Args:
        name: such as `public/docker-image.json`.
        content: the bytes.
        content_type: the MIME type.
    """

    name: str
    content: bytes
    content_type: str


class DeclaredFolder:
    """A directory that `payload.artifacts` declares; the worker uploads what is in it.

    Args:
        folder: declared under the artifact name `public`.
    """

    way = "declared directory"
    signed = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def check(self) -> None:
        """The directory can be written, and has room for what is left in it: better known before the build.

        Raises:
            Refused: it cannot.
            Unavailable: its disk is full.
        """
        probe = self._folder / ".lading.part"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            try:
                probe.write_bytes(bytes(_ROOM))
            finally:
                probe.unlink(missing_ok=True)
        except OSError as error:
            raise self._unwritable(f"The artifacts' directory {self._folder}", error) from error

    def leave(self, artifact: Artifact) -> None:
        """Write the artifact, whole or not at all.

        Raises:
            Refused: the directory cannot be written.
            Unavailable: its disk is full.
        """
        path = self._folder / artifact.name.removeprefix("public/")
        part = path.with_name(f".{path.name}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(artifact.content)
            part.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink()
            raise self._unwritable(f"The artifact {artifact.name}", error) from error

    def _unwritable(self, what: str, error: OSError) -> RunnerError:
        what = f"{what} cannot be written: {error.strerror}."
        if error.errno in _FULL:
            return Unavailable(
                what,
                cause=f"The disk of {self._folder} is full.",
                action="Free some of it, or run the task on another worker.",
            )
        return Refused(
            what,
            cause=f"{self._folder} is not writable.",
            action="Check LADING_ARTIFACTS and the task's `payload.artifacts`.",
        )


class QueueUpload:
    """Artifacts created through the queue: `object` storage, or `s3` where the deployment has no other.

    Args:
        taskcluster: the task's proxy.
        root_url: where the object service is called with the upload's own credentials.
        task_id: the task.
        run_id: its run.
        expires: until when they are wanted; clamped to the task's own expiry.
        clock: seconds since the epoch.
    """

    signed = False

    def __init__(
        self,
        taskcluster: Taskcluster,
        root_url: str,
        task_id: str,
        run_id: int,
        *,
        expires: datetime,
        clock: Callable[[], float],
    ) -> None:
        self._taskcluster = taskcluster
        self._root_url = root_url.rstrip("/")
        self._path = f"task/{quoted(task_id)}/runs/{run_id}/artifacts/"
        self._expires = expires
        self._clock = clock
        self._storage = "object" if root_url else "s3"

    @property
    def way(self) -> str:
        """How the artifacts went."""
        return f"queue ({self._storage})"

    def leave(self, artifact: Artifact) -> None:
        """Create the artifact and send its content; doing it twice is as good as once.

        Raises:
            Conflict: the run has another artifact of this name.
            Refused: the queue refuses, which it does once the task is resolved.
            Unavailable: queue or storage do not answer.
        """
        try:
            created = self._create(artifact)
            self._send(artifact, created)
        except TaskclusterError as error:
            if error.status == 409 and self._is_there(artifact):
                return
            raise _refusal(artifact, error) from error

    def _create(self, artifact: Artifact) -> Mapping[str, Any]:
        """The first answer that takes the artifact: a clamped expiry, then the other storage."""
        try:
            return self._create_until(artifact, self._storage)
        except TaskclusterError as error:
            if self._storage != "object" or error.status not in {400, 404, 500, 501}:
                raise
        self._storage = "s3"
        return self._create_until(artifact, self._storage)

    def _create_until(self, artifact: Artifact, storage: str) -> Mapping[str, Any]:
        path = self._path + quoted(artifact.name)
        body = {"storageType": storage, "contentType": artifact.content_type}
        try:
            return self._post(path, body)
        except TaskclusterError as error:
            found = _AFTER_TASK.search(error.message)
            if error.status != 400 or not found:
                raise
            self._expires = parse_time(found["task"])
        return self._post(path, body)

    def _post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        expires = self._expires.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return dict(self._taskcluster.call("POST", "queue", path, {**body, "expires": expires}))

    def _send(self, artifact: Artifact, created: Mapping[str, Any]) -> None:
        if created["storageType"] == "s3":
            headers = {"Content-Type": artifact.content_type}
            self._taskcluster.put_bytes(str(created["putUrl"]), artifact.content, headers)
            return
        self._send_object(artifact, created)
        path = self._path + quoted(artifact.name)
        self._taskcluster.call("PUT", "queue", path, {"uploadId": created["uploadId"]})

    def _send_object(self, artifact: Artifact, created: Mapping[str, Any]) -> None:
        """The object service takes the upload's own credentials, not the task's: it is called directly."""
        from runner.task.hawk import hawk_authorizer  # most tasks declare a directory

        sign = hawk_authorizer(created["credentials"], self._clock)
        common = {key: created[key] for key in ("projectId", "uploadId")}
        name = quoted(str(created["name"]))
        proposed = {"proposedUploadMethods": _proposed(artifact)}
        url = f"{self._root_url}/api/object/v1/upload/{name}"
        body = {**common, "expires": created["expires"], **proposed}
        method = self._taskcluster.call_at("PUT", url, "object", body, sign)["uploadMethod"]
        if "putUrl" in method:
            put = method["putUrl"]
            self._taskcluster.put_bytes(str(put["url"]), artifact.content, dict(put["headers"]))
        hashes = {
            "sha256": hashlib.sha256(artifact.content).hexdigest(),
            "sha512": hashlib.sha512(artifact.content).hexdigest(),
        }
        url = f"{self._root_url}/api/object/v1/finish-upload/{name}"
        self._taskcluster.call_at("POST", url, "object", {**common, "hashes": hashes}, sign)

    def _is_there(self, artifact: Artifact) -> bool:
        """Whether an earlier attempt of this run already left these very bytes."""
        try:
            found = self._taskcluster.fetch("queue", self._path + quoted(artifact.name))
        except TaskclusterError:
            return False
        return found == artifact.content


def _proposed(artifact: Artifact) -> dict[str, Any]:
    if len(artifact.content) < _INLINE_LIMIT:
        encoded = base64.b64encode(artifact.content).decode()
        return {"dataInline": {"contentType": artifact.content_type, "objectData": encoded}}
    return {"putUrl": {"contentType": artifact.content_type, "contentLength": len(artifact.content)}}


def _refusal(artifact: Artifact, error: TaskclusterError) -> Conflict | Refused:
    if error.status == 409:
        return Conflict(
            f"The artifact {artifact.name} could not be created: {error.message.splitlines()[0]}",
            cause="The run has another artifact of this name, or the task is already resolved.",
        )
    missing = error.missing_scopes
    return Refused(
        f"The artifact {artifact.name} was refused: {error.status} from {error.service}.",
        cause=f"Missing: {missing}." if missing else error.message.splitlines()[0],
        action="Declare a directory in `payload.artifacts`, named in LADING_ARTIFACTS: it needs no scope.",
    )
