"""The JSON streams in which a Docker-compatible engine tells of a build or a push: parsed strictly, pure.

An engine answers 200 and tells of the failure inside the stream, where the SDKs pass over it. So `errorDetail`
or `error` is a failure, and so is a stream that ends without a result.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from runner.errors import BuildFailed, IntegrityFailure, Refused, RunnerError, Unavailable
from runner.image.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_STEP: Final = re.compile(r"Step (?P<number>\d+)/(?P<total>\d+) : (?P<instruction>.*)", re.IGNORECASE)
_PODMAN_STEP: Final = re.compile(r"(?:\[\d+/\d+\] )?STEP (?P<number>\d+)/(?P<total>\d+): (?P<instruction>.*)")
_PUSHED: Final = re.compile(r"(?P<tag>\S+): digest: (?P<digest>sha256:[0-9a-f]{64}) size: \d+")
_LONGEST_MESSAGE: Final = 1 << 20
_TAIL: Final = 20

_DENIED: Final = re.compile(
    r"unauthorized|denied|no basic auth|authentication required|incorrect username|insufficient_scope|forbidden",
    re.IGNORECASE,
)
_FORBIDDEN: Final = re.compile(r"denied|insufficient_scope|forbidden", re.IGNORECASE)
_NOT_NOW: Final = re.compile(
    r"toomanyrequests|too many requests|rate limit|connection refused|connection reset|no such host|timeout|timed out"
    r"|network is unreachable|temporary failure|unexpected eof|\beof\b|server error|bad gateway"
    r"|service unavailable|received unexpected http status: 5\d\d|status code: 5\d\d|no space left on device"
    r"|tls handshake|context deadline exceeded|broken pipe",
    re.IGNORECASE,
)
_IMMUTABLE: Final = re.compile(r"immutable|cannot be overwritten|tag.*already exists", re.IGNORECASE)
# A file's name says nothing about the network: `stat timeout.py: file does not exist`.
_NO_FILE: Final = re.compile(
    r"no such file|file does not exist|file not found|no source files", re.IGNORECASE
)
# The classic builder colours each piece of stderr; the end of a colour comes before the next line.
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
_BUILT: Final = re.compile(r"Successfully built (?P<id>[0-9a-f]{12})")


class StreamCut(Exception):
    """The stream ended in the middle of a message, or holds something that is none."""


class LoginLost(Refused):
    """The registry did not know the engine: its token expired, or the password was changed; who asks again can tell."""


def messages(chunks: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """The messages of a stream: JSON objects, one a line.

    Raises:
        StreamCut: the last is cut off, or a line is no JSON object.
    """
    pending = bytearray()
    for chunk in chunks:
        first, *rest = chunk.split(b"\n")
        pending += first
        for line in rest:
            if pending.strip():
                yield _message(pending)
            pending = bytearray(line)
        _check_length(pending)
    if pending.strip():
        yield _message(pending)


def _check_length(line: bytearray) -> None:
    if len(line) > _LONGEST_MESSAGE:
        raise StreamCut(f"a message is longer than {_LONGEST_MESSAGE} bytes")


def _message(line: bytearray) -> dict[str, Any]:
    _check_length(line)
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        raise StreamCut("a message is cut off") from None
    if not isinstance(message, dict):
        raise StreamCut("a message is no JSON object")
    return message


def failure_in(message: dict[str, Any]) -> str | None:
    """What a message says went wrong; `error` is deprecated since API 1.48 in favour of `errorDetail`."""
    detail, error = message.get("errorDetail"), message.get("error")
    if detail is None and error is None:
        return None
    if isinstance(detail, dict) and detail.get("message"):
        return str(detail["message"])
    # Go leaves out what is empty: an error without a message is an empty object.
    return str(error or detail or "the engine does not say why")


class BuildWatch:
    """Follows the messages of a build.

    Args:
        output: told of every line.
    """

    def __init__(self, output: Callable[[str], None]) -> None:
        self.output = output
        self.image_id: str | None = None
        self.step = ""
        self._built: set[str] = set()
        self._line = ""
        self._tail: list[str] = []

    def see(self, message: dict[str, Any]) -> None:
        """Take one message.

        Raises:
            RunnerError: it tells of a failure.
        """
        failure = failure_in(message)
        if failure is not None:
            self._flush()
            raise self._failed(failure)
        aux = message.get("aux")
        if isinstance(aux, dict) and isinstance(aux.get("ID"), str):
            self.image_id = aux["ID"]
        if isinstance(message.get("stream"), str):
            self._take(message["stream"])
        elif isinstance(message.get("status"), str) and "progressDetail" not in message:
            self._take(f"{message['status']}\n")

    def result(self) -> str:
        """The image's id.

        Raises:
            Unavailable: the stream ended without one.
        """
        self._flush()
        # An id comes at the end of every stage, and the first stage's is not the image: the last line decides.
        if self.image_id is None or self.image_id.removeprefix("sha256:")[:12] not in self._built:
            raise Unavailable(
                f"The engine stopped in the middle of the build{self._where}, without a result.",
                cause="The engine was stopped, killed, or ran out of memory.",
                action="Run the task again; look at the engine's own log if it happens again.",
            )
        return self.image_id

    @property
    def _where(self) -> str:
        return f", at {self.step}" if self.step else ""

    def _take(self, text: str) -> None:
        *lines, rest = (self._line + text).replace("\r\n", "\n").split("\n")
        for line in lines:
            self._see_line(line)
        # What was overwritten is not kept: a progress bar is one line. The last `\r` may belong to a `\n`.
        self._line = rest[rest.rfind("\r", 0, -1) + 1 :]

    def _flush(self) -> None:
        if self._line:
            self._see_line(self._line)
            self._line = ""

    def _see_line(self, text: str) -> None:
        line = _COLOUR.sub("", text.rstrip("\r").rpartition("\r")[2])
        if not line.strip():
            return
        built = _BUILT.match(line)
        if built:
            self._built.add(built["id"])
        found = _STEP.match(line) or _PODMAN_STEP.match(line)
        if found:
            self.step = f"step {found['number']} of {found['total']}: {found['instruction']}"
            self._tail.clear()
        else:
            self._tail = [*self._tail[-_TAIL + 1 :], line]
        self.output(line)

    def _failed(self, failure: str) -> RunnerError:
        instruction = self.step.partition(": ")[2].upper()
        ran = "returned a non-zero code" in failure
        if instruction.startswith(("FROM ", "COPY --FROM")) and not ran and not _NO_FILE.search(failure):
            return pull_failure(failure, self.step)
        if not ran and worth_another_run(failure):
            return Unavailable(f"The build ended{self._where}: {failure}", action="Run the task again.")
        shown = "".join(f"\n    {line}" for line in self._tail)
        return BuildFailed(
            f"The Dockerfile did not build{self._where}: {failure}",
            cause=f"The last lines of its output:{shown}\n" if shown else "",
            action="Build it on your own machine, or look at the step's output above.",
        )


def worth_another_run(failure: str) -> bool:
    """Whether a failure is of the network, or of what is on its other side."""
    return bool(_NOT_NOW.search(failure)) and not _NO_FILE.search(failure)


def pull_failure(failure: str, step: str) -> RunnerError:
    """A base image that could not be pulled."""
    if _NOT_NOW.search(failure):
        return Unavailable(
            f"A base image could not be pulled, at {step}: {failure}",
            cause="Its registry is down, or limits how much is pulled.",
            action="Run the task again.",
        )
    if _DENIED.search(failure):
        return Refused(
            f"A base image could not be pulled, at {step}: {failure}",
            cause="It does not exist, or it is private: credentials are used for the secret's own registry only.",
        )
    return BuildFailed(f"The Dockerfile did not build, at {step}: {failure}")


class PushWatch:
    """Follows the messages of a push.

    Args:
        tag: the one that is pushed.
        progress: told of the bytes sent and to send, and of the layers done and known.
    """

    def __init__(self, tag: str, progress: Callable[[int, int], None]) -> None:
        self.tag = tag
        self.progress = progress
        self.digest: Digest | None = None
        self.reused = 0
        self.pushed = 0
        self.finished = False
        self._bytes: dict[str, tuple[int, int]] = {}

    def see(self, message: dict[str, Any]) -> None:
        """Take one message.

        Raises:
            RunnerError: it tells of a failure.
        """
        failure = failure_in(message)
        if failure is not None:
            raise push_failure(failure)
        aux = message.get("aux")
        if isinstance(aux, dict) and isinstance(aux.get("Digest"), str):
            self._result(aux["Digest"])
        status = message.get("status")
        if not isinstance(status, str):
            return
        found = _PUSHED.search(status)
        if found:
            self._result(found["digest"])
        self._layer(str(message.get("id", "")), status, message.get("progressDetail"))

    def check(self) -> None:
        """The stream has ended: it must have told of success.

        Raises:
            Unavailable: it did not.
        """
        if not self.finished:
            raise Unavailable(
                f"The engine stopped in the middle of the push of {self.tag}, without a result.",
                cause="The engine was stopped or killed, or its connection to the registry was lost.",
                action="A rerun completes what is missing.",
            )

    def _result(self, digest: str) -> None:
        try:
            self.digest, self.finished = Digest(digest), True
        except ValueError as error:
            raise StreamCut(f"the digest of {self.tag} is {error}") from None

    def _layer(self, layer: str, status: str, detail: object) -> None:
        if status == "Layer already exists" or status.startswith("Mounted from"):
            self.reused += 1
        elif status == "Pushed":
            self.pushed += 1
        elif isinstance(detail, dict) and isinstance(detail.get("total"), int):
            self._bytes[layer] = (int(detail.get("current") or 0), detail["total"])
            done = sum(min(current, total) for current, total in self._bytes.values())
            self.progress(done, sum(total for _, total in self._bytes.values()))


def push_failure(failure: str) -> RunnerError:
    """What the engine said of a push, by what can be done about it."""
    if _IMMUTABLE.search(failure):
        return IntegrityFailure(
            f"The registry refused the tag: {failure}",
            cause="It keeps this tag from being changed.",
            action="Publish under a tag of this commit.",
        )
    if _NOT_NOW.search(failure):
        return Unavailable(
            f"The push failed: {failure}",
            cause="The registry is down, or limits how much is pushed.",
            action="A rerun completes what is missing.",
        )
    if _DENIED.search(failure):
        kind = Refused if _FORBIDDEN.search(failure) else LoginLost
        return kind(
            f"The registry refused the push: {failure}",
            cause="The credentials changed since they were checked, or the repository does not allow it.",
        )
    return Unavailable(f"The push failed: {failure}", action="A rerun completes what is missing.")
