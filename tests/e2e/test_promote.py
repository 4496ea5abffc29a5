"""`lading-runner promote` in a task: the accounts come from the secrets, the bytes through little memory."""

import json
import os
import re
import subprocess
import sys

import pytest

from console.sandbox.docker_registry import docker_registry
from runner.image.digest import Digest
from runner.image.manifests import OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST, Descriptor, Manifest
from runner.image.reference import Registry, Repository
from runner.masking import Masked
from runner.registry.client import RegistryClient
from runner.registry.push import Blob, Push
from tests.support.registries import credentials_for
from tests.support.task import ROOT, run_lading, taskcluster

pytestmark = [pytest.mark.enable_socket, pytest.mark.registry]

PASSWORDS = {"staging": "correct horse", "prod": "battery staple"}
SECRETS = {name: f"repo:github.com/mozilla/balrog:{name}" for name in PASSWORDS}
LAYER = os.urandom(1 << 20) * 96
CONFIG = b'{"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}'
MOST_KILOBYTES = 100_000


@pytest.fixture(scope="module")
def place():
    with (
        taskcluster() as cluster,
        docker_registry("publisher", Masked(PASSWORDS["staging"])) as staging,
        docker_registry("publisher", Masked(PASSWORDS["prod"])) as prod,
    ):
        addresses = {"staging": staging, "prod": prod}
        for name, address in addresses.items():
            account = {"registry": address, "username": "publisher", "password": PASSWORDS[name]}
            cluster.set_secret({"docker": account}, SECRETS[name])
        yield cluster, addresses, push_image(staging)


def client_of(address, name):
    return RegistryClient(Registry.parse(address), credentials_for(address, PASSWORDS[name], "publisher"))


def push_image(address):
    def blob(content, media_type):
        descriptor = Descriptor(media_type, Digest.of(content), len(content))
        return Blob(descriptor, lambda offset: iter([content[offset:]]))

    blobs = [blob(LAYER, OCI_LAYER_GZIP), blob(CONFIG, OCI_CONFIG)]
    entries = [
        {
            "mediaType": each.descriptor.media_type,
            "digest": str(each.descriptor.digest),
            "size": each.descriptor.size,
        }
        for each in blobs
    ]
    document = {"schemaVersion": 2, "config": entries[1], "layers": entries[:1]}
    manifest = Manifest(OCI_MANIFEST, json.dumps(document, indent=5).encode())
    with client_of(address, "staging") as client:
        Push(client, Repository.parse(f"{address}/mozilla/balrog")).image(
            blobs[:1], blobs[1:], (manifest,), ["v1"]
        )
    return manifest


def arguments(addresses, manifest, *more):
    return [
        "promote",
        f"{addresses['staging']}/mozilla/balrog@{manifest.digest}",
        f"{addresses['prod']}/mozilla/balrog:v3.120",
        f"{addresses['staging']}/mozilla/balrog-tested:v3.120",
        *more,
    ]


def test_it_copies_with_the_account_of_each_secret_in_little_memory_and_again_copies_nothing(place):
    cluster, addresses, manifest = place
    task = cluster.task(scopes=[f"secrets:get:{secret}" for secret in SECRETS.values()])
    words = arguments(
        addresses, manifest, *(word for secret in SECRETS.values() for word in ("--secret", secret))
    )
    program = (
        "import sys\nfrom runner.cli import main\ncode = main()\n"
        "sys.stderr.write(open('/proc/self/status').read())\nsys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **task.environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [line.split()[1] for line in done.stdout.splitlines()] == ["pushed", "pushed"]
    assert "(referrers" in done.stderr
    assert not any(password in done.stdout + done.stderr for password in PASSWORDS.values())
    assert int(re.findall(r"VmHWM:\s+(\d+) kB", done.stderr)[0]) < MOST_KILOBYTES
    with client_of(addresses["prod"], "prod") as client:
        repository = Repository.parse(f"{addresses['prod']}/mozilla/balrog")
        assert client.get_manifest(repository, "v3.120").content == manifest.content
    again = run_lading(*words, "--json", environment=task.environment)
    assert again.returncode == 0, again.stderr
    assert set(json.loads(again.stdout)["tags"].values()) == {"already there"}


def test_a_task_without_the_scope_is_refused_and_says_which(place):
    cluster, addresses, manifest = place
    task = cluster.task(scopes=[])
    done = run_lading(
        *arguments(addresses, manifest, "--secret", SECRETS["prod"]), environment=task.environment
    )
    assert done.returncode == 3
    assert f"this task lacks `secrets:get:{SECRETS['prod']}`" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "seen"),
    [
        (["mozilla/balrog:v1", "mozilla/balrog:v2"], 2, "has no digest"),
        (["mozilla/balrog@sha256:" + "0" * 64, "mozilla/balrog"], 2, "is not [registry/]name:tag"),
        (["mozilla/balrog@sha256:" + "0" * 64, "a b:c"], 2, "The destination"),
        (["mozilla/balrog@sha256:" + "0" * 64, "a:b", "--secret", "x"], 3, "has no Taskcluster proxy"),
    ],
)
def test_what_cannot_be_meant_is_said_before_anything_is_asked(words, code, seen):
    done = run_lading("promote", *words, environment={})
    assert done.returncode == code
    assert seen in done.stderr


def test_a_secret_for_a_registry_that_is_not_concerned_is_refused(place):
    cluster, addresses, manifest = place
    task = cluster.task(scopes=[f"secrets:get:{SECRETS['prod']}"])
    staging = f"{addresses['staging']}/mozilla/balrog"
    done = run_lading(
        "promote",
        f"{staging}@{manifest.digest}",
        f"{staging}:v2",
        "--secret",
        SECRETS["prod"],
        environment=task.environment,
    )
    assert done.returncode == 3
    assert "which nothing is copied to or from" in done.stderr
