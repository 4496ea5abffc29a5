"""What an engine gives away is told apart by its names, and none of them leads outside."""

import tarfile

import pytest

from runner.engines.saved_image import V1Ids, saved_parts
from runner.errors import IntegrityFailure, Unavailable
from runner.image.digest import Digest
from tests.support.saved_images import (
    CONFIG,
    DIFF_IDS,
    LAYERS,
    archive,
    new_archive,
    old_archive,
    podman_archive,
)


def read(content, diff_ids=DIFF_IDS):
    return [(part, b"".join(part.pieces)) for part in saved_parts([content], diff_ids)]


@pytest.mark.parametrize("content", [new_archive(), podman_archive()], ids=["new", "podman"])
def test_parts_are_named_by_their_digests(content):
    named = {part.digest: found for part, found in read(content) if part.digest}
    for expected in (*LAYERS, CONFIG):
        assert named[Digest.of(expected)] == expected


def test_layers_of_the_old_format_are_known_before_they_are_read():
    layers = [part for part in saved_parts([old_archive()], DIFF_IDS) if part.is_layer]
    assert {part.diff_id for part in layers} == set(DIFF_IDS)
    assert {part.diff_id: content for part, content in read(old_archive()) if part.is_layer} == {
        Digest.of(layer): layer for layer in LAYERS
    }


def test_a_layer_that_comes_again_is_given_once():
    layers = [*LAYERS, LAYERS[0], LAYERS[0]]
    found = [
        part for part, _ in read(old_archive(layers), [Digest.of(layer) for layer in layers]) if part.is_layer
    ]
    assert len(found) == 3


def test_an_id_that_cannot_be_explained_is_not_guessed_at():
    layers = [part for part, _ in read(old_archive(), DIFF_IDS[:1]) if part.is_layer]
    assert [part.diff_id for part in layers].count(None) == 2


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"1", b'{"parent": 1}', b"[" * 100_000])
def test_a_layers_json_may_be_anything(content):
    ids = V1Ids(DIFF_IDS)
    ids.learn("0" * 64, content)
    assert ids.diff_id("0" * 64) is None


@pytest.mark.parametrize(
    "entry",
    [
        ("/etc/passwd", b"x"),
        ("../outside", b"x"),
        ("blobs/../../outside", b"x"),
        ("blobs/sha256/../../../outside", b"x"),
        ("0" * 64 + "/layer.tar", tarfile.SYMTYPE, "/etc/passwd"),
        ("0" * 64 + "/layer.tar", tarfile.SYMTYPE, "../../etc/passwd"),
        ("0" * 64 + "/layer.tar", tarfile.LNKTYPE, "../etc/passwd"),
        ("0" * 64 + "/layer.tar", tarfile.LNKTYPE, "/etc/passwd"),
        ("device", tarfile.CHRTYPE, ""),
    ],
    ids=str,
)
def test_hostile_names_and_links_are_refused(entry):
    with pytest.raises(IntegrityFailure, match="cannot be read"):
        read(archive([entry]))


def test_links_inside_are_harmless():
    inside = [
        ("0" * 64 + "/layer.tar", tarfile.SYMTYPE, "../" + "1" * 64 + "/layer.tar"),
        ("0" * 64 + "/layer.tar", tarfile.LNKTYPE, "1" * 64 + "/layer.tar"),
    ]
    assert read(archive(inside)) == []


def test_a_cut_is_the_engines_failure():
    with pytest.raises(Unavailable, match="stopped in the middle"):
        read(new_archive()[:100_000])


def test_what_is_no_archive_is_said():
    with pytest.raises(IntegrityFailure, match="cannot be read"):
        read(b'{"message": "no such image"}' * 100)
