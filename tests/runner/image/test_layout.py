"""A layout is read only if every byte of it is what it says."""

import json
from pathlib import Path

import pytest

from runner.errors import IntegrityFailure, Unavailable, UsageError
from runner.image.digest import Digest
from runner.image.layout import Layout
from runner.image.layout_writer import LayoutWriter, disk_errors
from runner.image.manifests import OCI_INDEX, OCI_MANIFEST, Manifest
from tests.support.saved_images import CONFIG, DIFF_IDS, LAYERS, config_of, manifest_of

MANIFEST = Manifest(OCI_MANIFEST, manifest_of(LAYERS))


def blobs(folder):
    return folder / "blobs" / "sha256"


@pytest.fixture
def layout(tmp_path):
    folder = tmp_path / "layout"
    writer = LayoutWriter(folder)
    for content in (*LAYERS, CONFIG):
        writer.put(content)
    writer.finish([MANIFEST])
    return folder


def test_what_was_written_is_read(layout):
    found = Layout.read(layout)
    assert found.manifest == found.image == MANIFEST
    assert [layer.digest for layer in found.layers] == list(DIFF_IDS)
    content, config = found.config()
    assert content == CONFIG
    assert config.diff_ids == DIFF_IDS
    assert b"".join(found.open(DIFF_IDS[0], 10)) == LAYERS[0][10:]


def test_nothing_but_the_layout_is_left(layout):
    assert sorted(path.name for path in layout.iterdir()) == ["blobs", "index.json", "oci-layout"]
    assert len(list(blobs(layout).iterdir())) == 5


def test_others_may_read_it(layout):
    assert {path.stat().st_mode & 0o777 for path in blobs(layout).iterdir()} == {0o644}


def test_an_index_comes_last(tmp_path):
    writer = LayoutWriter(tmp_path / "layout")
    for content in (*LAYERS, CONFIG):
        writer.put(content)
    entry = {"mediaType": OCI_MANIFEST, "digest": str(MANIFEST.digest), "size": len(MANIFEST.content)}
    index = Manifest(OCI_INDEX, json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode())
    writer.finish([MANIFEST, index])
    found = Layout.read(tmp_path / "layout")
    assert found.manifests == (MANIFEST, index)
    assert found.image == MANIFEST


