"""The client pushes and pulls, and survives what registries and networks do, at every kind of request."""

import json

import pytest

from console.sandbox.registry.authentication import Account, BasicAuth
from console.sandbox.registry.faults import (
    Answer,
    ChangeAnswer,
    CutAnswer,
    CutRequest,
    Fault,
    LoseUpload,
    MoveLocation,
)
from runner.errors import CannotTell, IntegrityFailure, Refused, Unavailable
from runner.image.digest import Digest
from runner.image.manifests import (
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
    Descriptor,
    Manifest,
)
from runner.image.reference import Registry, Repository
from runner.registry import uploads
from runner.registry.client import RegistryClient
from tests.support.registries import PASSWORD, USER, TestEffects, credentials_for, embedded_registry

pytestmark = pytest.mark.enable_socket

SMALL = b"a config"
LARGE = bytes(range(256)) * 20_000  # 5 MB: more than one piece, more than what goes with the commit


@pytest.fixture
def registry():
    with embedded_registry() as running:
        yield running


@pytest.fixture
def world():
    return TestEffects()


@pytest.fixture
def client(registry, world):
    with RegistryClient(Registry.parse(registry.host), effects=world.effects()) as open_client:
        yield open_client


def repository(registry, path="mozilla/balrog"):
    return Repository(Registry.parse(registry.host), path)


def descriptor(content):
    return Descriptor(OCI_LAYER_GZIP, Digest.of(content), len(content))


def read_from(content, piece=100_000):
    return lambda offset: (content[at : at + piece] for at in range(offset, len(content), piece))


def image(*layers, config=SMALL, media_type=OCI_MANIFEST):
    document = {
        "schemaVersion": 2,
        "config": {"mediaType": OCI_CONFIG, "digest": str(Digest.of(config)), "size": len(config)},
        "layers": [
            {"mediaType": OCI_LAYER_GZIP, "digest": str(Digest.of(layer)), "size": len(layer)}
            for layer in layers
        ],
    }
    return Manifest(media_type, json.dumps(document, indent=3).encode())


def put_image(registry, client, tag="v1", *layers):
    where = repository(registry)
    for content in (SMALL, *layers):
        client.upload_blob(where, descriptor(content), read_from(content))
    client.put_manifest(where, tag, image(*layers))


def requests(registry, method, kind):
    return [seen for seen in registry.seen if (seen.method, seen.kind) == (method, kind)]


@pytest.mark.parametrize("content", [b"", b"x", SMALL, LARGE], ids=["empty", "one byte", "small", "large"])
def test_a_blob_comes_back_as_it_was_sent(registry, client, content):
    where = repository(registry)
    assert not client.has_blob(where, Digest.of(content))
    client.upload_blob(where, descriptor(content), read_from(content))
    assert client.has_blob(where, Digest.of(content))
    assert b"".join(client.open_blob(where, Digest.of(content), len(content))) == content
    assert registry.storage.open_uploads == 0


def test_a_stream_is_sent_without_knowing_its_end(registry, client, monkeypatch):
    monkeypatch.setattr(uploads, "STREAM_CHUNK", 300_000)
    where = repository(registry)
    assert client.upload_stream(where, read_from(LARGE)(0)) == (Digest.of(LARGE), len(LARGE))
    assert b"".join(client.open_blob(where, Digest.of(LARGE), len(LARGE))) == LARGE


def test_a_manifest_is_put_and_read_back_in_its_exact_bytes(registry, client):
    put_image(registry, client, "v1", LARGE)
    found = client.get_manifest(repository(registry), "v1")
    assert found == image(LARGE)
    assert client.head_manifest(repository(registry), str(found.digest)) == found.descriptor
    assert client.get_manifest(repository(registry), "v2") is None
    assert client.head_manifest(repository(registry), "v2") is None


def test_a_second_tag_is_one_request(registry, client):
    put_image(registry, client, "v1", LARGE)
    registry.seen.clear()
    client.put_manifest(repository(registry), "latest", image(LARGE))
    assert [(seen.method, seen.reference) for seen in registry.seen] == [("PUT", "latest")]


