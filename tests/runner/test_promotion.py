"""A promoted image is the same bytes elsewhere; what could not be copied is told, and a rerun completes it."""

import io
import json

import pytest

from console.sandbox.registry.authentication import Account, TokenAuth
from console.sandbox.registry.faults import Answer, ChangeAnswer, CutAnswer, CutRequest, Fault
from runner.errors import CannotTell, ExitCode, Refused
from runner.image.digest import Digest
from runner.image.manifests import OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST, Descriptor, Manifest
from runner.image.reference import Registry, Repository
from runner.masking import Masker
from runner.narration import Narrator
from runner.promotion import Destination, Promotion
from runner.registry.client import RegistryClient
from runner.registry.push import Blob, Push
from tests.support.registries import PASSWORD, USER, TestEffects, credentials_for, embedded_registry

pytestmark = pytest.mark.enable_socket

LAYERS = [bytes([number]) * 700_000 for number in range(3)]
CONFIG = b'{"architecture": "amd64"}'


def described(content, media_type):
    return {"mediaType": media_type, "digest": str(Digest.of(content)), "size": len(content)}


def manifest(layers):
    # The odd spaces are what a re-serialised manifest would lose.
    document = {
        "schemaVersion": 2,
        "config": described(CONFIG, OCI_CONFIG),
        "layers": [described(layer, OCI_LAYER_GZIP) for layer in layers],
    }
    return Manifest(OCI_MANIFEST, json.dumps(document, indent=3).encode() + b"\n\n")


IMAGES = (manifest(LAYERS[:2]), manifest(LAYERS[1:]))
INDEX = Manifest(
    OCI_INDEX,
    json.dumps(
        {
            "schemaVersion": 2,
            "manifests": [
                described(image.content, OCI_MANIFEST)
                | {"platform": {"os": "linux", "architecture": architecture}}
                for image, architecture in zip(IMAGES, ("amd64", "arm64"), strict=True)
            ],
        },
        indent=1,
    ).encode(),
)


def blob(content, media_type=OCI_LAYER_GZIP):
    descriptor = Descriptor(media_type, Digest.of(content), len(content))
    return Blob(descriptor, lambda offset: iter([content[offset:]]))


class Place:
    """A registry that has an index, another one, and an account on each."""

    def __init__(self, first, second):
        self.first, self.second = first, second
        self.effects = TestEffects()
        self.told = io.StringIO()
        self.clients = {registry.host: self.client(registry) for registry in (first, second)}
        push = Push(self.clients[first.host], self.repository("mozilla/balrog"))
        push.image(
            [blob(layer) for layer in LAYERS], [blob(CONFIG, OCI_CONFIG)], (*IMAGES, INDEX), ["staging"]
        )
        first.seen.clear()

    def client(self, registry, username=USER, password=PASSWORD):
        credentials = credentials_for(registry.host, password, username)
        return RegistryClient(Registry.parse(registry.host), credentials, effects=self.effects.effects())

    def repository(self, path, registry=None):
        return Repository(Registry.parse((registry or self.first).host), path)

    def promote(self, *destinations, digest=INDEX.digest):
        clients = {client.registry: client for client in self.clients.values()}
        narrator = Narrator(self.told, Masker(), lambda: 0.0)
        source = self.clients[self.first.host]
        promotion = Promotion(
            source, self.repository("mozilla/balrog"), clients, narrator, self.effects.sleep
        )
        promotion.run(digest, destinations)
        return promotion

    def to(self, path, *tags, registry=None):
        return Destination(self.repository(path, registry), tags)

    def tags(self, path, registry=None):
        found = (registry or self.second).storage.repositories.get(path)
        return dict(found.tags) if found else {}

    def sent(self, registry):
        return [
            seen
            for seen in registry.seen
            if (seen.method, seen.kind) == ("PUT", "upload") or seen.method == "PATCH"
        ]


@pytest.fixture
def place():
    accounts = [Account(USER, PASSWORD), Account("reader", PASSWORD, {"*": ["pull"]})]
    with (
        embedded_registry(auth=TokenAuth(accounts)) as first,
        embedded_registry(auth=TokenAuth(accounts)) as second,
    ):
        made = Place(first, second)
        yield made
        for client in made.clients.values():
            client.close()


def test_an_index_goes_with_all_its_images_to_another_registry_byte_for_byte(place):
    promotion = place.promote(place.to("prod/balrog", "latest", "v1", registry=place.second))
    assert promotion.failures == []
    there = place.repository("prod/balrog", place.second)
    client = place.clients[place.second.host]
    for copied in (*IMAGES, INDEX):
        assert client.get_manifest(there, str(copied.digest)).content == copied.content
    for layer in LAYERS:
        assert b"".join(client.open_blob(there, Digest.of(layer), len(layer))) == layer
    assert place.tags("prod/balrog") == {"v1": INDEX.digest, "latest": INDEX.digest}
    assert promotion.states == {f"{there}:v1": "pushed", f"{there}:latest": "pushed"}


