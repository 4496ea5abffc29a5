"""Every platform of an index is compared with the statement; what is read is told, and can be ended."""

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from console.sandbox.registry.faults import Answer, ChangeAnswer, Fault
from runner.errors import ExitCode
from runner.evidence import gather
from runner.evidence_image import Reading
from runner.evidence_task import Lookup
from runner.image.digest import Digest
from runner.image.manifests import Manifest
from runner.image.reference import Registry, Repository
from runner.registry.client import RegistryClient
from runner.registry.effects import Effects
from runner.retry import Backoff
from runner.verification import decide
from runner.verification_folder import SavedImage, SavedTask, save_image
from runner.verification_values import FOLDER, Policy
from tests.support.registries import embedded_registry
from tests.support.statements import TASK_ID
from tests.support.verifiable import PLATFORMS, Image, image, index_of, statement_of, write_task

if TYPE_CHECKING:
    from runner.evidence_reading import ReadSoFar

pytestmark = pytest.mark.enable_socket

AMD, ARM = IMAGES = [image(platform, "ours") for platform in PLATFORMS]
HOSTILE = image(PLATFORMS[1], "theirs")
INDEX = index_of(IMAGES)
SOURCE = Policy(task=TASK_ID, source=("github.com", "mozilla/balrog"))


class Place:
    """A registry with the index, and the task that published it."""

    def __init__(self, registry, folder):
        self.registry, self._folder = registry, folder
        self.repository = Repository(Registry.parse(registry.host), "mozilla/balrog")
        once = Effects(backoff=Backoff(attempts=1))
        self.client = RegistryClient(self.repository.registry, effects=once)
        for each in (AMD, ARM):
            each.push(self.client, self.repository)
        self.client.put_manifest(self.repository, "latest", INDEX)

    def verify(self, reference=None, *, stated=None, source=None, **reading):
        """The verdict, when the task said this."""
        folder = self._folder / f"task-{len([*self._folder.iterdir()])}"
        write_task(folder, stated or statement_of(self.repository, IMAGES))
        reference = reference or self.repository.tagged("latest")
        lookup = Lookup(saved=TASK_ID)
        source = source or self.client
        evidence = gather(reference, source, SavedTask(folder), lookup, Reading(**reading))
        return decide(evidence, SOURCE)

    def serve(self, *images, **annotations):
        """Another index under the tag."""
        for each in images:
            each.push(self.client, self.repository)
        self.client.put_manifest(self.repository, "latest", index_of(images, **annotations))


@pytest.fixture
def place(tmp_path):
    with embedded_registry() as registry:
        made = Place(registry, tmp_path)
        with closing(made.client):
            yield made


def test_an_index_that_was_published_is_verified_with_every_platforms_blobs(place):
    verdict = place.verify()
    assert verdict.exit_code is ExitCode.OK, verdict.summary
    assert verdict.compared == "index digest"
    seen = {check.name: check.seen for check in verdict.checks}
    assert seen["contents"].startswith("5 blobs of")
    assert seen["platforms"] == "linux/amd64, linux/arm64: config and layers as the statement says"


@pytest.mark.parametrize("own", IMAGES, ids=PLATFORMS)
def test_one_platform_by_its_digest_is_the_statements(place, own):
    verdict = place.verify(place.repository.at(own.manifest.digest))
    assert verdict.exit_code is ExitCode.OK, verdict.summary
    assert f"the statement's image for {own.platform}" in verdict.checks[0].seen
    assert verdict.compared == "manifest digest"


def test_one_platforms_manifest_that_was_replaced_is_caught_and_named(place):
    place.serve(AMD, HOSTILE)
    verdict = place.verify()
    assert verdict.exit_code is ExitCode.INTEGRITY
    assert "linux/arm64: the config differs" in verdict.summary
    assert "linux/amd64" not in verdict.summary


def test_other_bytes_behind_one_platforms_digest_are_caught_even_where_layers_are_not_read(place):
    body = HOSTILE.manifest.content
    fault = Fault(
        ChangeAnswer({"Docker-Content-Digest": None}, body),
        "manifest",
        "GET",
        reference=str(ARM.manifest.digest),
        times=None,
    )
    place.registry.faults.append(fault)
    for layers in (True, False):
        verdict = place.verify(layers=layers)
        assert verdict.exit_code is ExitCode.INTEGRITY
        assert str(ARM.manifest.digest) in verdict.summary