@pytest.mark.parametrize("which", range(5), ids=["layer", "layer", "layer", "config", "manifest"])
@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_a_changed_byte_is_found(layout, which, place):
    path = blobs(layout) / Digest.of([*LAYERS, CONFIG, MANIFEST.content][which]).hex
    content = bytearray(path.read_bytes())
    content[{"first": 0, "middle": len(content) // 2, "last": -1}[place]] ^= 1
    path.write_bytes(content)
    with pytest.raises(IntegrityFailure, match="not what its name says") as failure:
        Layout.read(layout)
    assert failure.value.exit_code == 6


@pytest.mark.parametrize(
    "change", [lambda content: content[:-1], lambda content: content + b"x", lambda _: b""]
)
def test_a_blob_of_another_length_is_found(layout, change):
    path = blobs(layout) / DIFF_IDS[0].hex
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(IntegrityFailure):
        Layout.read(layout)


def test_a_blob_that_nothing_names_is_hashed_as_well(layout):
    (blobs(layout) / ("0" * 64)).write_bytes(b"smuggled")
    with pytest.raises(IntegrityFailure, match="not what its name says"):
        Layout.read(layout)


def test_a_name_that_is_no_digest_is_refused(layout):
    (blobs(layout) / "notes").write_bytes(b"")
    with pytest.raises(IntegrityFailure):
        Layout.read(layout)


def test_a_link_is_no_blob(layout, tmp_path):
    path = blobs(layout) / DIFF_IDS[0].hex
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(IntegrityFailure, match="is no file"):
        Layout.read(layout)


def test_the_index_is_no_link(layout, tmp_path):
    (layout / "index.json").rename(tmp_path / "elsewhere")
    (layout / "index.json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(IntegrityFailure, match="no small file"):
        Layout.read(layout)


@pytest.mark.parametrize("which", range(5))
def test_a_missing_blob_is_found(layout, which):
    (blobs(layout) / Digest.of([*LAYERS, CONFIG, MANIFEST.content][which]).hex).unlink()
    with pytest.raises(IntegrityFailure, match="is missing"):
        Layout.read(layout)


def rewritten(folder, manifest, config=CONFIG):
    writer = LayoutWriter(folder)
    for content in (*LAYERS, config):
        writer.put(content)
    writer.finish([Manifest(OCI_MANIFEST, manifest)])
    return folder


@pytest.mark.parametrize(
    ("manifest", "config"),
    [
        (manifest_of(LAYERS).replace(b'"size": 70000', b'"size": 70001'), CONFIG),
        (manifest_of(LAYERS[:2]), CONFIG),
        (manifest_of(LAYERS, config_of(DIFF_IDS[:1])), config_of(DIFF_IDS[:1])),
        (manifest_of(LAYERS, b"no config"), b"no config"),
        (b"{}", CONFIG),
        (b"no manifest", CONFIG),
    ],
    ids=["size", "fewer layers", "fewer diffIDs", "config", "empty", "not JSON"],
)
def test_parts_that_contradict_each_other_are_found(tmp_path, manifest, config):
    with pytest.raises(IntegrityFailure):
        Layout.read(rewritten(tmp_path / "layout", manifest, config))


@pytest.mark.parametrize(
    "index",
    [
        b"[]",
        b"{}",
        b'{"manifests": []}',
        b'{"manifests": [1]}',
        b'{"manifests": [{}, {}]}',
        b"not JSON",
        b"[" * 100_000,
    ],
)
def test_an_index_that_names_no_image_is_an_error(layout, index):
    (layout / "index.json").write_bytes(index)
    with pytest.raises(IntegrityFailure):
        Layout.read(layout)


def test_an_index_that_names_itself_ends(tmp_path):
    writer = LayoutWriter(tmp_path / "layout")
    inner = Manifest(OCI_INDEX, b'{"schemaVersion": 2, "manifests": []}')
    entry = {"mediaType": OCI_INDEX, "digest": str(inner.digest), "size": len(inner.content)}
    outer = Manifest(OCI_INDEX, json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode())
    writer.finish([inner, outer])
    with pytest.raises(IntegrityFailure, match="index"):
        Layout.read(tmp_path / "layout")


@pytest.mark.parametrize("name", ["oci-layout", "index.json"])
def test_a_folder_without_a_layout_is_a_wrong_call(layout, name):
    (layout / name).unlink()
    with pytest.raises(UsageError, match="holds no OCI layout"):
        Layout.read(layout)


def test_another_version_of_the_layout_is_not_guessed_at(layout):
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "2.0.0"}')
    with pytest.raises(IntegrityFailure, match=r"1\.0\.0"):
        Layout.read(layout)


def test_nothing_is_written_over(layout):
    with pytest.raises(UsageError, match="not empty"):
        LayoutWriter(layout)


def test_a_folder_that_cannot_be_made_is_a_wrong_call(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        LayoutWriter(tmp_path / "file" / "layout")


def test_a_blob_is_what_it_is_called(tmp_path):
    writer = LayoutWriter(tmp_path / "layout")
    with pytest.raises(IntegrityFailure, match="has the digest"):
        writer.add(DIFF_IDS[0], [b"other"])
    assert list(blobs(tmp_path / "layout").iterdir()) == []


def test_a_full_disk_is_said_as_such():
    with pytest.raises(Unavailable, match="TMPDIR") as failure, disk_errors(Path("/spool")):
        raise OSError(28, "No space left on device")
    assert failure.value.exit_code == 4
