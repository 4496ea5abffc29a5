"""A log read over connections that end anywhere: nothing is lost, nothing comes twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.log_following import Place, Source, Step, step_after

LOG = "[taskcluster] début\r\nStep 1/3 : FROM scratch\n\x1b[31mérror\x1b[0m\nno end".encode()


def serve(headers, *, knows_ranges, cut):
    """What a server of the log answers: status, Content-Range, and the bytes until it cuts."""
    wanted = headers.get("Range")
    if wanted is None or not knows_ranges:
        return 200, "", LOG[:cut]
    first = int(wanted.removeprefix("bytes=").removesuffix("-"))
    if first >= len(LOG):
        return 416, "", b""
    return 206, f"bytes {first}-{len(LOG) - 1}/{len(LOG)}", LOG[first:][:cut]


def read(place, source, *, knows_ranges, cut, piece):
    status, content_range, body = serve(place.headers(source), knows_ranges=knows_ranges, cut=cut)
    if status == 416:
        return b""
    assert place.begin(status, content_range=content_range)
    return b"".join(place.take(body[at : at + piece]) for at in range(0, len(body), piece))


def after(count):
    place = Place()
    place.take(LOG[:count])
    return place


@pytest.mark.parametrize("knows_ranges", [True, False])
@pytest.mark.parametrize("cut", range(len(LOG) + 1))
def test_a_connection_cut_at_any_position_loses_and_doubles_nothing(cut, knows_ranges):
    place = Place()
    begun = read(place, Source.LIVE, knows_ranges=False, cut=cut, piece=7)
    rest = read(place, Source.BACKING, knows_ranges=knows_ranges, cut=None, piece=5)
    assert begun + rest == LOG
    assert (place.received, place.is_short) == (len(LOG), False)


@given(
    st.lists(st.tuples(st.sampled_from(Source), st.integers(0, len(LOG)), st.booleans(), st.integers(1, 9))),
)
def test_any_number_of_cuts_loses_and_doubles_nothing(connections):
    place = Place()
    found = b""
    for source, cut, knows_ranges, piece in [*connections, (Source.BACKING, None, True, 4)]:
        found += read(place, source, knows_ranges=knows_ranges, cut=cut, piece=piece)
    assert found == LOG


def test_a_range_of_compressed_bytes_is_not_used_and_not_asked_for_again():
    place = after(10)
    assert place.headers(Source.BACKING) == {"Range": "bytes=10-"}
    assert not place.begin(206, content_range="bytes 10-20/21", encoding="gzip")
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
