"""A tar stream is read to its end, and whatever is wrong with it is said."""

import io
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.image.tar_stream import ArchiveCut, BadArchive, TarStream
from tests.support.saved_images import archive

LONG = "a" * 90 + "/" + "b" * 200
FILES = [("small", b"x"), ("empty", b""), (LONG, b"y" * 5000), ("folder", None)]


def read(chunks):
    return [(entry, b"".join(pieces)) for entry, pieces in TarStream(chunks).entries()]


def in_pieces(content, size):
    return [content[at : at + size] for at in range(0, len(content), size)]


@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("size", [1, 511, 512, 4096, 10**6])
def test_reads_every_format_in_pieces_of_any_size(kind, size):
    files = FILES if kind != tarfile.USTAR_FORMAT else FILES[:2]
    found = read(in_pieces(archive(files, kind), size))
    assert [(entry.name, content) for entry, content in found] == [
        (name, content or b"") for name, content in files
    ]


def test_a_content_that_is_not_read_is_passed_over():
    entries = [entry.name for entry, _ in TarStream([archive(FILES)]).entries()]
    assert entries == [name for name, _ in FILES]


def test_links_say_where_they_lead():
    content = archive([("link", tarfile.SYMTYPE, "../" + LONG), ("hard", tarfile.LNKTYPE, "small")])
    assert [(entry.target, entry.is_link) for entry, _ in read([content])] == [
        ("../" + LONG, True),
        ("small", True),
    ]


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_a_cut_anywhere_before_the_end_is_noticed(data):
    whole = archive(FILES).rstrip(b"\0")
    cut = data.draw(st.integers(0, len(whole)))
    with pytest.raises(ArchiveCut):
        read([whole[:cut]])


@pytest.mark.parametrize("kind", [tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, b"S"])
def test_devices_and_sparse_files_are_refused(kind):
    info = tarfile.TarInfo("odd")
    info.type = kind
    with pytest.raises(BadArchive, match="neither file, folder nor link"):
        read([info.tobuf(tarfile.GNU_FORMAT) + bytes(1024)])


def test_a_damaged_header_is_not_taken_for_the_end():
    content = bytearray(archive(FILES))
    content[1024 + 5] ^= 1
    with pytest.raises(BadArchive, match="header is damaged"):
        read([bytes(content)])


def test_an_empty_stream_is_no_archive():
    with pytest.raises(ArchiveCut):
        read([])


@pytest.mark.parametrize("records", [b"no length", b"99 a=b\n", b"7 a=bcd\n", b"5 ab\n", b"x a=b\n"])
def test_a_damaged_extended_header_is_said(records):
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, len(records)
    content = info.tobuf(tarfile.USTAR_FORMAT) + records + bytes(-len(records) % 512) + bytes(1024)
    with pytest.raises(BadArchive, match="extended header is damaged"):
        read([content])


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [("size", "-5", "size"), ("size", "1e3", "size"), ("GNU.sparse.major", "1", "sparse")],
)
def test_an_extended_header_cannot_lie(key, value, said):
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo("file")
        info.pax_headers = {key: value}
        tar.addfile(info)
    with pytest.raises(BadArchive, match=said):
        read([output.getvalue()])


def test_a_huge_extended_header_is_not_read():
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, 1 << 30
    with pytest.raises(BadArchive, match="extended header has"):
        read([info.tobuf(tarfile.GNU_FORMAT)])
