"""The registry client against other registries than Debian's: distribution 3 and go-containerregistry's."""

import json
import re
import subprocess
import time
from contextlib import contextmanager

import pytest

from runner.errors import IntegrityFailure, Unavailable
from runner.image.digest import Digest
from runner.image.manifests import OCI_LAYER_GZIP, Descriptor
from runner.image.reference import Registry, Repository
from runner.registry import uploads
from runner.registry.client import RegistryClient
from runner.registry.push import BlobState, Push
from tests.runner.registry.test_push import CONFIG, LAYERS, blob, manifest, push_it
from tests.support import go_programs
from tests.support.cutting_proxy import cutting_proxy
from tests.support.engine import missing
from tests.support.registries import TestEffects

pytestmark = [pytest.mark.matrix, pytest.mark.enable_socket, pytest.mark.registry]

LARGE = bytes(range(256)) * 20_000


def had(program):
    """A program's path; without it nothing here can be tested."""
    try:
        return program()
    except Unavailable as error:
        missing(str(error))


@contextmanager
def running(command, folder, pattern):
    """A registry until the block ends; its log tells the port that the kernel chose."""
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 120
        while not (found := re.search(pattern, log.read_text(errors="replace"))):
            assert process.poll() is None, log.read_text(errors="replace")
            assert time.monotonic() < deadline, log.read_text(errors="replace")
            time.sleep(0.02)
        yield f"127.0.0.1:{found[1]}"
    finally:
        process.terminate()
        process.wait(30)


def distribution(folder):
    """The reference registry, version 3."""
    settings = {
        "version": "0.1",
        "log": {"level": "info"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": "127.0.0.1:0", "secret": "of one test"},
    }
    (folder / "config.yml").write_text(json.dumps(settings))
    command = [had(go_programs.distribution_registry), "serve", folder / "config.yml"]
    return running(command, folder, r"listening on 127\.0\.0\.1:(\d+)")


def crane(folder):
    """go-containerregistry's own."""
    command = [had(go_programs.crane), "registry", "serve", "--address", "127.0.0.1:0"]
    return running(command, folder, r"serving on port (\d+)")


@pytest.fixture(params=[distribution, crane], ids=["distribution 3", "crane"])
def host(request, tmp_path):
    with request.param(tmp_path) as address:
        yield address


@pytest.fixture
def world():
    return TestEffects()


def client_of(host, world):
    return RegistryClient(Registry.parse(host), effects=world.effects())


def repository(host, path="mozilla/balrog"):
    return Repository(Registry.parse(host), path)


def test_pushes_reads_back_and_pushes_nothing_twice(host, world):
    with client_of(host, world) as client:
        where = repository(host)
        client.check_push(where)
        push = Push(client, where)
        assert push_it(push).tags == {"v1": None, "latest": None}
        for name in ("v1", "latest", str(manifest().digest)):
            assert client.get_manifest(where, name) == manifest()
            assert client.head_manifest(where, name) == manifest().descriptor
        assert client.get_blob(where, Digest.of(CONFIG)) == CONFIG
        assert b"".join(client.open_blob(where, Digest.of(LAYERS[0]), len(LAYERS[0]))) == LAYERS[0]
        assert sorted(client.tags(where)) == ["latest", "v1"]
        assert push_it(push).bytes_sent == 0


def test_sends_in_chunks(host, world, monkeypatch):
    monkeypatch.setattr(uploads, "CHUNK", 1_100_000)
    large = Descriptor(OCI_LAYER_GZIP, Digest.of(LARGE), len(LARGE))
    with client_of(host, world) as client:
        client.upload_blob(repository(host), large, lambda offset: iter((LARGE[offset:],)))
        assert b"".join(client.open_blob(repository(host), large.digest, large.size)) == LARGE


def test_a_mount_or_what_stands_for_it(host, world):
    with client_of(host, world) as client:
        Push(client, repository(host, "base")).blobs([blob(LARGE)])
        (pushed,) = Push(client, repository(host)).blobs([blob(LARGE, mount_from=("base",))])
        # crane's registry has one store for all repositories: a blob is there before it is mounted.
        assert pushed.state in {BlobState.MOUNTED, BlobState.PRESENT}


def test_a_blob_of_other_bytes_is_refused(host, world):
    wrong = Descriptor(OCI_LAYER_GZIP, Digest.of(b"other"), len(LARGE))
    with client_of(host, world) as client, pytest.raises(IntegrityFailure):
        client.upload_blob(repository(host), wrong, lambda offset: iter((LARGE[offset:],)))


@pytest.mark.parametrize("after", [300, 1_000_003, 5_120_500])
def test_an_upload_whose_connection_is_cut_is_completed(host, world, after):
    large = Descriptor(OCI_LAYER_GZIP, Digest.of(LARGE), len(LARGE))
    with cutting_proxy(host, after) as cut, client_of(cut, world) as client:
        client.upload_blob(repository(cut), large, lambda offset: iter((LARGE[offset:],)))
        assert world.notices
        assert b"".join(client.open_blob(repository(cut), large.digest, large.size)) == LARGE