def test_tags_are_read_page_by_page(registry, client):
    put_image(registry, client)
    for number in range(2500):
        registry.storage.put_manifest("mozilla/balrog", OCI_MANIFEST, image().content, f"t{number:04}")
    assert client.tags(repository(registry)) == [*(f"t{number:04}" for number in range(2500)), "v1"]
    assert client.tags(repository(registry, "not/there")) == []


def test_push_is_checked_by_a_session_that_is_cancelled(registry, client):
    client.check_push(repository(registry))
    assert [seen.method for seen in registry.seen] == ["GET", "POST", "DELETE"]
    assert registry.storage.open_uploads == 0


def test_a_blob_is_mounted_from_another_repository(registry, client):
    client.upload_blob(repository(registry, "base"), descriptor(LARGE), read_from(LARGE))
    assert client.mount_blob(repository(registry), Digest.of(LARGE), "base") is None
    assert client.has_blob(repository(registry), Digest.of(LARGE))


def test_a_mount_that_is_not_made_goes_on_as_an_upload(world):
    with embedded_registry(mounts=False) as registry, _client(registry, world) as client:
        where = repository(registry)
        upload = client.mount_blob(where, Digest.of(LARGE), "base")
        assert upload is not None
        client.upload_blob(where, descriptor(LARGE), read_from(LARGE), upload=upload)
        assert client.has_blob(where, Digest.of(LARGE))
        assert registry.storage.open_uploads == 0


def test_a_session_that_a_mount_left_open_is_cancelled(world):
    with embedded_registry(mounts=False) as registry, _client(registry, world) as client:
        client.cancel_upload(client.mount_blob(repository(registry), Digest.of(LARGE), "base"))
        assert registry.storage.open_uploads == 0


def _client(registry, world, credentials=None, **changes):
    return RegistryClient(Registry.parse(registry.host), credentials, effects=world.effects(**changes))


# Each kind of request, struck once: the work is done all the same.

TEMPORARY = [
    *(Answer(status) for status in (408, 429, 500, 502, 503, 504)),
    CutRequest(),
    CutAnswer(),
]
KINDS = [
    ("GET", "base"),
    ("HEAD", "blob"),
    ("POST", "upload"),
    ("PATCH", "upload"),
    ("PUT", "upload"),
    ("PUT", "manifest"),
    ("GET", "manifest"),
    ("HEAD", "manifest"),
    ("GET", "blob"),
    ("GET", "tags"),
]


def everything(registry, client):
    where = repository(registry)
    for content in (SMALL, LARGE):
        if not client.has_blob(where, Digest.of(content)):
            client.upload_blob(where, descriptor(content), read_from(content))
    client.put_manifest(where, "v1", image(LARGE))
    assert client.head_manifest(where, "v1").digest == image(LARGE).digest
    assert client.get_manifest(where, "v1") == image(LARGE)
    assert client.get_blob(where, Digest.of(SMALL)) == SMALL
    assert b"".join(client.open_blob(where, Digest.of(LARGE), len(LARGE))) == LARGE
    assert client.tags(where) == ["v1"]


@pytest.mark.parametrize("struck", KINDS, ids=" ".join)
@pytest.mark.parametrize("effect", TEMPORARY, ids=repr)
def test_what_fails_once_is_tried_again(registry, client, world, struck, effect):
    method, kind = struck
    registry.faults.append(Fault(effect, kind=kind, method=method))
    everything(registry, client)
    assert registry.faults[0].times == 0
    assert world.notices


@pytest.mark.parametrize("struck", KINDS, ids=" ".join)
@pytest.mark.parametrize("effect", [Answer(503), Answer(429), CutRequest()], ids=repr)
def test_what_fails_always_is_unavailable_and_bounded(registry, client, world, struck, effect):
    method, kind = struck
    registry.faults.append(Fault(effect, kind=kind, method=method, times=None))
    with pytest.raises(Unavailable) as caught:
        everything(registry, client)
    assert len(world.slept) <= 20
    assert method in str(caught.value)
    assert "?" not in str(caught.value)
    assert "http" not in str(caught.value)


