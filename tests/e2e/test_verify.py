"""What came out is what went in: one published image, and everything that could be tampered with, tampered with."""

import base64
import io
import json
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

from runner.arguments import runner_parser
from runner.commands.verify import verify
from runner.image.digest import Digest
from runner.image.manifests import Descriptor, Manifest
from runner.image.reference import Registry, Repository
from runner.registry.client import RegistryClient
from runner.task.statement import Statement
from tests.support.registries import credentials_for, debian_registry
from tests.support.signatures import WorkerKey, chain
from tests.support.task import SECRET, SLUG, checkout, commit, push_event, run_lading, taskcluster

pytestmark = [pytest.mark.enable_socket, pytest.mark.registry]

PASSWORD = "correct horse"
STATEMENT, CHAIN = "public/docker-image.json", "public/chain-of-trust.json"
KEY = WorkerKey()


class Published:
    """Two images of one repository, the first with its finished task and the worker's signature."""

    def __init__(self, cluster, engine, address, data, folder):
        self.cluster, self.engine, self.address, self.data, self.folder = (
            cluster,
            engine,
            address,
            data,
            folder,
        )
        self.name = "mozilla/balrog"
        toml = f'[image.balrog]\nrepository = "{address}/{self.name}"\nindex = "project.balrog.images"\n'
        files = {
            "Dockerfile": "FROM scratch\nCOPY hello.txt /\n",
            "hello.txt": "hello\n",
            "lading.toml": toml,
        }
        self.checkout = checkout(folder / "checkout", files)
        config = folder / "home" / ".docker" / "config.json"
        config.parent.mkdir(parents=True)
        login = base64.b64encode(f"publisher:{PASSWORD}".encode()).decode()
        config.write_text(json.dumps({"auths": {address: {"auth": login}}}))
        (folder / "pools.keys").write_text(KEY.line(cluster.root_url))
        self.task = self._task()
        self._publish(self.task, "artifacts")
        (self.checkout / "hello.txt").write_text("hostile\n")
        commit(self.checkout)
        self._publish(self._task(), "other", "--tag", "other")
        self.artifacts = {
            f"public/{file.name}": file.read_bytes() for file in (folder / "artifacts").iterdir()
        }
        self.statement = Statement.from_json(self.artifacts[STATEMENT])
        self.finish(self.task, self.artifacts, self.signed(self.task, self.artifacts))

    def _task(self):
        return self.cluster.task(
            scopes=[f"secrets:get:{SECRET}", "index:insert-task:project.balrog.images.sha256.*"]
        )

    def _publish(self, task, artifacts, *arguments):
        environment = {
            **task.environment,
            **push_event(self.checkout),
            "DOCKER_HOST": self.engine,
            "LADING_ARTIFACTS": str(self.folder / artifacts),
        }
        done = run_lading("publish", "--checkout", self.checkout, *arguments, environment=environment)
        assert done.returncode == 0, done.stderr

    def signed(self, run, artifacts, key=KEY, **changes):
        """What a worker leaves of Chain of Trust."""
        content = chain(run.task_id, run.run_id, run.definition, artifacts, **changes)
        return {CHAIN: content, f"{CHAIN}.sig": key.sign(content)}

    def finish(self, task, *artifacts):
        """What a worker does when the command has ended."""
        for uploaded in artifacts:
            for name, content in uploaded.items():
                task.upload(name, content)
        task.resolve()

    def restated(self, change):
        """Another task with the same statement but for its ids, and what `change(artifacts, task)` makes of it."""
        task = self._task()
        own = self.artifacts[STATEMENT].replace(self.task.task_id.encode(), task.task_id.encode())
        self.finish(task, change({STATEMENT: own}, task))
        return task.task_id

    @property
    def repository(self):
        return Repository.parse(f"{self.address}/{self.name}")

    @property
    def client(self):
        return RegistryClient(Registry.parse(self.address), credentials_for(self.address, PASSWORD))

    def stored(self, digest):
        """Where the registry keeps a blob's bytes."""
        return self.data / "docker/registry/v2/blobs/sha256" / digest.hex[:2] / digest.hex / "data"

    @contextmanager
    def tag(self, manifest):
        """Something else under `latest`."""
        with self.client as client:
            client.put_manifest(self.repository, "latest", manifest)
            try:
                yield
            finally:
                right = client.get_manifest(self.repository, str(self.statement.published))
                client.put_manifest(self.repository, "latest", right)

    @contextmanager
    def bytes_of(self, digest, change):
        """Other bytes behind a digest, as somebody with the registry's disk writes them."""
        path = self.stored(digest)
        before = path.read_bytes()
        path.write_bytes(change(before))
        try:
            yield
        finally:
            path.write_bytes(before)

    def verify(self, *arguments, task=None, image="latest", local=False):
        """The exit code and the verdict."""
        where = (
            []
            if "--index" in arguments or "--offline" in arguments
            else ["--task", task or self.task.task_id]
        )
        reference = f"{self.address}/{self.name}:{image}"
        words = ["verify", reference, *where, *map(str, arguments), "--json"]
        environment = {
            "TASKCLUSTER_ROOT_URL": self.cluster.root_url,
            "HOME": str(self.folder / "home"),
            "PATH": "/usr/bin:/bin",
            "DOCKER_HOST": self.engine,
        }
        stdout = io.StringIO()
        code = verify(runner_parser(words).parse_args(words), environment, self.cluster.clock, stdout)
        return int(code), json.loads(stdout.getvalue())

    @property
    def keys(self):
        return ("--keys", self.folder / "pools.keys")


