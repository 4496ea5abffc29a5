"""Every layer of what was pushed must be in the registry, however many there are."""

from types import SimpleNamespace
from typing import Any

import pytest

from console.sandbox.registry.faults import Answer, Fault
from runner.engines.docker_engine import LocalImage
from runner.errors import IntegrityFailure, Unavailable
from runner.image.digest import Digest
from runner.image.reference import Registry, Repository
from runner.pushed_check import check_pushed
from runner.registry.client import RegistryClient
from tests.support.registries import TestEffects, embedded_registry
from tests.support.verifiable import Image

pytestmark = pytest.mark.enable_socket

IMAGE = Image("linux/amd64", tuple(b"layer %d" % number for number in range(20)))
LAYERS = [Digest.of(layer) for layer in IMAGE.layers]


@pytest.fixture
def place():
    """Checks the image in a registry that holds all of it."""
    with embedded_registry() as registry:
        repository = Repository(Registry.parse(registry.host), "mozilla/balrog")
        with RegistryClient(repository.registry, effects=TestEffects().effects()) as client:
            IMAGE.push(client, repository)
            diff_ids = tuple(map(Digest.of, IMAGE.files))
            image = LocalImage(Digest.of(IMAGE.config), diff_ids, {}, (), IMAGE.platform, 0)
            settings = SimpleNamespace(repository=repository)
            preparation: Any = SimpleNamespace(
                registry=client,
                job=SimpleNamespace(settings=settings),
                engine=SimpleNamespace(facts=SimpleNamespace(store="classic")),
            )
            placing: Any = None  # reads the manifests of an index
            yield SimpleNamespace(
                registry=registry, check=lambda: check_pushed(preparation, placing, image, IMAGE.manifest)
            )


def test_an_image_that_is_all_there_is_found(place):
    (found,) = place.check()
    assert found.manifest == IMAGE.manifest


@pytest.mark.parametrize("missing", [LAYERS[:1], LAYERS[-1:], LAYERS[3:12]], ids=["first", "last", "many"])
def test_layers_that_are_missing_are_named(place, missing):
    for layer in missing:
        place.registry.faults.append(Fault(Answer(404), "blob", "HEAD", reference=str(layer), times=None))
    with pytest.raises(IntegrityFailure) as caught:
        place.check()
    assert sorted(caught.value.what.split(": ")[1].rstrip(".").split(", ")) == sorted(map(str, missing))


def test_a_registry_that_does_not_answer_about_one_layer_is_told_of(place):
    place.registry.faults.append(Fault(Answer(503), "blob", "HEAD", reference=str(LAYERS[13]), times=None))
    with pytest.raises(Unavailable, match="503"):
        place.check()
