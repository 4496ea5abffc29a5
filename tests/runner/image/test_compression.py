"""A layer is compressed into one gzip member that every reader takes, the same whoever makes it."""

import gzip
import hashlib
import io
import random
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zlib_ng import zlib_ng

from runner.image.compression import BLOCK, LEVEL, Compressor, compressor, deflated, in_blocks, shrinks
from runner.image.digest import Digest


def text(size, seed=1):
    words = [b"lading", b"manifest", b"digest", b"layer", b"tag", b"\n", b" of ", b" the "]
    chosen = random.Random(seed).choices(words, k=size // 3 + 1)
    return b"".join(chosen)[:size]


def noise(size, seed=1):
    return random.Random(seed).randbytes(size)


def compressed(content, threads=2, pieces=None):
    output = io.BytesIO()
    with compressor(threads) as making:
        result = making.compress(pieces or [content], output.write)
    return output.getvalue(), result


MIXED = text(2 * BLOCK + 77) + noise(BLOCK * 2) + bytes(BLOCK) + text(400_000, seed=2)


@pytest.mark.parametrize(
    "content",
    [b"", b"a", text(1000), text(BLOCK), text(BLOCK + 1), text(3 * BLOCK), noise(2 * BLOCK + 5), MIXED],
    ids=["empty", "byte", "small", "block", "block and a byte", "blocks", "noise", "mixed"],
)
def test_every_reader_reads_it_back(content):
    output, result = compressed(content)
    assert gzip.decompress(output) == content
    member = zlib.decompressobj(31)
    assert member.decompress(output) == content
    assert member.eof
    assert member.unused_data == b""  # one member: readers that stop after the first lose nothing
    assert result.diff_id == Digest.of(content)
    assert result.original_size == len(content)
    assert result.digest == Digest.of(output)
    assert result.size == len(output)


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_the_output_does_not_depend_on_the_threads(threads):
    assert compressed(MIXED, threads)[0] == compressed(MIXED, 4)[0]


@given(st.lists(st.integers(1, 3 * BLOCK), max_size=6), st.integers(1, 4))
@settings(max_examples=15, deadline=None)
def test_the_output_does_not_depend_on_the_pieces(cuts, threads):
    content, pieces, at = text(2 * BLOCK + 1234), [], 0
    for cut in cuts:
        pieces.append(content[at : at + cut])
        at += cut
    pieces.append(content[at:])
    assert compressed(content, threads, pieces)[0] == compressed(content)[0]


@given(st.binary(max_size=5000))
@settings(deadline=None)
def test_any_bytes_come_back(content):
    assert gzip.decompress(compressed(content)[0]) == content


def test_it_names_no_time_and_no_file():
    assert compressed(b"x")[0][:10] == bytes.fromhex("1f8b08000000000000ff")


def test_blocks_refer_to_what_was_before_them():
    before, block = noise(16 * 1024, seed=2), noise(16 * 1024)
    assert len(deflated(block, block)) < 2000 < len(deflated(block, before))


def test_it_is_about_as_small_as_one_stream():
    content = text(4 * BLOCK)
    whole = zlib_ng.compressobj(LEVEL, zlib_ng.DEFLATED, 31)
    size = len(whole.compress(content) + whole.flush())
    assert compressed(content)[1].size < 1.01 * size


def test_what_is_compressed_already_is_stored():
    content = noise(3 * BLOCK)
    assert not shrinks(content[:BLOCK])
    assert len(content) < compressed(content)[1].size < 1.001 * len(content)
    assert shrinks(text(BLOCK))


def test_no_more_than_some_blocks_are_held():
    read, written = 0, 0
    most = 0

    def pieces():
        nonlocal read
        for number in range(40):
            read += 1
            yield noise(BLOCK, seed=number)

    def write(content):
        nonlocal written, most
        written += len(content)
        most = max(most, read - written // BLOCK)

    with compressor(2) as making:
        making.compress(pieces(), write)
    assert most <= 2 * 2 + 2


def test_an_error_of_the_source_is_its_own():
    def pieces():
        yield text(3 * BLOCK)
        raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError, match="gone"), compressor(2) as making:
        making.compress(pieces(), lambda _content: None)


def test_an_error_of_the_output_is_its_own():
    def full(_content):
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"), compressor(2) as making:
        making.compress([text(3 * BLOCK)], full)


def test_all_cores_are_used_but_not_without_bound():
    with compressor() as making:
        assert isinstance(making, Compressor)
        assert 1 <= making.threads <= 16


@given(st.lists(st.binary(max_size=100), max_size=5))
def test_blocks_are_the_same_bytes(pieces):
    assert b"".join(in_blocks(pieces)) == b"".join(pieces)


def test_hashes_are_those_of_the_whole():
    content = text(BLOCK * 2)
    assert compressed(content)[1].diff_id.hex == hashlib.sha256(content).hexdigest()
