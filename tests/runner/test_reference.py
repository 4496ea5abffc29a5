"""References are read as Docker reads them, and look-alikes are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.image.digest import Digest
from runner.image.reference import BadReference, ImageReference, Registry, Repository

DIGEST = "sha256:" + "a" * 64
COMPONENTS = st.from_regex(r"[a-z0-9]{1,6}(?:(?:[.]|_|__|-{1,3})[a-z0-9]{1,6}){0,2}", fullmatch=True)
HOSTS = st.sampled_from(
    ["", "docker.io/", "index.docker.io/", "localhost/", "GHCR.io/", "r:5000/", "[::1]:5000/", "127.0.0.1/"]
)
TAGS = st.just("") | st.from_regex(r":[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", fullmatch=True)
REFERENCES = st.builds(
    # Without a registry, a first part with a dot would be one.
    lambda host, path, tag, digest: (host or "docker.io/") + "/".join(path) + tag + digest,
    HOSTS,
    st.lists(COMPONENTS, min_size=1, max_size=3),
    TAGS,
    st.sampled_from(["", f"@{DIGEST}"]),
)


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
    "text", ["docker.io/library/a/b", "docker.io/a.b/c", "docker.io/localhost/c", "localhost/c"]
)
def test_the_familiar_name_is_no_other_images(text):
    assert ImageReference.parse(ImageReference.parse(text).familiar) == ImageReference.parse(text)


@pytest.mark.parametrize(
    "text", ["sha256:" + "A" * 64, "sha256:" + "a" * 63, "sha512:" + "a" * 64, "a" * 64, DIGEST + "\n"]
)
def test_a_digest_is_sha256_and_64_lower_case_digits(text):
    with pytest.raises(ValueError, match="not a sha256 digest"):
        Digest(text)


@given(REFERENCES)
def test_a_reference_that_is_written_is_read_back(text):
    reference = ImageReference.parse(text)
    assert ImageReference.parse(str(reference)) == reference
    assert ImageReference.parse(reference.familiar) == reference


@given(st.text(max_size=40) | st.text("aB0.:/@-_[]\n", max_size=20))
def test_any_text_is_a_reference_that_can_be_written_or_is_refused(text):
    try:
        reference = ImageReference.parse(text)
    except BadReference:
        return
    assert ImageReference.parse(str(reference)) == reference
