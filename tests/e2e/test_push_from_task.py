"""A layout that another task built is pushed if that task built this repository's commit, and not otherwise."""

import json

import pytest

from console.sandbox.registry.authentication import Account, TokenAuth
from runner.image.digest import Digest
from runner.image.manifests import OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST, Manifest
from runner.task.statement import Statement
from tests.support.registries import PASSWORD, USER, embedded_registry
from tests.support.statements import statement
from tests.support.task import SECRET, SLUG, checkout, git, push_event, run_lading, taskcluster

pytestmark = pytest.mark.enable_socket

BRANCH = f"assume:repo:github.com/{SLUG}:branch:master"
LAYER = bytes(range(256)) * 10_000


class Place:
    """A checkout, a registry, and tasks that left layouts."""

    def __init__(self, cluster, registry, folder):
        self.cluster, self.registry, self.folder = cluster, registry, folder
        self.revision = git(folder, "rev-parse", "HEAD")
        self.config, self.manifest = self.image("amd64")

    def image(self, architecture):
        """An image's config and manifest."""
        config = {
            "architecture": architecture,
            "os": "linux",
            "config": {"Labels": {"org.opencontainers.image.revision": self.revision}},
            "rootfs": {"type": "layers", "diff_ids": [str(Digest.of(LAYER))]},
        }
        content = json.dumps(config).encode()
        document = {
            "schemaVersion": 2,
            "config": described(content, OCI_CONFIG),
            "layers": [described(LAYER, OCI_LAYER_GZIP)],
        }
        return content, Manifest(OCI_MANIFEST, json.dumps(document).encode())

    def layout_in(self, folder, architecture):
        """A layout in a folder."""
        config, manifest = self.image(architecture)
        for name, blob in self.layout(config, manifest).items():
            path = folder / name.removeprefix("public/image/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(blob)
        return folder

    def layout(self, config=None, manifest=None):
        config, manifest = config or self.config, manifest or self.manifest
        index = {"schemaVersion": 2, "manifests": [described(manifest.content, OCI_MANIFEST)]}
        blobs = (LAYER, config, manifest.content)
        return {
            "public/image/oci-layout": b'{"imageLayoutVersion": "1.0.0"}',
            "public/image/index.json": json.dumps(index).encode(),
            **{f"public/image/blobs/sha256/{Digest.of(blob).hex}": blob for blob in blobs},
        }

    def built(self, scopes=(BRANCH,), finished=True, layout=None, **changes):
        """A task that built; its statement has these changes."""
        task = self.cluster.task(scopes=list(scopes))
        stated = {
            "published": self.manifest.digest,
            "manifest": self.manifest.digest,
            "source": f"https://github.com/{SLUG}",
            "revision": self.revision,
            "event": {"kind": "push", "branch": "master", "tag": None},
            "task_id": task.task_id,
        }
        content = statement(**(stated | changes)).to_json()
        for name, blob in {**(layout or self.layout()), "public/docker-image.json": content}.items():
            task.upload(name, blob)
        if finished:
            task.resolve()
        return task.task_id

    def push(self, task_id, artifacts, **changes):
        return self.run(["push", "--from-task", task_id], artifacts, **changes)

    def run(self, words, artifacts, tag="v1", **changes):
        task = self.cluster.task(scopes=[f"secrets:get:{SECRET}"], **changes)
        environment = {
            **task.environment,
            **push_event(self.folder),
            "LADING_ARTIFACTS": str(artifacts),
        }
        return run_lading(*words, "--checkout", self.folder, "--tag", tag, environment=environment)

    @property
    def tags(self):
        found = self.registry.storage.repositories.get(SLUG)
        return dict(found.tags) if found else {}


def described(content, media_type):
    return {"mediaType": media_type, "digest": str(Digest.of(content)), "size": len(content)}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("from-task")
    with taskcluster() as cluster, embedded_registry(auth=TokenAuth([Account(USER, PASSWORD)])) as registry:
        cluster.set_secret({"docker": {"registry": registry.host, "username": USER, "password": PASSWORD}})
        toml = f'[image.balrog]\nrepository = "{registry.host}/{SLUG}"\n'
        yield Place(cluster, registry, checkout(folder / "checkout", {"lading.toml": toml}))


REFUSED = {
    "another repository": (
        {"source": "https://github.com/evil/balrog"},
        6,
        "built https://github.com/evil/balrog",
    ),
    "another commit": ({"revision": "f" * 40}, 6, f"built commit {'f' * 40}"),
    "another layout": ({"published": Digest.of(b"x"), "manifest": Digest.of(b"x")}, 6, "its statement says"),
    "another task's statement": ({"task_id": "A" * 22}, 6, "has the statement of task"),
    "a pull request": (
        {"event": {"kind": "pull-request", "branch": None, "tag": None}},
        3,
        "built a pull request",
    ),
    "a pull request's role": (
        {"scopes": (f"assume:repo:github.com/{SLUG}:pull-request",)},
        3,
        "built a pull request",
    ),
    "nobody's task": ({"scopes": ()}, 3, "Nothing shows that task"),
    "a task that runs": ({"finished": False}, 3, "No run of task"),
}


@pytest.mark.parametrize(("changes", "code", "seen"), REFUSED.values(), ids=REFUSED)
def test_what_another_task_built_of_something_else_is_refused(place, tmp_path, changes, code, seen):
    done = place.push(place.built(**changes), tmp_path)
    assert (done.returncode, seen in done.stderr) == (code, True), done.stderr
    assert place.tags == {}


def test_a_changed_blob_is_caught_before_anything_is_pushed(place, tmp_path):
    layout = place.layout()
    layout[f"public/image/blobs/sha256/{Digest.of(LAYER).hex}"] = LAYER[:-1] + b"x"
    done = place.push(place.built(layout=layout), tmp_path)
    assert done.returncode == 6
    assert "it is not what its name says" in done.stderr
    assert place.tags == {}


def test_a_task_without_scopes_is_taken_if_this_task_depends_on_it_and_its_bytes_are_pushed(place, tmp_path):
    built = place.built(scopes=())
    done = place.push(built, tmp_path, dependencies=[built])
    assert done.returncode == 0, done.stderr
    assert place.tags == {"v1": place.manifest.digest}
    assert str(place.manifest.digest) in (tmp_path / "docker-image.json").read_text()


def test_layouts_of_two_platforms_become_one_image(place, tmp_path):
    arm = place.layout_in(tmp_path / "arm", "arm64")
    done = place.run(["index", "create", place.built(), arm], tmp_path / "artifacts", tag="both")
    assert done.returncode == 0, done.stderr
    stated = Statement.from_json((tmp_path / "artifacts/docker-image.json").read_bytes())
    assert place.tags["both"] == stated.published == stated.index
    assert [image["platform"] for image in stated.images] == ["linux/amd64", "linux/arm64"]
    assert stated.manifest == place.manifest.digest


def test_two_layouts_of_one_platform_are_no_image(place, tmp_path):
    layouts = [place.layout_in(tmp_path / name, "arm64") for name in ("one", "two")]
    done = place.run(["index", "create", *layouts], tmp_path / "artifacts", tag="twice")
    assert (done.returncode, "are for one platform" in done.stderr) == (2, True), done.stderr
    assert "twice" not in place.tags
