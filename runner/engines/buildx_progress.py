"""What buildx tells on stderr with `--progress=rawjson`: BuildKit's SolveStatus, parsed strictly, pure.

Each status is a JSON object with the vertexes (steps) that changed, counts of bytes, and output in base64
(moby/buildkit, client/graph.go). buildx 0.13 indents them, later ones write one a line; what is no status is
buildx's own word, such as `ERROR: failed to solve: ...`.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from runner.engines.engine_stream import StreamCut, pull_failure, worth_another_run
from runner.errors import BuildFailed, RunnerError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST_STATUS: Final = 4 << 20
_LONGEST_NAME: Final = 200
_TAIL: Final = 20
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
_ERROR: Final = re.compile(r"ERROR: (?:failed to (?:build|solve): )?")
# What a base image's own steps are called: `[internal] load metadata for X`, `[1/2] FROM X`, a frontend's image.
_PULLS: Final = re.compile(r"\[internal\] load metadata for |(?:\[[^]]+\] )?FROM |resolve image config for ")
_RAN: Final = re.compile(r"exit code: \d+|did not complete successfully")
_NO_SOURCE: Final = re.compile(
    r"failed to (?:compute cache key|calculate checksum)|\" not found|: not found$"
)
_CANCELED: Final = re.compile(r"context canceled|: canceled$", re.IGNORECASE)
_ENGINE_GONE: Final = re.compile(
    r"code = Unavailable|error reading from server|cannot connect to the docker daemon|failed to receive status"
    r"|no active session|transport is closing|closing transport",
    re.IGNORECASE,
)
_CONTEXT: Final = "[internal] load build context"


@dataclass(slots=True)
class _Vertex:
    """A step of the build."""

    name: str
    announced: bool = False
    error: str = ""
    pending: dict[int, bytes] = field(default_factory=dict)
    tail: list[str] = field(default_factory=list)

    @property
    def is_internal(self) -> bool:
        return self.name.startswith("[internal]")


@dataclass(slots=True)
class SolveWatch:
    """Follows a build.

    Args:
        output: told of every line.
        progress: told of the base layers' bytes, those that are here and all.
    """

    output: Callable[[str], None]
    progress: Callable[[int, int], None]
    context_bytes: int = 0
    _status: bytearray = field(default_factory=bytearray)
    _vertexes: dict[str, _Vertex] = field(default_factory=dict)
    _layers: dict[str, tuple[int, int]] = field(default_factory=dict)
    _said: list[str] = field(default_factory=list)
    _current: _Vertex | None = None

    def see(self, line: bytes) -> None:
        """Take one line of stderr, its line end included.

        Raises:
            StreamCut: it belongs to a status that is none.
        """
        inside = bool(self._status)
        if not inside and not line.startswith(b"{"):
            self._say(line)
            return
        self._status += line
        if len(self._status) > _LONGEST_STATUS:
            raise StreamCut(f"a status is longer than {_LONGEST_STATUS} bytes")
        # An indented object ends with a brace in the first column; a string has no line end in it.
        if line.rstrip() == b"}" if inside else line.rstrip() != b"{":
            content = bytes(self._status)
            self._status.clear()
            self._take(_parsed(content))

    def end(self) -> None:
        """The stream has ended.

        Raises:
            StreamCut: in the middle of a status.
        """
        for vertex in self._vertexes.values():
            for rest in vertex.pending.values():
                self._see_line(vertex, rest)
            vertex.pending.clear()
        if self._status:
            raise StreamCut("a status is cut off")

    def failure(self, code: int) -> RunnerError:
        """Why the build failed.

        Args:
            code: buildx's exit status, negative for a signal.
        """
        failed = next(
            (
                vertex
                for vertex in self._vertexes.values()
                if vertex.error and not _CANCELED.search(vertex.error)
            ),
            None,
        )
        said = next((_ERROR.sub("", text) for text in self._said if text.startswith("ERROR:")), "")
        if failed is not None:
            return _step_failure(failed)
        if not said:
            ended = f"was ended by signal {-code}" if code < 0 else f"ended with status {code}"
            words = "".join(f"\n    {text}" for text in self._said[-_TAIL:])
            return Unavailable(
                f"buildx {ended}, without a word of why.",
                cause=f"The last that it said:{words}\n" if words else "",
                action="Run the task again.",
            )
        if _ENGINE_GONE.search(said) or worth_another_run(said):
            return Unavailable(
                f"The engine stopped in the middle of the build: {said}",
                cause="It was stopped, killed, or ran out of memory.",
                action="Run the task again; look at the engine's own log if it happens again.",
            )
        return BuildFailed(
            f"The Dockerfile did not build: {said}",
            action="Correct the Dockerfile, or the settings that it is built with.",
        )

    def _say(self, line: bytes) -> None:
        text = _COLOUR.sub("", line.decode("utf-8", "replace")).rstrip()
        if not text:
            return
        self._said = [*self._said[-_TAIL + 1 :], text]
        if not text.startswith("ERROR:"):
            self.output(text)

    def _take(self, status: dict[str, Any]) -> None:
        for found in _objects(status, "vertexes"):
            self._take_vertex(found)
        for found in _objects(status, "statuses"):
            self._take_count(found)
        for found in _objects(status, "logs"):
            self._take_output(found)
        for found in _objects(status, "warnings"):
            self.output(f"warning: {_decoded(found, 'short').decode('utf-8', 'replace')}")

    def _take_vertex(self, found: dict[str, Any]) -> None:
        vertex = self._vertexes.setdefault(_text(found, "digest"), _Vertex(_text(found, "name")))
        vertex.error = str(found.get("error") or vertex.error)
        if vertex.is_internal or vertex.announced:
            return
        if found.get("cached") is True:
            vertex.announced = True
            self.output(f"CACHED {_short(vertex.name)}")
        elif found.get("started") and found.get("completed") is None:
            vertex.announced = True
            self._announce(vertex)

    def _take_count(self, found: dict[str, Any]) -> None:
        vertex = self._vertexes.get(_text(found, "vertex"))
        name, current, total = _text(found, "id"), found.get("current", 0), found.get("total", 0)
        if not (isinstance(current, int) and isinstance(total, int)):
            raise StreamCut("a count is no number")
        if vertex is not None and vertex.name == _CONTEXT and name.startswith("transferring"):
            self.context_bytes = max(self.context_bytes, current)
        elif name.startswith("sha256:") and total:
            self._layers[name] = (min(current, total), total)
            done, all_bytes = (sum(counts) for counts in zip(*self._layers.values(), strict=True))
            self.progress(done, all_bytes)

    def _take_output(self, found: dict[str, Any]) -> None:
        vertex = self._vertexes.get(_text(found, "vertex"))
        if vertex is None:
            raise StreamCut("output belongs to no step")
        stream = found.get("stream", 0)
        # A text that is split between two messages is put together before it is masked.
        *lines, rest = (vertex.pending.get(stream, b"") + _decoded(found, "data")).split(b"\n")
        vertex.pending[stream] = rest[rest.rfind(b"\r", 0, -1) + 1 :]
        for line in lines:
            self._see_line(vertex, line)

    def _see_line(self, vertex: _Vertex, content: bytes) -> None:
        # What was overwritten is not kept: a progress bar is one line.
        line = _COLOUR.sub("", content.rstrip(b"\r").rpartition(b"\r")[2].decode("utf-8", "replace"))
        if not line.strip():
            return
        if self._current is not vertex:
            self._announce(vertex)
        vertex.tail = [*vertex.tail[-_TAIL + 1 :], line]
        self.output(line)

    def _announce(self, vertex: _Vertex) -> None:
        self._current = vertex
        self.output(_short(vertex.name))


def _step_failure(vertex: _Vertex) -> RunnerError:
    step, failure = _short(vertex.name), vertex.error
    ran = _RAN.search(failure)
    if _PULLS.match(vertex.name):
        return pull_failure(failure, step)
    if not ran and _ENGINE_GONE.search(failure):
        return Unavailable(f"The engine stopped in the middle of the build, at {step}: {failure}")
    if not ran and not _NO_SOURCE.search(failure) and worth_another_run(failure):
        return Unavailable(f"The build ended, at {step}: {failure}", action="Run the task again.")
    shown = "".join(f"\n    {line}" for line in vertex.tail)
    return BuildFailed(
        f"The Dockerfile did not build, at {step}: {failure}",
        cause=f"The last lines of its output:{shown}\n" if shown else "",
        action="Build it on your own machine, or look at the step's output above.",
    )


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        status = json.loads(content)
    except (ValueError, RecursionError):
        raise StreamCut("a status is no JSON") from None
    if not isinstance(status, dict):
        raise StreamCut("a status is no JSON object")
    return status


def _objects(status: dict[str, Any], key: str) -> list[dict[str, Any]]:
    found = status.get(key)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise StreamCut(f"{key} is no list of objects")
    return found


def _text(found: dict[str, Any], key: str) -> str:
    value = found.get(key)
    if not isinstance(value, str):
        raise StreamCut(f"{key} is no text")
    return value


def _decoded(found: dict[str, Any], key: str) -> bytes:
    try:
        return base64.b64decode(found.get(key) or "", validate=True)
    except (ValueError, TypeError):
        raise StreamCut(f"{key} is no base64") from None


def _short(name: str) -> str:
    first = " ".join(name.split())
    return first if len(first) <= _LONGEST_NAME else f"{first[:_LONGEST_NAME]}..."