@pytest.fixture(scope="module")
def published(docker_engine, tmp_path_factory):
    folder = tmp_path_factory.mktemp("verify")
    with taskcluster() as cluster, debian_registry(folder, {}) as address:
        cluster.set_secret({"docker": {"registry": address, "username": "publisher", "password": PASSWORD}})
        yield Published(cluster, docker_engine.host, address, folder / "data", folder)


def pull(engine, name):
    """Have the engine pull an image."""
    import docker

    client = docker.APIClient(base_url=engine, version="auto")
    try:
        events = list(client.pull(name, stream=True, decode=True))
    finally:
        client.close()
    assert not [event for event in events if "errorDetail" in event], events


def flipped(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def test_what_the_task_published_is_verified_with_its_signature_by_task_and_by_index(published):
    assert published.verify()[0] == 0
    code, verdict = published.verify(*published.keys, "--source", SLUG, "--pool", "proj-balrog/ci")
    assert code == 0, verdict
    assert verdict["compared"] == "manifest digest"
    assert [check["outcome"] for check in verdict["checks"]] == ["holds"] * len(verdict["checks"])
    assert {"digest", "contents", "signature", "source", "pool"} <= {
        each["name"] for each in verdict["checks"]
    }
    assert published.verify("--index", "project.balrog.images", "--source", SLUG, *published.keys)[0] == 0


def test_another_manifest_under_the_tag_is_caught(published):
    with published.client as client:
        other = client.get_manifest(published.repository, "other")
    with published.tag(other):
        code, verdict = published.verify(*published.keys)
    assert code == 6
    assert (
        f"serves {other.digest}, and the statement says {published.statement.published}" in verdict["summary"]
    )
    assert "the config differs" in verdict["summary"]


def test_a_layer_put_into_the_manifest_is_caught(published):
    with published.client as client:
        manifest = client.get_manifest(published.repository, "latest")
        hostile = Descriptor(manifest.layers[0].media_type, Digest.of(b"hostile"), 7)
        client.upload_blob(published.repository, hostile, lambda offset: iter([b"hostile"[offset:]]))
    document = json.loads(manifest.content)
    document["layers"][0] |= {"digest": str(hostile.digest), "size": hostile.size}
    with published.tag(Manifest(manifest.media_type, json.dumps(document).encode())):
        code, verdict = published.verify()
    assert code == 6
    assert "the content of layer 1 differs" in verdict["summary"]


def test_other_bytes_behind_a_layers_digest_are_caught(published):
    layer = published.statement.layers[0]
    with published.bytes_of(layer, flipped):
        code, verdict = published.verify()
        quick = published.verify("--no-layers")
    assert code == 6
    assert f"the bytes of {layer} differ" in verdict["summary"]
    assert quick[0] == 0
    assert "layers are not read" in json.dumps(quick[1])
    assert published.verify()[0] == 0


def test_other_bytes_behind_the_configs_digest_are_caught(published):
    with published.bytes_of(published.statement.config, flipped):
        code, verdict = published.verify()
    assert code == 6
    assert "the config differs" in verdict["summary"]


def test_other_bytes_behind_the_manifests_digest_are_caught(published):
    with published.bytes_of(published.statement.published, lambda content: content.replace(b"{", b"{ ", 1)):
        code, verdict = published.verify()
    assert code == 6
    assert str(published.statement.published) in verdict["summary"]


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        (lambda p, own, task: own, "the run left no public/chain-of-trust.json"),
        (lambda p, own, task: own | {CHAIN: b"{}"}, "left no public/chain-of-trust.json.sig"),
        (lambda p, own, task: own | p.signed(task, own, key=WorkerKey()), "no pinned key made the signature"),
        (
            lambda p, own, task: own | p.signed(task, own) | {CHAIN: p.signed(task, {})[CHAIN]},
            "no pinned key made the signature",
        ),
        (lambda p, own, task: own | p.signed(task, {}), f"the signature does not cover {STATEMENT}"),
        (lambda p, own, task: own | p.signed(p.task, own), "the signature is for task"),
        (
            lambda p, own, task: own | p.signed(task, own, task={**task.definition, "scopes": []}),
            "the worker signed a task with the scopes none",
        ),
        (
            lambda p, own, task: p.signed(task, own) | {STATEMENT: own[STATEMENT] + b" "},
            f"the worker signed {STATEMENT} as sha256:",
        ),
    ],
    ids=[
        "absent",
        "no signature",
        "other key",
        "other chain",
        "uncovered",
        "other task",
        "scopes",
        "statement",
    ],
)
def test_a_signature_that_does_not_cover_the_statement_is_caught(published, change, seen):
    task_id = published.restated(lambda own, task: change(published, own, task))
    code, verdict = published.verify(*published.keys, task=task_id)
    assert code == 6, verdict
    assert seen in verdict["summary"]


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        (
            lambda own, s: own.replace(s.published.hex.encode(), b"0" * 64),
            f"the statement says sha256:{'0' * 64}",
        ),
        (lambda own, s: own.replace(s.config.hex.encode(), b"0" * 64), f"the config sha256:{'0' * 64}"),
        (lambda own, s: own.replace(s.revision.encode(), b"0" * 40), f"the commit {'0' * 40}"),
        (lambda own, s: b"{" + own, "is no statement"),
    ],
    ids=["digest", "config", "commit", "bytes"],
)
def test_a_changed_statement_is_caught(published, change, seen):
    task_id = published.restated(lambda own, _task: {STATEMENT: change(own[STATEMENT], published.statement)})
    code, verdict = published.verify(task=task_id)
    assert code == 6, verdict
    assert seen in verdict["summary"]


