"""A helper answers for one registry while it lasts, and the password is in no file."""

import json
import subprocess

import pytest

from runner.credentials import RegistryCredentials
from runner.engines.credential_helper import credential_helper
from runner.image.reference import Registry
from runner.masking import Masked

pytestmark = pytest.mark.enable_socket

HUB = "https://index.docker.io/v1/"
SECRET = "a password/with \"quotes' and ü"


def credentials(host="docker.io"):
    return RegistryCredentials(Registry.parse(host), "publisher", Masked(SECRET))


def ask(folder, registry, verb="get"):
    """As Docker asks."""
    return subprocess.run(
        [folder / "bin" / "docker-credential-lading", verb],
        input=registry,
        capture_output=True,
        text=True,
        check=False,
        env={},
    )


@pytest.mark.parametrize(("host", "key"), [("docker.io", HUB), ("127.0.0.1:5000", "127.0.0.1:5000")])
def test_it_answers_for_its_own_registry(tmp_path, host, key):
    with credential_helper(tmp_path, credentials(host)):
        done = ask(tmp_path, f"{key}\n")
        config = json.loads((tmp_path / "config" / "config.json").read_text())
    assert json.loads(done.stdout) == {"ServerURL": key, "Username": "publisher", "Secret": SECRET}
    assert config == {"credHelpers": {key: "lading"}}


@pytest.mark.parametrize("registry", ["ghcr.io", "https://index.docker.io/v1/.evil.tld", "", "x" * 9000])
def test_no_other_registry_gets_them(tmp_path, registry):
    with credential_helper(tmp_path, credentials()):
        done = ask(tmp_path, registry)
    assert done.returncode == 1
    assert done.stdout == "credentials not found in native keychain\n"


@pytest.mark.parametrize("verb", ["store", "erase", "list"])
def test_nothing_else_is_done(tmp_path, verb):
    with credential_helper(tmp_path, credentials()):
        assert ask(tmp_path, HUB, verb).returncode == 1


def test_the_password_is_in_no_file(tmp_path):
    with credential_helper(tmp_path, credentials()):
        ask(tmp_path, HUB)
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert files
        assert all(SECRET.encode() not in path.read_bytes() for path in files)


def test_nobody_answers_afterwards(tmp_path):
    with credential_helper(tmp_path, credentials()):
        pass
    done = ask(tmp_path, HUB)
    assert done.returncode == 1
    assert SECRET not in done.stdout + done.stderr


def test_without_credentials_nobody_is_asked(tmp_path):
    with credential_helper(tmp_path, None):
        assert json.loads((tmp_path / "config" / "config.json").read_text()) == {"credHelpers": {}}
        assert list((tmp_path / "bin").iterdir()) == []


def test_a_folder_with_a_long_name_will_do(tmp_path):
    folder = tmp_path / ("a long and 'quoted' name " * 5)
    folder.mkdir()
    with credential_helper(folder, credentials()):
        assert json.loads(ask(folder, HUB).stdout)["Secret"] == SECRET