def test_an_upload_that_is_cut_after_one_byte_arrives_whole(registry, client):
    """`Range: 0-0` is one byte and none (distribution-spec): the upload may have to begin anew."""
    registry.faults.append(Fault(CutRequest(1), method="PATCH", kind="upload"))
    where = repository(registry)
    client.upload_blob(where, descriptor(LARGE), read_from(LARGE))
    assert registry.faults[0].times == 0
    assert b"".join(client.open_blob(where, Digest.of(LARGE), len(LARGE))) == LARGE


@pytest.mark.parametrize("status", [400, 404, 405, 416])
def test_an_upload_that_the_registry_does_not_tell_of_begins_anew(registry, client, status):
    registry.faults.append(Fault(CutRequest(70_000), method="PATCH", kind="upload"))
    registry.faults.append(Fault(Answer(status, "NAME_INVALID"), method="GET", kind="upload"))
    where = repository(registry)
    client.upload_blob(where, descriptor(LARGE), read_from(LARGE))
    assert [fault.times for fault in registry.faults] == [0, 0]
    assert b"".join(client.open_blob(where, Digest.of(LARGE), len(LARGE))) == LARGE


@pytest.mark.parametrize("after", [70_000, 262_144, 1_000_000, 5_000_000, len(LARGE) - 1, len(LARGE)])
def test_an_upload_that_is_cut_goes_on_where_the_registry_says(registry, client, after):
    registry.faults.append(Fault(CutRequest(after), method="PATCH", kind="upload"))
    where = repository(registry)
    sent: list[int] = []
    client.upload_blob(where, descriptor(LARGE), read_from(LARGE), progress=sent.append)
    assert b"".join(client.open_blob(where, Digest.of(LARGE), len(LARGE))) == LARGE
    assert len(requests(registry, "POST", "upload")) == 1
    assert sent[-1] == len(LARGE)


@pytest.mark.parametrize("after", [2, 100_000, 2_500_000])
def test_a_stream_that_is_cut_is_sent_on_from_memory(registry, client, monkeypatch, after):
    monkeypatch.setattr(uploads, "STREAM_CHUNK", 300_000)
    skip = after // 300_000
    registry.faults.append(Fault(CutRequest(after % 300_000), method="PATCH", kind="upload", skip=skip))
    where = repository(registry)
    assert client.upload_stream(where, read_from(LARGE)(0))[0] == Digest.of(LARGE)
    assert b"".join(client.open_blob(where, Digest.of(LARGE), len(LARGE))) == LARGE


def test_a_short_stream_is_kept_whole_and_can_be_sent_anew(registry, client):
    registry.faults += [
        Fault(CutRequest(1), method="PATCH", kind="upload"),
        Fault(LoseUpload(), method="PATCH", kind="upload", skip=1),
    ]
    where = repository(registry)
    assert client.upload_stream(where, read_from(LARGE)(0)) == (Digest.of(LARGE), len(LARGE))


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_an_upload_that_the_registry_lost_is_sent_anew(registry, client, method):
    registry.faults.append(Fault(LoseUpload(), method=method, kind="upload"))
    where = repository(registry)
    client.upload_blob(where, descriptor(LARGE), read_from(LARGE))
    assert client.has_blob(where, Digest.of(LARGE))
    assert len(requests(registry, "POST", "upload")) == 2


def test_an_upload_that_is_lost_again_and_again_is_unavailable(registry, client):
    registry.faults.append(Fault(LoseUpload(), method="PUT", kind="upload", times=None))
    with pytest.raises(Unavailable, match="lost the upload"):
        client.upload_blob(repository(registry), descriptor(LARGE), read_from(LARGE))


def test_a_stream_that_the_registry_lost_cannot_be_sent_anew(registry, client, monkeypatch):
    monkeypatch.setattr(uploads, "STREAM_CHUNK", 300_000)
    registry.faults.append(Fault(LoseUpload(), method="PATCH", kind="upload", skip=3))
    with pytest.raises(Unavailable, match="Run again"):
        client.upload_stream(repository(registry), read_from(LARGE)(0))
    assert registry.storage.open_uploads == 0


