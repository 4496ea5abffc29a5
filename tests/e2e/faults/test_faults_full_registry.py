"""Debian's docker-registry whose disk is full, and then is not."""

import subprocess
from contextlib import contextmanager

import pytest

from console.sandbox.registry.authentication import Account
from runner.image.reference import Registry, Repository
from runner.registry.client import RegistryClient
from runner.task.statement import Statement
from tests.support.fault_place import NAME, TAGS
from tests.support.registries import USER, credentials_for, debian_registry_with_tokens

pytestmark = [
    pytest.mark.matrix,  # an engine tries an upload for 50 s
    pytest.mark.enable_socket,
    pytest.mark.registry,
    pytest.mark.xdist_group("faults"),
]


@contextmanager
def small_disk(folder, size):
    """A file system over the folder; yields a function that changes its size."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    try:
        yield lambda other: subprocess.run(["mount", "-o", f"remount,size={other}", folder], check=True)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.parametrize("transport", ["direct", "engine"])
def test_a_registry_whose_disk_is_full_until_it_has_room(place, task, canary, tmp_path, transport):
    folder = tmp_path / "registry"
    (folder / "data").mkdir(parents=True)
    accounts = [Account(USER, canary.token)]
    with small_disk(folder / "data", "600k") as resize, debian_registry_with_tokens(folder, accounts) as host:
        place.point_at(host)
        struck = place.publish(task, transport)
        assert struck.code == 4, struck.stderr
        assert "500" in struck.message or "no space left" in struck.message.lower()
        with RegistryClient(Registry.parse(host), credentials_for(host, canary.token)) as client:
            repository = Repository(Registry.parse(host), NAME)
            assert all(client.head_manifest(repository, tag) is None for tag in TAGS)
            resize("50m")
            task.resolve("failed")
            again = task.rerun()
            done = place.publish(again, transport)
            assert done.code == 0, done.stderr
            statement = Statement.from_json((place.artifacts / "docker-image.json").read_bytes())
            manifests = [client.get_manifest(repository, tag) for tag in TAGS]
            assert [manifest and manifest.digest for manifest in manifests] == [statement.published] * 2
            output = struck.stdout + struck.stderr + done.stdout + done.stderr
    assert canary.in_bytes(output.encode()) == []
