"""References are read as Docker reads them, and look-alikes are not."""

import pytest

from runner.image.digest import Digest
from runner.image.reference import BadReference, ImageReference, Registry, Repository

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("busybox", "docker.io/library/busybox"),
        ("mozilla/balrog:v3.120", "docker.io/mozilla/balrog:v3.120"),
        ("registry.hub.docker.com/mozilla/balrog", "docker.io/mozilla/balrog"),
        ("localhost:5000/name", "localhost:5000/name"),
        ("localhost/name:1", "localhost/name:1"),
        ("[::1]:5000/a/b:c", "[::1]:5000/a/b:c"),
        (f"ghcr.io/o/r:t@{DIGEST}", f"ghcr.io/o/r:t@{DIGEST}"),
        ("a/b:" + "t" * 128, "docker.io/a/b:" + "t" * 128),
        ("a__b/c-d.e", "docker.io/a__b/c-d.e"),
    ],
)
def test_reads_a_reference_and_writes_it_in_full(text, canonical):
    assert str(ImageReference.parse(text)) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Mozilla/balrog",
        "a//b",
        "a/b:",
        "a/b:.x",
        "a/b:-x",
        "a/b:x+y",
        "a/b:" + "t" * 129,
        "a/b@sha256:12",
        "a/b@",
        "-a/b",
        "a_/b",
        "a.b:port/c",
        "x" * 256,
    ],
)
def test_refuses_what_is_no_reference(text):
    with pytest.raises(BadReference):
        ImageReference.parse(text)


@pytest.mark.parametrize("host", ["registry.hub.docker.com.evil.tld", "docker.io.evil.tld", "evil-docker.io"])
def test_a_look_alike_of_docker_hub_is_another_registry(host):
    assert not Registry.parse(host).is_docker_hub


def test_a_repository_has_no_tag():
    with pytest.raises(BadReference, match="where a repository is wanted"):
        Repository.parse("a/b:c")


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost:5000", True),
        ("127.0.0.1:1", True),
        ("[::1]:1", True),
        ("[::1]", True),
        ("127.0.0.1.evil.tld", False),
        ("localhost.evil.tld", False),
        ("10.0.0.1", False),
    ],
)
def test_only_this_machine_is_loopback(host, loopback):
    assert Registry.parse(host).is_loopback is loopback


def test_the_familiar_name_is_what_docker_shows():
    assert ImageReference.parse("docker.io/library/busybox:1").familiar == "busybox:1"


@pytest.mark.parametrize(
    "text", ["sha256:" + "A" * 64, "sha256:" + "a" * 63, "sha512:" + "a" * 64, "a" * 64, DIGEST + "\n"]
)
def test_a_digest_is_sha256_and_64_lower_case_digits(text):
    with pytest.raises(ValueError, match="not a sha256 digest"):
        Digest(text)