@pytest.mark.parametrize("after", [1, 1_000_000, len(LARGE) - 1])
def test_a_blob_whose_answer_is_cut_is_read_on(registry, client, after):
    registry.storage.put_blob("mozilla/balrog", LARGE)
    registry.faults.append(Fault(CutAnswer(after), method="GET", kind="blob"))
    assert b"".join(client.open_blob(repository(registry), Digest.of(LARGE), len(LARGE))) == LARGE


def test_a_blob_of_other_bytes_is_an_integrity_failure_before_its_last_piece(registry, client):
    registry.storage.put_blob("mozilla/balrog", LARGE)
    damaged = LARGE[:-1] + b"\0"
    registry.storage.blob_path(Digest.of(LARGE)).write_bytes(damaged)
    got = []
    with pytest.raises(IntegrityFailure, match="sha256"):
        got.extend(client.open_blob(repository(registry), Digest.of(LARGE), len(LARGE)))
    assert sum(map(len, got)) < len(LARGE)


@pytest.mark.parametrize("difference", [-1, 1])
def test_a_blob_of_another_size_is_an_integrity_failure(registry, client, difference):
    registry.storage.put_blob("mozilla/balrog", LARGE)
    with pytest.raises(IntegrityFailure):
        list(client.open_blob(repository(registry), Digest.of(LARGE), len(LARGE) + difference))


def test_a_config_larger_than_the_limit_is_not_read(registry, client):
    registry.storage.put_blob("mozilla/balrog", LARGE)
    with pytest.raises(IntegrityFailure, match="more than"):
        client.get_blob(repository(registry), Digest.of(LARGE), limit=1000)


def test_a_manifest_of_another_digest_is_an_integrity_failure(registry, client):
    put_image(registry, client)
    registry.faults.append(Fault(ChangeAnswer(body=image().content + b" "), method="GET", kind="manifest"))
    with pytest.raises(IntegrityFailure, match="other bytes"):
        client.get_manifest(repository(registry), str(image().digest))


def test_a_manifest_that_the_registry_keeps_as_another_is_an_integrity_failure(registry, client):
    client.upload_blob(repository(registry), descriptor(SMALL), read_from(SMALL))
    changed = ChangeAnswer({"Docker-Content-Digest": "sha256:" + "0" * 64})
    registry.faults.append(Fault(changed, method="PUT", kind="manifest"))
    with pytest.raises(IntegrityFailure, match="0000"):
        client.put_manifest(repository(registry), "v1", image())


def test_schema_1_cannot_be_told(registry, client):
    put_image(registry, client)
    old = ChangeAnswer(
        {
            "Content-Type": "application/vnd.docker.distribution.manifest.v1+json",
            "Docker-Content-Digest": None,
        },
        b'{"schemaVersion": 1}',
    )
    registry.faults.append(Fault(old, method="GET", kind="manifest"))
    with pytest.raises(CannotTell, match="schema 1"):
        client.get_manifest(repository(registry), "v1")


@pytest.mark.parametrize("header", ["Docker-Content-Digest", "Content-Type"])
def test_a_head_without_its_headers_becomes_a_get(registry, client, header):
    put_image(registry, client)
    registry.faults.append(Fault(ChangeAnswer({header: None}), method="HEAD", kind="manifest"))
    assert client.head_manifest(repository(registry), "v1") == image().descriptor


def test_a_manifest_before_its_blobs_is_an_integrity_failure(registry, client):
    with pytest.raises(IntegrityFailure, match="MANIFEST_BLOB_UNKNOWN"):
        client.put_manifest(repository(registry), "v1", image())


@pytest.mark.parametrize("status", [400, 403, 409])
def test_an_immutable_tag_that_names_another_image_is_an_integrity_failure(registry, client, status):
    put_image(registry, client)
    refusal = Answer(status, "DENIED", "tag is immutable")
    registry.faults.append(Fault(refusal, method="PUT", kind="manifest", times=None))
    with pytest.raises(IntegrityFailure, match="does not let it be moved"):
        client.put_manifest(repository(registry), "v1", image(media_type=DOCKER_MANIFEST, config=b"x"))
    client.put_manifest(repository(registry), "v1", image())
    with pytest.raises(Refused):
        client.put_manifest(repository(registry), "v2", image())