def test_on_the_same_registry_blobs_are_mounted_and_no_byte_is_sent(place):
    promotion = place.promote(place.to("prod/balrog", "v1", registry=place.first))
    assert promotion.failures == []
    assert place.tags("prod/balrog", place.first) == {"v1": INDEX.digest}
    assert place.sent(place.first) == []


def test_another_tag_of_the_same_repository_is_one_put_and_says_what_it_moved_from(place):
    first = place.promote(place.to("mozilla/balrog", "prod"), digest=IMAGES[0].digest)
    assert set(first.states.values()) == {"pushed"}
    second = place.promote(place.to("mozilla/balrog", "prod", "staging"))
    name = place.repository("mozilla/balrog")
    assert second.states == {
        f"{name}:prod": f"moved from {IMAGES[0].digest}",
        f"{name}:staging": "already there",
    }


def test_an_image_that_is_not_there_cannot_be_promoted(place):
    with pytest.raises(CannotTell, match="There is no"):
        place.promote(place.to("prod/balrog", "v1"), digest=Digest.of(b"other"))


def test_without_push_permission_nothing_is_copied_anywhere(place):
    place.clients[place.second.host].close()
    place.clients[place.second.host] = place.client(place.second, "reader")
    with pytest.raises(Refused):
        place.promote(
            place.to("a/b", "v1", registry=place.first), place.to("a/b", "v1", registry=place.second)
        )
    assert place.tags("a/b", place.first) == place.tags("a/b", place.second) == {}


def test_a_layer_that_the_source_serves_otherwise_is_an_integrity_failure_and_moves_no_tag(place):
    place.first.faults.append(Fault(ChangeAnswer(body=b"x" * 700_000), "blob", "GET", times=9))
    promotion = place.promote(place.to("prod/balrog", "v1", registry=place.second))
    assert len(promotion.failures) == 1
    assert promotion.failures[0].exit_code is ExitCode.INTEGRITY
    assert place.tags("prod/balrog") == {}
    assert place.second.storage.open_uploads == 0


def test_a_registry_that_is_down_is_told_and_does_not_stop_the_others_and_a_rerun_completes(place):
    fault = Fault(Answer(503), "manifest", "PUT", times=1000)
    place.second.faults.append(fault)
    down, up = place.to("a/b", "v1", registry=place.second), place.to("a/b", "v1", registry=place.first)
    promotion = place.promote(down, up)
    assert [failure.exit_code for failure in promotion.failures] == [ExitCode.UNAVAILABLE]
    assert promotion.states[f"{down.repository}:v1"].startswith("failed: ")
    assert promotion.states[f"{up.repository}:v1"] == "pushed"
    place.second.faults.clear()
    place.second.seen.clear()
    again = place.promote(down, up)
    assert again.states == {f"{down.repository}:v1": "pushed", f"{up.repository}:v1": "already there"}
    assert place.sent(place.second) == []


@pytest.mark.parametrize(
    "fault",
    [
        Fault(CutAnswer(100_000), "blob", "GET", times=2),
        Fault(Answer(503), "blob", "GET", times=2),
    ],
)
def test_a_source_that_is_cut_is_read_on(place, fault):
    place.first.faults.append(fault)
    assert place.promote(place.to("a/b", "v1", registry=place.second)).failures == []
    assert place.tags("a/b") == {"v1": INDEX.digest}


def test_an_upload_that_is_cut_goes_on_where_the_registry_says(place):
    place.second.faults.append(Fault(CutRequest(200_000), "upload", "PATCH", times=2))
    assert place.promote(place.to("a/b", "v1", registry=place.second)).failures == []
    assert place.tags("a/b") == {"v1": INDEX.digest}


def test_a_tag_that_the_registry_keeps_is_told_and_latest_stays_behind(place):
    place.promote(place.to("a/b", "v1", registry=place.second), digest=IMAGES[0].digest)
    place.second.faults.append(
        Fault(Answer(403, "DENIED", "tag is immutable"), "manifest", "PUT", times=9, reference="v1")
    )
    promotion = place.promote(place.to("a/b", "latest", "v1", registry=place.second))
    assert {failure.exit_code for failure in promotion.failures} == {ExitCode.INTEGRITY}
    assert all(state.startswith("failed: ") for state in promotion.states.values())
    assert place.tags("a/b") == {"v1": IMAGES[0].digest}


def test_a_registry_that_changes_a_manifest_is_caught(place):
    place.second.faults.append(
        Fault(ChangeAnswer({"Docker-Content-Digest": None}, IMAGES[1].content), "manifest", "GET", times=99)
    )
    promotion = place.promote(place.to("a/b", "v1", registry=place.second), digest=IMAGES[0].digest)
    assert {failure.exit_code for failure in promotion.failures} == {ExitCode.INTEGRITY}