@pytest.fixture(scope="module")
def saved(published, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "evidence"
    assert published.verify("--save", folder)[0] == 0
    return folder


@pytest.fixture
def folder(saved, tmp_path):
    return Path(shutil.copytree(saved, tmp_path / "evidence"))


def test_what_was_saved_is_verified_without_a_network(published, saved):
    assert sorted(path.name for path in saved.iterdir()) == ["image", "public", "status.json", "task.json"]
    words = ["verify", f"{published.address}/mozilla/balrog:latest", "--offline", saved, "--source", SLUG]
    words += [*published.keys, "--root-url", published.cluster.root_url]
    for program in ("runner", "console"):
        done = run_lading(*words, environment={}, program=program)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "trusts   the folder" in done.stdout


@pytest.mark.parametrize(
    ("file", "change", "verdict"),
    [
        ("status.json", None, (7, "status cannot be read")),
        (STATEMENT, None, (7, "left no statement")),
        (f"{CHAIN}.sig", None, (6, "left no public/chain-of-trust.json.sig")),
        ("task.json", None, (7, "definition cannot be read")),
        (STATEMENT, flipped, (6, "NOT verified")),
        (CHAIN, flipped, (6, "no pinned key")),
        ("task.json", lambda was: was.replace(b"secrets:get", b"assume:x"), (6, "the queue has")),
    ],
)
def test_a_folder_that_was_tampered_with_is_caught(published, folder, file, change, verdict):
    if change is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(change((folder / file).read_bytes()))
    code, seen = verdict
    found, document = published.verify("--offline", folder, "--source", SLUG, *published.keys)
    assert (found, seen in document["summary"]) == (code, True), document


def test_a_layer_in_the_folder_is_hashed(published, folder):
    layer = published.statement.layers[0]
    path = folder / "image/blobs/sha256" / layer.hex
    path.write_bytes(published.stored(layer).read_bytes())
    assert published.verify("--offline", folder, "--source", SLUG)[0] == 0
    path.write_bytes(flipped(path.read_bytes()))
    assert published.verify("--offline", folder, "--source", SLUG)[0] == 6


def test_an_image_in_the_engine_is_verified_by_config_and_layers(published):
    for tag in ("latest", "other"):
        pull(published.engine, f"{published.address}/mozilla/balrog:{tag}")
    code, verdict = published.verify("--local", *published.keys)
    assert code == 0, verdict
    assert verdict["compared"] in {"config digest and diffIDs", "manifest digest"}
    code, verdict = published.verify("--local", image="other")
    assert code == 6
    assert "the engine has" in verdict["summary"]
    code, verdict = published.verify("--local", image="absent")
    assert code == 7
    assert "No such image" in verdict["summary"]