def test_a_source_that_fails_is_not_taken_for_the_network(registry, client, world):
    def failing(_offset):
        yield b"x"
        raise OSError("the disk is broken")

    with pytest.raises(OSError, match="the disk is broken"):
        client.upload_blob(repository(registry), descriptor(LARGE), failing)
    assert world.slept == []
    assert registry.storage.open_uploads == 0


def test_a_source_that_is_too_short_is_an_integrity_failure(registry, client):
    with pytest.raises(IntegrityFailure, match="fewer bytes"):
        client.upload_blob(repository(registry), descriptor(LARGE), read_from(LARGE[:-1]))


def test_a_source_of_other_bytes_is_an_integrity_failure(registry, client):
    with pytest.raises(IntegrityFailure, match="DIGEST_INVALID"):
        client.upload_blob(repository(registry), descriptor(LARGE), read_from(LARGE[::-1]))
    assert registry.storage.open_uploads == 0


# Locations


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda location: location,
        lambda location: location.partition("?")[0],
        lambda location: location + "&more=a%2Fb",
        lambda location: f"./{location.rpartition('/')[2]}",
    ],
    ids=["with a query", "without a query", "with a longer query", "relative"],
)
def test_follows_the_location_of_an_upload(registry, client, rewrite):
    registry.faults.append(Fault(MoveLocation(rewrite), kind="upload", times=None))
    client.upload_blob(repository(registry), descriptor(LARGE), read_from(LARGE))
    assert client.has_blob(repository(registry), Digest.of(LARGE))


def test_another_host_gets_the_bytes_and_no_credentials(world):
    auth = BasicAuth([Account(USER, PASSWORD)])
    with embedded_registry(auth=auth) as registry, embedded_registry(storage=registry.storage) as other:
        elsewhere = MoveLocation(lambda location: f"http://{other.host}{location}")
        registry.faults.append(Fault(elsewhere, kind="upload", method="POST"))
        with _client(registry, world, credentials_for(registry.host)) as client:
            client.upload_blob(repository(registry), descriptor(LARGE), read_from(LARGE))
            assert client.has_blob(repository(registry), Digest.of(LARGE))
        assert [seen.method for seen in other.seen] == ["PATCH", "PUT"]
        assert not any(seen.authorized for seen in other.seen)


def test_a_blob_is_read_from_where_the_registry_sends_us_without_credentials(world):
    auth = BasicAuth([Account(USER, PASSWORD)])
    with embedded_registry(auth=auth) as registry, embedded_registry(storage=registry.storage) as other:
        registry.storage.put_blob("mozilla/balrog", LARGE)
        target = f"http://{other.host}/v2/mozilla/balrog/blobs/{Digest.of(LARGE)}"
        registry.faults.append(Fault(Answer(307, headers={"Location": target}), method="GET", kind="blob"))
        with _client(registry, world, credentials_for(registry.host)) as client:
            assert b"".join(client.open_blob(repository(registry), Digest.of(LARGE), len(LARGE))) == LARGE
        assert [seen.authorized for seen in other.seen] == [False]


def test_a_registry_that_redirects_for_ever_is_refused(registry, client):
    registry.faults.append(
        Fault(Answer(307, headers={"Location": "/v2/a/tags/list"}), kind="tags", times=None)
    )
    with pytest.raises(Refused, match="again and again"):
        client.tags(repository(registry, "a"))


@pytest.mark.parametrize(
    "target", ["http://registry.example/x", "ftp://127.0.0.1/x", "http://u:p@127.0.0.1/x"]
)
def test_a_location_where_no_request_may_go_is_refused(registry, client, target):
    registry.faults.append(Fault(MoveLocation(lambda _location: target), kind="upload", method="POST"))
    with pytest.raises(Refused):
        client.upload_blob(repository(registry), descriptor(LARGE), read_from(LARGE))