def test_a_platform_that_is_missing_added_or_there_twice_is_caught(place):
    for images, seen in (
        ((AMD,), "it lists no linux/arm64"),
        ((AMD, ARM, image("linux/s390x", "theirs")), "the statement tells of no linux/s390x"),
        ((AMD, ARM, HOSTILE), "it lists two images for one platform"),
    ):
        place.serve(*images)
        verdict = place.verify()
        assert verdict.exit_code is ExitCode.INTEGRITY
        assert seen in verdict.summary


def test_the_same_images_under_another_index_are_not_what_was_published(place):
    place.serve(AMD, ARM, added="later")
    verdict = place.verify()
    assert verdict.exit_code is ExitCode.INTEGRITY
    assert "every image that it lists is the statement's, and the index is another" in verdict.summary


def test_an_index_that_was_recompressed_elsewhere_is_verified_by_content_only(place):
    place.serve(AMD, replace(ARM, level=1))
    verdict = place.verify()
    assert verdict.exit_code is ExitCode.OK, verdict.summary
    assert verdict.summary.startswith("Verified by content only")
    assert verdict.compared == "config digest and diffIDs"


def test_a_recompressed_layer_with_other_content_is_caught(place):
    other = replace(ARM, level=1)
    hostile = replace(HOSTILE, level=1)
    document = other.manifest.content.replace(
        str(Digest.of(other.layers[1])).encode(), str(Digest.of(hostile.layers[1])).encode()
    ).replace(f'"size": {len(other.layers[1])}'.encode(), f'"size": {len(hostile.layers[1])}'.encode())

    class Paired(Image):
        manifest = Manifest(other.manifest.media_type, document)

    hostile.push(place.client, place.repository)
    place.serve(AMD, Paired(other.platform, other.files, 1))
    verdict = place.verify()
    assert verdict.exit_code is ExitCode.INTEGRITY
    assert "linux/arm64: the content of layer 2 differs" in verdict.summary


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        (
            {"config": str(Digest.of(b"other"))},
            "linux/arm64 {arm} has another config than the statement says",
        ),
        ({"layers": []}, "linux/arm64 {arm} has other layers than the statement says"),
        ({"platform": "linux/s390x"}, "linux/arm64 {arm} has another platform than the statement says"),
        (
            {"manifest": str(Digest.of(b"other"))},
            f"the statement tells of linux/arm64 {Digest.of(b'other')}, which the index does not list",
        ),
        (None, "the statement does not tell of linux/arm64 {arm}"),
    ],
)
def test_a_statement_that_tells_otherwise_of_one_platform_contradicts_itself(place, change, seen):
    images = [AMD.stated] if change is None else [AMD.stated, ARM.stated | change]
    verdict = place.verify(stated=statement_of(place.repository, IMAGES, stated=tuple(images)))
    assert verdict.exit_code is ExitCode.INTEGRITY
    assert seen.format(arm=ARM.manifest.digest) in verdict.summary


def test_every_platform_of_a_saved_index_is_compared_without_a_network(place, tmp_path):
    folder = tmp_path / "image"
    contents = tuple((Digest.of(each.config), each.config) for each in IMAGES)
    save_image(folder, (*(each.manifest for each in IMAGES), INDEX), contents)
    saved = SavedImage(folder)
    assert place.verify(source=saved, place=FOLDER, has=saved.holds).exit_code is ExitCode.OK
    path = folder / "blobs/sha256" / ARM.manifest.digest.hex
    path.write_bytes(HOSTILE.manifest.content)
    verdict = place.verify(source=saved, place=FOLDER, has=saved.holds, layers=False)
    assert verdict.exit_code is ExitCode.INTEGRITY
    assert str(path) in verdict.summary


def test_a_platform_that_cannot_be_read_leaves_it_open(place):
    unreachable = Fault(Answer(503), "manifest", "GET", reference=str(ARM.manifest.digest), times=None)
    place.registry.faults.append(unreachable)
    verdict = place.verify()
    assert verdict.exit_code is ExitCode.CANNOT_TELL
    assert "the image's content cannot be read" in verdict.summary


def test_the_reading_is_told_to_its_last_byte(place):
    told: list[ReadSoFar] = []
    place.verify(watch=told.append)
    assert [step.read for step in told] == sorted(step.read for step in told)
    last = told[-1]
    assert (last.read, last.ended) == (last.size, last.blobs)
    assert last.blobs == 5


def test_what_watches_may_end_the_reading(place):
    class LeftError(Exception):
        pass

    def leave(step):
        raise LeftError(step.blob)

    with pytest.raises(LeftError):
        place.verify(watch=leave)
