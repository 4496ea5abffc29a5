"""What `docker login` left is found: in the file, or by a helper that speaks the helpers' protocol."""

import base64
import json

import pytest

from runner.docker_config import docker_login
from runner.image.reference import Registry
from runner.masking import Masked

HUB = Registry.parse("docker.io")
GHCR = Registry.parse("ghcr.io")
AUTH = base64.b64encode(b"user:s3cret").decode()


@pytest.fixture
def environment(tmp_path):
    return {"DOCKER_CONFIG": str(tmp_path), "PATH": f"{tmp_path}:/usr/bin:/bin"}


def configure(environment, config):
    path = f"{environment['DOCKER_CONFIG']}/config.json"
    with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123 - the name comes from the environment
        file.write(config if isinstance(config, str) else json.dumps(config))


def helper(tmp_path, name, script):
    program = tmp_path / f"docker-credential-{name}"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o700)


@pytest.mark.parametrize(("key", "registry"), [("https://index.docker.io/v1/", HUB), ("ghcr.io", GHCR)])
def test_the_file_holds_credentials_by_registry(environment, key, registry):
    configure(environment, {"auths": {key: {"auth": AUTH}, "other.example": {"auth": AUTH}}})
    found = docker_login(environment, registry)
    assert found is not None
    assert (found.registry, found.username, found.password) == (registry, "user", Masked("s3cret"))


def test_the_file_is_in_the_home_folder_where_nothing_else_is_said(tmp_path):
    (tmp_path / ".docker").mkdir()
    configure({"DOCKER_CONFIG": str(tmp_path / ".docker")}, {"auths": {"ghcr.io": {"auth": AUTH}}})
    assert docker_login({"HOME": str(tmp_path)}, GHCR) is not None


@pytest.mark.parametrize(
    "config",
    [
        "",
        "[]",
        "{",
        {},
        {"auths": []},
        {"auths": {"ghcr.io": {}}},
        {"auths": {"ghcr.io": "x"}},
        {"auths": {"ghcr.io": {"auth": "é"}}},
        {"auths": {"ghcr.io.evil.tld": {"auth": AUTH}}},
        {"credHelpers": []},
        {"credsStore": 5},
        {"credsStore": "absent"},
        {"credsStore": "../../bin/sh"},
    ],
    ids=str,
)
def test_what_cannot_be_read_leaves_nothing(environment, config):
    configure(environment, config)
    assert docker_login(environment, GHCR) is None


def test_no_file_leaves_nothing(environment):
    assert docker_login(environment, GHCR) is None


@pytest.mark.parametrize(
    "config", [{"credsStore": "fake"}, {"credsStore": "no", "credHelpers": {"ghcr.io": "fake"}}]
)
def test_a_helper_is_asked_on_its_standard_input(environment, tmp_path, config):
    helper(
        tmp_path,
        "fake",
        'read -r server\nprintf \'{"ServerURL":"%s","Username":"%s","Secret":"s3cret"}\' "$server" "$1-$server"',
    )
    configure(environment, config)
    found = docker_login(environment, GHCR)
    assert found is not None
    assert (found.username, found.password) == ("get-ghcr.io", Masked("s3cret"))


@pytest.mark.parametrize(
    "script",
    [
        "echo 'credentials not found in native keychain'; exit 1",
        "echo no json",
        "echo '[]'",
        "echo '[1]'",
        "echo 7",
        'echo \'{"Username":"u"}\'',
        'echo \'{"Username":"","Secret":""}\'',
        "printf '\\377'",
    ],
)
def test_a_helper_that_has_nothing_leaves_nothing(environment, tmp_path, script):
    helper(tmp_path, "fake", f"cat > /dev/null\n{script}")
    configure(environment, {"credsStore": "fake"})
    assert docker_login(environment, GHCR) is None
