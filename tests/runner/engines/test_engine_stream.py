"""An engine's stream is a success only if it is whole and says so, however it arrives."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.engines.engine_stream import (
    BuildWatch,
    LoginLost,
    PushWatch,
    StreamCut,
    failure_in,
    messages,
    push_failure,
)
from runner.errors import BuildFailed, IntegrityFailure, Refused, RunnerError, Unavailable
from runner.image.digest import Digest

STAGE = Digest.of(b"the first stage")
IMAGE = Digest.of(b"the image")
PUSHED = Digest.of(b"the manifest")


def written(*parts):
    return b"".join(json.dumps(part).encode() + b"\r\n" for part in parts)


def text(stream):
    return {"stream": stream}


BUILD = written(
    text("Step 1/4 : FROM debian:12 AS build"),
    text("\n"),
    {"status": "Pulling from library/debian", "id": "12"},
    {"status": "Downloading", "progressDetail": {"current": 1, "total": 2}, "id": "0123456789ab"},
    text(" ---> 0123456789ab\n"),
    text("Step 2/4 : RUN make"),
    text("\n"),
    text(" ---> Running in 0123456789ab\n"),
    text("sha256:" + "e" * 64 + "\nSuccessfully built 123456789abc\n"),
    text("\x1b[91mwarning: é€𝄞\n\x1b[0m"),
    {"aux": {"ID": str(STAGE)}},
    text("Step 3/4 : FROM scratch"),
    text("\n"),
    text(" ---> \n"),
    text("Step 4/4 : COPY --from=build /x /x"),
    text("\n"),
    {"aux": {"ID": str(IMAGE)}},
    text(f"Successfully built {IMAGE.short}\n"),
    text("Successfully tagged mozilla/balrog:latest\n"),
)
PODMAN_BUILD = written(
    text("[1/2] STEP 1/2: FROM scratch\n"),
    text("--> 0123456789a\n"),
    text("STEP 2/2: COPY x /x\n"),
    text("COMMIT mozilla/balrog:latest\n"),
    text(f"Successfully built {IMAGE.short}\n"),
    {"aux": {"ID": str(IMAGE)}},
)
PUSH = written(
    {"status": "The push refers to repository [localhost:5000/mozilla/balrog]"},
    {"status": "Preparing", "progressDetail": {}, "id": "0123456789ab"},
    {"status": "Preparing", "progressDetail": {}, "id": "ba9876543210"},
    {"status": "Waiting", "progressDetail": {}, "id": "ba9876543210"},
    {"status": "Pushing", "progressDetail": {"current": 512, "total": 1024}, "id": "0123456789ab"},
    {"status": "Layer already exists", "progressDetail": {}, "id": "ba9876543210"},
    {"status": "Pushing", "progressDetail": {"current": 2048, "total": 1024}, "id": "0123456789ab"},
    {"status": "Pushed", "progressDetail": {}, "id": "0123456789ab"},
    {"status": f"latest: digest: {PUSHED} size: 739"},
    {"progressDetail": {}, "aux": {"Tag": "latest", "Digest": str(PUSHED), "Size": 739}},
)
PODMAN_PUSH = written(
    {"status": "The push refers to repository [localhost:5000/mozilla/balrog]"},
    {"status": f"latest: digest: {PUSHED} size: 502"},
)


def build(chunks):
    lines: list[str] = []
    watch = BuildWatch(lines.append)
    for message in messages(chunks):
        watch.see(message)
    return watch.result(), lines


def push(chunks):
    told: list[tuple[int, int]] = []
    watch = PushWatch("latest", lambda done, total: told.append((done, total)))
    for message in messages(chunks):
        watch.see(message)
    watch.check()
    return (watch.digest, watch.reused, watch.pushed), told


def pieces(whole, cuts):
    edges = [0, *sorted(cut % (len(whole) + 1) for cut in cuts), len(whole)]
    return [whole[start:stop] for start, stop in itertools.pairwise(edges)]


CUTS = st.lists(st.integers(0, 10_000), max_size=12)


@pytest.mark.parametrize("stream", [BUILD, PODMAN_BUILD], ids=["docker", "podman"])
@given(cuts=CUTS)
def test_a_build_is_the_same_in_any_chunks(stream, cuts):
    assert build(pieces(stream, cuts)) == build([stream])
    assert build([stream])[0] == str(IMAGE)


@pytest.mark.parametrize("stream", [PUSH, PODMAN_PUSH], ids=["docker", "podman"])
@given(cuts=CUTS)
def test_a_push_is_the_same_in_any_chunks(stream, cuts):
    assert push(pieces(stream, cuts)) == push([stream])
    assert push([stream])[0][0] == PUSHED


def test_what_a_build_prints_is_told_line_by_line():
    lines = build([BUILD])[1]
    assert "warning: é€𝄞" in lines
    assert "Step 3/4 : FROM scratch" in lines
    assert not [line for line in lines if "\x1b" in line or "\n" in line]


def test_a_push_counts_layers_and_bytes():
    result, told = push([PUSH])
    assert result == (PUSHED, 1, 1)
    assert told == [(512, 1024), (1024, 1024)]


@pytest.mark.parametrize(
    ("stream", "result"),
    [
        (BUILD, f"Successfully built {IMAGE.short}".encode()),
        (PODMAN_BUILD, str(IMAGE).encode()),
    ],
    ids=["docker", "podman"],
)
def test_a_build_cut_at_any_byte_before_its_result_is_no_success(stream, result):
    told = stream.index(result)
    for length in range(told + len(result)):
        with pytest.raises((Unavailable, StreamCut)):
            build([stream[:length]])


@pytest.mark.parametrize("stream", [PUSH, PODMAN_PUSH], ids=["docker", "podman"])
def test_a_push_cut_at_any_byte_before_its_result_is_no_success(stream):
    told = stream.index(f"digest: {PUSHED} size".encode())
    for length in range(told + 80):
        with pytest.raises((Unavailable, StreamCut)):
            push([stream[:length]])


@pytest.mark.parametrize("stream", [BUILD, PODMAN_BUILD, PUSH, PODMAN_PUSH])
def test_a_stream_cut_after_its_result_says_the_same_or_is_cut(stream):
    run, good = (build, str(IMAGE)) if b"built" in stream else (lambda chunks: push(chunks)[0], PUSHED)
    for length in range(len(stream)):
        try:
            assert run([stream[:length]])[0] == good
        except (Unavailable, StreamCut):
            continue


def test_the_first_stages_id_is_not_the_image():
    stages = BUILD[: BUILD.index(b'{"stream": "Step 3/4')]
    with pytest.raises(Unavailable, match="in the middle of the build, at step 2 of 4: RUN make"):
        build([stages])


def test_what_a_run_prints_is_no_result():
    printed = f"Successfully built {IMAGE.short}\n{IMAGE}\n"
    with pytest.raises(Unavailable):
        build([written(text("Step 1/1 : RUN x\n"), text(printed))])


@pytest.mark.parametrize(
    "end", [{"errorDetail": {"message": "boom"}}, {"error": "boom"}, {"errorDetail": {}}]
)
def test_a_failure_after_the_result_is_a_failure(end):
    with pytest.raises(RunnerError):
        build([BUILD + written(end)])
    with pytest.raises(RunnerError):
        push([PUSH + written(end)])


@pytest.mark.parametrize(
    ("message", "failure"),
    [
        ({"errorDetail": {"code": 1, "message": "boom"}, "error": "older"}, "boom"),
        ({"errorDetail": {"message": "boom"}}, "boom"),
        ({"error": "boom"}, "boom"),
        ({"errorDetail": {}, "error": "boom"}, "boom"),
        ({"errorDetail": "boom"}, "boom"),
        ({"errorDetail": {"code": 7}}, "{'code': 7}"),
        ({"errorDetail": {}}, "the engine does not say why"),
        ({"error": ""}, "the engine does not say why"),
        ({"errorDetail": None, "error": None, "stream": "error"}, None),
        ({"stream": "error: no"}, None),
    ],
)
def test_a_failure_is_found_under_either_key(message, failure):
    assert failure_in(message) == failure


@pytest.mark.parametrize(
    "stream",
    [
        b'{"stream": "x"',
        b"[]\n",
        b"null\n",
        b"<html>\n",
        b"\xff\n",
        b"[" * 100_000 + b"\n",
        b'"' + b"x" * 2_000_000,
    ],
    ids=["cut", "list", "null", "html", "no text", "deep", "long"],
)
@pytest.mark.parametrize("size", [10, 1 << 22])
def test_what_is_no_message_is_a_cut(stream, size):
    with pytest.raises(StreamCut):
        list(messages(stream[start : start + size] for start in range(0, len(stream), size)))


def test_blank_lines_between_messages_are_nothing():
    assert list(messages([b'\r\n\n{"a": 1}\r\n \n', b'{"b": 2}'])) == [{"a": 1}, {"b": 2}]


def test_the_step_is_known_after_coloured_output():
    colours = written(
        text("Step 1/2 : RUN one\n"),
        text("\x1b[91mnoise\n\x1b[0m"),
        text("Step 2/2 : RUN two\n"),
        {"errorDetail": {"message": "The command '/bin/sh -c two' returned a non-zero code: 2"}},
    )
    with pytest.raises(BuildFailed, match="at step 2 of 2: RUN two"):
        build([colours])


def test_a_progress_bar_is_one_line():
    bar = [text(f"\r{percent}%") for percent in range(100)]
    _, lines = build(
        [written(text("Step 1/1 : RUN x\r\n"), *bar, text("\r"), text("\n"), text("end\n")) + BUILD]
    )
    assert lines[:3] == ["Step 1/1 : RUN x", "99%", "end"]


def test_a_failed_build_shows_the_steps_last_lines():
    stream = written(
        text("Step 1/2 : FROM scratch\n"),
        text("of another step\n"),
        text("Step 2/2 : RUN make\n"),
        text("".join(f"line {number}\n" for number in range(30))),
        {"errorDetail": {"code": 2, "message": "The command '/bin/sh -c make' returned a non-zero code: 2"}},
    )
    with pytest.raises(BuildFailed) as caught:
        build([stream])
    assert "returned a non-zero code: 2" in caught.value.what
    assert "line 29" in caught.value.cause
    assert "line 10\n" in caught.value.cause
    assert "line 9\n" not in caught.value.cause
    assert "of another step" not in caught.value.cause


@pytest.mark.parametrize(
    ("step", "failure", "kind"),
    [
        ("FROM a", "toomanyrequests: You have reached your pull rate limit.", Unavailable),
        ("FROM a", 'Get "https://registry-1.docker.io/v2/": dial tcp: lookup r: no such host', Unavailable),
        (
            "FROM a",
            'Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused',
            Unavailable,
        ),
        ("FROM a", "received unexpected HTTP status: 503 Service Unavailable", Unavailable),
        (
            "FROM a",
            "pull access denied for a, repository does not exist or may require 'docker login'",
            Refused,
        ),
        ("FROM a", "unauthorized: incorrect username or password", Refused),
        ("FROM a", "denied: requested access to the resource is denied", Refused),
        ("COPY --from=a /x /x", "invalid from flag value a: pull access denied for a", Refused),
        ("COPY --from=a /x /x", "COPY failed: stat denied: file does not exist", BuildFailed),
        ("FROM a", "manifest for a:latest not found: manifest unknown", BuildFailed),
        ("FROM a", "no matching manifest for linux/arm64 in the manifest list entries", BuildFailed),
        ("FROM a", "The command '/bin/sh -c denied' returned a non-zero code: 1", BuildFailed),
        ("RUN a", "The command '/bin/sh -c curl: timeout' returned a non-zero code: 28", BuildFailed),
        ("COPY a /", "COPY failed: no source files were specified", BuildFailed),
        ("COPY a /", "COPY failed: file not found in build context: stat timeout.py", BuildFailed),
        ("COPY a /", "failed to copy: write /x: no space left on device", Unavailable),
        ("RUN a", "the --mount option requires BuildKit", BuildFailed),
    ],
)
def test_a_failed_build_ends_as_what_can_be_done_about_it(step, failure, kind):
    stream = written(text(f"Step 1/2 : {step}\n"), {"errorDetail": {"message": failure}})
    with pytest.raises(RunnerError) as caught:
        build([stream])
    assert type(caught.value) is kind
    assert failure in str(caught.value)
    assert step in str(caught.value)


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        ("no basic auth credentials", LoginLost),
        ("denied: requested access to the resource is denied", Refused),
        ("unauthorized: authentication required", LoginLost),
        ("unauthorized: incorrect username or password", LoginLost),
        ("received unexpected HTTP status: 403 Forbidden", Refused),
        ("dial tcp 127.0.0.1:1: connect: connection refused", Unavailable),
        ("toomanyrequests: too many requests to Docker Hub", Unavailable),
        ("received unexpected HTTP status: 500 Internal Server Error", Unavailable),
        ("unexpected EOF", Unavailable),
        ("something new", Unavailable),
        (
            "tag invalid: The image tag 'v1' already exists and cannot be overwritten: immutable",
            IntegrityFailure,
        ),
    ],
)
def test_a_failed_push_ends_as_what_can_be_done_about_it(failure, kind):
    assert type(push_failure(failure)) is kind
    with pytest.raises(kind):
        push([written({"errorDetail": {"message": failure}, "error": failure})])


def test_a_digest_that_is_none_is_no_result():
    with pytest.raises(StreamCut):
        push([written({"aux": {"Tag": "latest", "Digest": "sha256:short", "Size": 1}})])
