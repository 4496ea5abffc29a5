"""A push sends what is missing, and moves no tag before everything is there."""

import json

import pytest

from console.sandbox.registry.authentication import Account, TokenAuth
from console.sandbox.registry.faults import Answer, CutRequest, Fault
from runner.errors import Refused, Unavailable
from runner.image.digest import Digest
from runner.image.manifests import OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST, Descriptor, Manifest
from runner.image.reference import Registry, Repository
from runner.registry.client import RegistryClient
from runner.registry.push import Blob, BlobState, Push, PushedBlob, in_tag_order
from tests.support.registries import PASSWORD, USER, TestEffects, credentials_for, embedded_registry

pytestmark = pytest.mark.enable_socket

LAYERS = [bytes([number]) * 3_000_000 for number in range(6)]
CONFIG = b'{"a": "config"}'


@pytest.fixture
def registry():
    with embedded_registry(auth=TokenAuth([Account(USER, PASSWORD)])) as running:
        yield running


@pytest.fixture
def client(registry):
    with RegistryClient(
        Registry.parse(registry.host), credentials_for(registry.host), effects=TestEffects().effects()
    ) as open_client:
        yield open_client


@pytest.fixture
def push(registry, client):
    return Push(client, Repository(Registry.parse(registry.host), "mozilla/balrog"))


def blob(content, media_type=OCI_LAYER_GZIP, mount_from=()):
    pieces = 100_000
    return Blob(
        Descriptor(media_type, Digest.of(content), len(content)),
        lambda offset: (content[at : at + pieces] for at in range(offset, len(content), pieces)),
        mount_from,
    )


def manifest(layers=LAYERS):
    def entry(content, media_type):
        return {"mediaType": media_type, "digest": str(Digest.of(content)), "size": len(content)}

    document = {
        "schemaVersion": 2,
        "config": entry(CONFIG, OCI_CONFIG),
        "layers": [entry(layer, OCI_LAYER_GZIP) for layer in layers],
    }
    return Manifest(OCI_MANIFEST, json.dumps(document).encode())


def push_it(push, tags=("v1", "latest")):
    return push.image([blob(layer) for layer in LAYERS], [blob(CONFIG, OCI_CONFIG)], [manifest()], tags)


def puts(registry):
    return [seen.reference for seen in registry.seen if (seen.method, seen.kind) == ("PUT", "manifest")]


def test_pushes_everything_and_says_what_it_sent(registry, push):
    pushed = push_it(push)
    assert pushed.tags == {"v1": None, "latest": None}
    assert pushed.bytes_sent == 6 * 3_000_000 + len(CONFIG)
    assert registry.storage.repositories["mozilla/balrog"].tags == dict.fromkeys(
        ("v1", "latest"), manifest().digest
    )
    assert puts(registry) == [str(manifest().digest), "v1", "latest"]
    assert registry.storage.open_uploads == 0


def test_configs_follow_layers_and_manifests_follow_configs(registry, push):
    push_it(push)
    committed = [seen for seen in registry.seen if seen.method == "PUT"]
    assert str(Digest.of(CONFIG)).replace(":", "%3A") in committed[6].query.replace(":", "%3A")
    assert [seen.kind for seen in committed] == ["upload"] * 7 + ["manifest"] * 3


def test_a_second_push_sends_no_blob(registry, push):
    push_it(push)
    registry.seen.clear()
    assert push_it(push).bytes_sent == 0
    assert {seen.method for seen in registry.seen if seen.kind != "token"} == {"HEAD", "PUT"}


def test_an_index_follows_its_manifests(registry, push):
    listed = manifest().descriptor
    entries = [{"mediaType": listed.media_type, "digest": str(listed.digest), "size": listed.size}]
    index = Manifest(OCI_INDEX, json.dumps({"schemaVersion": 2, "manifests": entries}).encode())
    layers = [blob(layer) for layer in LAYERS]
    push.image(layers, [blob(CONFIG, OCI_CONFIG)], [manifest(), index], ["v1"])
    assert puts(registry) == [str(manifest().digest), str(index.digest), "v1"]
    assert registry.storage.repositories["mozilla/balrog"].tags["v1"] == index.digest


def test_layers_are_mounted_where_another_repository_holds_them(registry, push):
    registry.storage.put_blob("base", LAYERS[0])
    states = push.blobs(
        [blob(LAYERS[0], mount_from=("other", "base")), blob(LAYERS[1], mount_from=("base",))]
    )
    assert [pushed.state for pushed in states] == [BlobState.MOUNTED, BlobState.UPLOADED]
    assert registry.storage.open_uploads == 0


def test_the_same_layer_is_sent_once(registry, push):
    pushed = push.blobs([blob(LAYERS[0])] * 5)
    assert len(pushed) == 1
    assert sum((seen.method, seen.kind) == ("POST", "upload") for seen in registry.seen) == 1


def test_the_first_failure_stops_the_others_and_moves_no_tag(registry, push):
    refusal = Answer(413)
    registry.faults.append(Fault(refusal, kind="upload", method="PATCH"))
    with pytest.raises(Refused, match="limits the size"):
        push_it(push)
    assert puts(registry) == []
    assert registry.storage.open_uploads == 0


def test_no_tag_moves_if_the_manifest_cannot_be_put(registry, push):
    registry.faults.append(Fault(Answer(503), kind="manifest", method="PUT", times=None))
    with pytest.raises(Unavailable):
        push_it(push)
    assert set(puts(registry)) == {str(manifest().digest)}
    registry.faults.clear()
    assert push_it(push).bytes_sent == 0


def test_each_tag_has_its_own_outcome_and_latest_waits_for_the_others(registry, push):
    registry.faults.append(Fault(Answer(503), kind="manifest", method="PUT", reference="v1", times=None))
    pushed = push_it(push, ["latest", "v1", "main"])
    assert list(pushed.tags) == ["v1", "main", "latest"]
    assert isinstance(pushed.tags["v1"], Unavailable)
    assert pushed.tags["main"] is None
    assert pushed.tags["latest"] is pushed.tags["v1"]
    assert set(registry.storage.repositories["mozilla/balrog"].tags) == {"main"}
    registry.faults.clear()
    assert push_it(push, ["latest", "v1", "main"]).tags == {"v1": None, "main": None, "latest": None}


def test_progress_is_told_and_ends_with_every_blob(registry, client):
    told: list[PushedBlob] = []
    repository = Repository(Registry.parse(registry.host), "mozilla/balrog")
    registry.faults.append(Fault(CutRequest(1_000_000), kind="upload", method="PATCH"))
    push_it(Push(client, repository, progress=told.append))
    ended = {blob.descriptor.digest: blob.sent for blob in told if blob.state is BlobState.UPLOADED}
    assert ended == {Digest.of(content): len(content) for content in (*LAYERS, CONFIG)}


@pytest.mark.parametrize(
    ("tags", "ordered"),
    [
        (["latest", "a", "b"], ("a", "b", "latest")),
        (["b", "a", "b"], ("b", "a")),
        ([], ()),
    ],
)
def test_latest_is_put_last(tags, ordered):
    assert in_tag_order(tags) == ordered
