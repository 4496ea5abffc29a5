"""The client against the registry that everybody runs: Debian's `docker-registry`."""

import shutil
import subprocess

import pytest

from console.sandbox.docker_registry import docker_registry
from console.sandbox.registry.authentication import Account
from runner.errors import IntegrityFailure, Refused
from runner.image.digest import Digest
from runner.image.manifests import OCI_CONFIG, OCI_LAYER_GZIP, Descriptor
from runner.image.reference import Registry, Repository
from runner.masking import Masked
from runner.registry import uploads
from runner.registry.client import RegistryClient
from runner.registry.push import BlobState, Push
from tests.runner.registry.test_push import CONFIG, LAYERS, blob, manifest, push_it
from tests.support.cutting_proxy import cutting_proxy
from tests.support.registries import (
    PASSWORD,
    USER,
    TestEffects,
    credentials_for,
    debian_registry,
    debian_registry_with_tokens,
)

pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.registry,
    pytest.mark.skipif(not shutil.which("docker-registry"), reason="docker-registry is not installed"),
]

LARGE = bytes(range(256)) * 20_000


@pytest.fixture(params=["no authentication", "basic", "token"])
def host(request, tmp_path):
    if request.param == "basic":
        running = docker_registry(USER, Masked(PASSWORD))
    elif request.param == "token":
        accounts = [Account(USER, PASSWORD), Account("reader", PASSWORD, {"*": {"pull"}})]
        running = debian_registry_with_tokens(tmp_path, accounts)
    else:
        running = debian_registry(tmp_path, {})
    with running as address:
        yield address


@pytest.fixture
def world():
    return TestEffects()


def client_of(host, world, password=PASSWORD, username=USER):
    return RegistryClient(
        Registry.parse(host), credentials_for(host, password, username), effects=world.effects()
    )


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
        assert world.slept == []


def test_sends_in_chunks_and_from_streams(host, world, monkeypatch):
    monkeypatch.setattr(uploads, "CHUNK", 1_100_000)
    monkeypatch.setattr(uploads, "STREAM_CHUNK", 900_000)
    with client_of(host, world) as client:
        where = repository(host)
        client.upload_blob(
            where,
            Descriptor(OCI_LAYER_GZIP, Digest.of(LARGE), len(LARGE)),
            lambda offset: iter((LARGE[offset:],)),
        )
        assert client.has_blob(where, Digest.of(LARGE))
        assert client.upload_stream(where, iter((LARGE, b"x"))) == (Digest.of(LARGE + b"x"), len(LARGE) + 1)
        assert b"".join(client.open_blob(where, Digest.of(LARGE + b"x"), len(LARGE) + 1)) == LARGE + b"x"
        assert world.slept == []


def test_mounts_from_another_repository(host, world):
    with client_of(host, world) as client:
        Push(client, repository(host, "base")).blobs([blob(LARGE)])
        (pushed,) = Push(client, repository(host)).blobs([blob(LARGE, mount_from=("base",))])
        assert pushed.state is BlobState.MOUNTED


def test_refuses_a_manifest_before_its_blobs_and_a_blob_of_other_bytes(host, world):
    with client_of(host, world) as client:
        with pytest.raises(IntegrityFailure, match="MANIFEST_BLOB_UNKNOWN"):
            client.put_manifest(repository(host), "v1", manifest())
        for size in (100, len(LARGE)):
            wrong = Descriptor(OCI_CONFIG, Digest.of(b"other"), size)
            with pytest.raises(IntegrityFailure, match="DIGEST_INVALID"):
                client.upload_blob(repository(host), wrong, lambda offset, n=size: iter((LARGE[offset:n],)))


@pytest.mark.parametrize("after", [0, 300, 5_000, 1_000_003, 3_333_333, 5_120_500])
def test_an_upload_whose_connection_is_cut_is_completed(tmp_path, world, after):
    large = Descriptor(OCI_LAYER_GZIP, Digest.of(LARGE), len(LARGE))
    with (
        debian_registry(tmp_path, {}) as registry,
        cutting_proxy(registry, after) as host,
        client_of(host, world) as client,
    ):
        client.upload_blob(repository(host), large, lambda offset: iter((LARGE[offset:],)))
        assert world.notices
        assert b"".join(client.open_blob(repository(host), large.digest, large.size)) == LARGE


def test_a_wrong_password_is_refused(world):
    with docker_registry(USER, Masked(PASSWORD)) as host, client_of(host, world, "wrong") as client:
        with pytest.raises(Refused, match="does not accept the user name and password"):
            client.check_push(repository(host))
        assert world.slept == []


def test_a_token_server_that_grants_less_is_told(tmp_path, world):
    accounts = [Account(USER, PASSWORD), Account("reader", PASSWORD, {"*": {"pull"}})]
    with debian_registry_with_tokens(tmp_path, accounts) as host:
        with client_of(host, world) as publisher:
            push_it(Push(publisher, repository(host)))
        with client_of(host, world, username="reader") as reader:
            assert reader.get_manifest(repository(host), "v1") == manifest()
            with pytest.raises(Refused, match="User 'reader' may not push"):
                reader.check_push(repository(host))
        with (
            client_of(host, world, "wrong") as stranger,
            pytest.raises(Refused, match="does not accept the user name and password"),
        ):
            stranger.check_push(repository(host))


@pytest.mark.skipif(not shutil.which("skopeo"), reason="skopeo is not installed")
def test_another_client_copies_what_was_pushed(tmp_path, world):
    with debian_registry(tmp_path, {}) as host, client_of(host, world) as client:
        push_it(Push(client, repository(host)))
        arguments = [
            "--src-tls-verify=false",
            f"docker://{host}/mozilla/balrog:v1",
            f"dir:{tmp_path}/copy",
        ]
        subprocess.run(["skopeo", "copy", *arguments], check=True, capture_output=True, timeout=60)
        assert (tmp_path / "copy" / "manifest.json").read_bytes() == manifest().content
