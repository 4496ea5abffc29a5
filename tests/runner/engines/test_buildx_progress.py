"""What buildx tells is followed, whatever its version writes it like, and what is cut off is no success."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.engines.buildx_progress import SolveWatch
from runner.engines.engine_stream import StreamCut
from runner.errors import BuildFailed, Refused, Unavailable

AT = "2026-11-24T16:16:21.223272622Z"
RUN = "sha256:" + "a" * 64
FROM = "sha256:" + "b" * 64
CONTEXT = "sha256:" + "c" * 64


def vertex(digest, name, **changes):
    return {"vertexes": [{"digest": digest, "name": name, **changes}]}


def log(digest, content, stream=1):
    data = base64.b64encode(content).decode()
    return {"logs": [{"vertex": digest, "stream": stream, "data": data, "timestamp": AT}]}


def transferred(digest, current):
    counted = {"id": "transferring context:", "vertex": digest, "name": "transferring", "current": current}
    return {"statuses": [{**counted, "timestamp": AT, "started": AT}]}


def indented(*statuses):
    """As buildx 0.13 writes them."""
    return (
        "".join(json.dumps(status, indent=2) + "\n" for status in statuses).encode().splitlines(keepends=True)
    )


def compact(*statuses):
    """As later ones write them."""
    return "".join(json.dumps(status) + "\n" for status in statuses).encode().splitlines(keepends=True)


class Followed:
    """A watch, and what it told."""

    def __init__(self, lines):
        self.lines: list[str] = []
        self.progress: list[tuple[int, int]] = []
        self.watch = SolveWatch(self.lines.append, lambda done, total: self.progress.append((done, total)))
        for line in lines:
            self.watch.see(line)

    def failure(self, code=1):
        self.watch.end()
        return self.watch.failure(code)


BUILD = (
    vertex(CONTEXT, "[internal] load build context", started=AT),
    transferred(CONTEXT, 28),
    transferred(CONTEXT, 42),
    vertex(FROM, "[1/2] FROM docker.io/library/base:1", started=AT, completed=AT, cached=True),
    vertex(RUN, "[2/2] RUN make"),
    vertex(RUN, "[2/2] RUN make", started=AT),
    log(RUN, b"building\nhalf a "),
    log(RUN, b"line\n\rbar 1\rbar 2\n"),
    vertex(RUN, "[2/2] RUN make", started=AT, completed=AT),
)


@pytest.mark.parametrize("written", [indented, compact])
def test_steps_and_their_output_are_told_in_lines(written):
    followed = Followed(written(*BUILD))
    assert followed.lines == [
        "CACHED [1/2] FROM docker.io/library/base:1",
        "[2/2] RUN make",
        "building",
        "half a line",
        "bar 2",
    ]
    assert followed.watch.context_bytes == 42


@given(st.text(alphabet=st.characters(blacklist_categories=["Cc", "Cs", "Z"]), min_size=1), st.data())
def test_a_line_is_whole_wherever_its_messages_are_cut(text, data):
    content = f"{text}\n".encode()
    at = data.draw(st.integers(0, len(content)))
    started = vertex(RUN, "RUN x", started=AT)
    followed = Followed(compact(started, log(RUN, content[:at]), log(RUN, content[at:])))
    assert followed.lines == ["RUN x", text]


def test_output_of_steps_side_by_side_says_whose_it_is():
    one, two = vertex(RUN, "RUN one", started=AT), vertex(FROM, "RUN two", started=AT)
    followed = Followed(compact(one, log(RUN, b"1\n"), two, log(FROM, b"2\n"), log(RUN, b"3\n")))
    assert followed.lines == ["RUN one", "1", "RUN two", "2", "RUN one", "3"]


def test_what_is_left_of_a_line_is_told_at_the_end():
    followed = Followed(compact(vertex(RUN, "RUN x", started=AT), log(RUN, b"no end")))
    followed.watch.end()
    assert followed.lines[-1] == "no end"


def test_base_layers_are_progress():
    counts = [
        {"id": FROM, "vertex": RUN, "current": 5, "total": 10},
        {"id": RUN, "vertex": RUN, "current": 9, "total": 9},
    ]
    followed = Followed(compact(vertex(RUN, "[1/2] FROM x", started=AT), {"statuses": counts}))
    assert followed.progress == [(5, 10), (14, 19)]


def test_buildx_own_words_are_told():
    followed = Followed(
        [b"\x1b[33mWARNING: no output\x1b[0m\n", b"\n", *compact({"warnings": [{"short": "b2s="}]})]
    )
    assert followed.lines == ["WARNING: no output", "warning: ok"]


@pytest.mark.parametrize(
    "line",
    [
        b"{]\n",
        b'{"vertexes": {}}\n',
        b'{"vertexes": [1]}\n',
        b'{"vertexes": [{"digest": 1, "name": "x"}]}\n',
        b'{"logs": [{"vertex": "unknown", "data": ""}]}\n',
        b'{"statuses": [{"vertex": "x", "id": "y", "current": "many"}]}\n',
        b"{" + b" " * (5 << 20) + b"}\n",
    ],
    ids=["no JSON", "no list", "no object", "no text", "no step", "no number", "endless"],
)
def test_what_is_no_status_is_refused(line):
    with pytest.raises(StreamCut):
        Followed([line])


def test_output_that_is_no_base64_is_refused():
    broken = {"logs": [{"vertex": RUN, "stream": 1, "data": "!"}]}
    with pytest.raises(StreamCut):
        Followed(compact(vertex(RUN, "RUN x", started=AT), broken))


def test_a_status_that_is_cut_off_is_no_end():
    followed = Followed(indented(*BUILD)[:-1])
    with pytest.raises(StreamCut):
        followed.watch.end()


def failed(name, error, *said):
    return [*compact(vertex(RUN, name, started=AT, completed=AT, error=error)), *said]


@pytest.mark.parametrize(
    ("lines", "kind", "text"),
    [
        (
            failed("[2/2] RUN make", "process did not complete successfully: exit code: 3"),
            BuildFailed,
            "[2/2] RUN make",
        ),
        (failed("[2/2] RUN x", "exit code: 1: connection refused"), BuildFailed, "exit code: 1"),
        (
            failed("[2/2] COPY timeout /", '"/timeout" not found: not found'),
            BuildFailed,
            '"/timeout" not found',
        ),
        (
            failed("[2/2] ADD https://x/y /", "dial tcp: connection refused"),
            Unavailable,
            "connection refused",
        ),
        (failed("[internal] load metadata for x/y:1", "pull access denied"), Refused, "x/y:1"),
        (failed("[1/2] FROM x/y:1", "429 Too Many Requests"), Unavailable, "limits how much"),
        (
            failed("[internal] load metadata for x/y:1", "docker.io/x/y:1: not found"),
            BuildFailed,
            "x/y:1: not found",
        ),
        (failed("[2/2] RUN x", "rpc error: code = Unavailable desc = closing"), Unavailable, "stopped"),
        (
            [b"ERROR: failed to solve: dockerfile parse error line 2: Unknown flag: bad\n"],
            BuildFailed,
            "Unknown flag: bad",
        ),
        (
            [b"ERROR: failed to receive status: rpc error: code = Unavailable\n"],
            Unavailable,
            "The engine stopped",
        ),
        ([b"panic: something\n"], Unavailable, "panic: something"),
        ([], Unavailable, "status 1"),
    ],
)
def test_a_failure_has_its_kind(lines, kind, text):
    error = Followed(lines).failure()
    assert type(error) is kind
    assert text in str(error)


def test_a_failure_has_the_failing_steps_last_lines_and_no_others():
    lines = compact(
        vertex(FROM, "RUN other", started=AT),
        vertex(RUN, "RUN make", started=AT),
        log(RUN, b"broken\n", stream=2),
        log(FROM, b"all is well\n"),
        vertex(FROM, "RUN other", error="context canceled"),
        vertex(RUN, "RUN make", error="exit code: 2"),
    )
    error = Followed(lines).failure()
    assert "RUN make: exit code: 2" in error.what
    assert "broken" in error.cause
    assert "all is well" not in error.cause


def test_a_child_that_was_killed_is_not_the_dockerfiles_fault():
    error = Followed([]).failure(-9)
    assert type(error) is Unavailable
    assert "signal 9" in error.what
