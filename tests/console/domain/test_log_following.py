"""A log read over connections that end anywhere: nothing is lost, nothing comes twice."""

import gzip
from dataclasses import dataclass
from enum import Enum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.log_following import Place, Source, Step, step_after

LOG = "[taskcluster] début\r\nStep 1/3 : FROM scratch\n\x1b[31mérror\x1b[0m\nno end".encode()


# Compressed it is shorter than what was read of it at many a cut, and a range is one of the compressed bytes.
LOG = LOG + b"\nagain and again" * 12
GZIP = gzip.compress(LOG)


class Kept(Enum):
    """How a server keeps the log."""

    PLAIN = "with ranges"
    WITHOUT_RANGES = "without"
    GZIP = "compressed, with ranges of what is compressed"


@dataclass
class Answer:
    """What comes over a connection until it is cut."""

    status: int
    body: bytes
    content_range: str = ""
    encoding: str = ""


def serve(headers, kept, cut):
    """What a server of the log answers, which cuts after so many bytes of it."""
    stored, encoding = (GZIP, "gzip") if kept is Kept.GZIP else (LOG, "")
    wanted = headers.get("Range") if kept is not Kept.WITHOUT_RANGES else None
    if wanted is None:
        return Answer(200, LOG[:cut], encoding=encoding)
    first = int(wanted.removeprefix("bytes=").removesuffix("-"))
    if first >= len(stored):
        return Answer(416, b"", f"bytes */{len(stored)}")
    return Answer(206, stored[first:][:cut], f"bytes {first}-{len(stored) - 1}/{len(stored)}", encoding)


def read(place, source, kept, cut=None, piece=7):
    answer = serve(place.headers(source), kept, cut)
    if not place.begin(answer.status, content_range=answer.content_range, encoding=answer.encoding):
        assert not place.headers(source)
        return read(place, source, kept, cut, piece)
    body = answer.body
    return b"".join(place.take(body[at : at + piece]) for at in range(0, len(body), piece))


def after(count):
    place = Place()
    place.take(LOG[:count])
    return place


@pytest.mark.parametrize("kept", Kept)
def test_a_connection_cut_at_any_position_loses_and_doubles_nothing(kept):
    for cut in range(len(LOG) + 1):
        place = Place()
        begun = read(place, Source.LIVE, Kept.WITHOUT_RANGES, cut)
        assert begun + read(place, Source.BACKING, kept) == LOG
        assert (place.received, place.is_short) == (len(LOG), False)


@pytest.mark.parametrize("kept", Kept)
def test_a_kept_log_cut_at_any_position_loses_and_doubles_nothing(kept):
    for cut in range(len(LOG) + 1):
        place = Place()
        begun = read(place, Source.BACKING, kept, cut)
        assert begun == LOG[:cut]
        assert begun + read(place, Source.BACKING, kept) == LOG
        assert not place.is_short


@given(
    st.lists(
        st.tuples(st.sampled_from(Source), st.sampled_from(Kept), st.integers(0, len(LOG)), st.integers(1, 9))
    ),
    st.sampled_from(Kept),
)
def test_any_number_of_cuts_loses_and_doubles_nothing(connections, last):
    place = Place()
    found = b""
    for source, kept, cut, piece in [*connections, (Source.BACKING, last, None, 4)]:
        found += read(place, source, kept, cut, piece)
    assert found == LOG


def test_a_range_of_compressed_bytes_is_not_used_and_not_asked_for_again():
    place = after(10)
    assert place.headers(Source.BACKING) == {"Range": "bytes=9-"}
    assert not place.begin(206, content_range="bytes 9-20/21", encoding="gzip")
    assert place.headers(Source.BACKING) == {}
    assert place.begin(200, encoding="gzip")
    assert place.take(LOG[:12]) == LOG[10:12]


@pytest.mark.parametrize("content_range", ["", "bytes 11-20/21", "items 10-20/21", "bytes */21"])
def test_a_range_that_is_not_the_one_asked_for_is_not_used(content_range):
    assert not after(10).begin(206, content_range=content_range)


def test_a_range_that_begins_earlier_is_skipped_to_where_the_reader_is():
    place = after(10)
    assert place.begin(206, content_range=f"bytes 4-{len(LOG) - 1}/{len(LOG)}")
    assert place.take(LOG[4:]) == LOG[10:]


def test_a_live_log_is_never_asked_for_a_range():
    assert after(10).headers(Source.LIVE) == {}


def test_a_kept_log_shorter_than_what_was_read_is_noticed():
    place = after(10)
    place.begin(200)
    assert place.take(LOG[:9]) == b""
    assert place.is_short


@pytest.mark.parametrize(
    ("ended", "state", "is_last", "exhausted", "step"),
    [
        ((Source.BACKING, True), "completed", True, False, Step.END),
        # Kept before its run is resolved.
        ((Source.BACKING, True), "running", True, False, Step.END),
        ((Source.BACKING, True), "exception", False, False, Step.NEXT_RUN),
        ((Source.BACKING, False), "completed", True, False, Step.AGAIN),
        ((Source.LIVE, True), "completed", True, False, Step.NOW),
        ((Source.LIVE, True), "running", True, False, Step.AGAIN),
        ((Source.LIVE, False), "completed", True, False, Step.AGAIN),
        # While it runs there is no end of attempts.
        ((None, False), "running", True, True, Step.AGAIN),
        ((None, False), "completed", True, True, Step.LOST),
        ((Source.LIVE, False), "exception", False, True, Step.NEXT_RUN),
        ((None, False), "completed", True, False, Step.AGAIN),
    ],
)
def test_what_follows_the_end_of_a_connection(ended, state, is_last, exhausted, step):
    source, whole = ended
    found = step_after(source, whole=whole, state=state, is_last_run=is_last, is_exhausted=exhausted)
    assert found is step
