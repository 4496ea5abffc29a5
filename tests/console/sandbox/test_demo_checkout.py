"""The demo's task builds the sample on a real base, or what git would track of a checkout."""

import subprocess
import tomllib
from pathlib import Path

import pytest

from console.sandbox.demo_checkout import checked, image_path, put_on, replace_with
from console.sandbox.sample import make_sample
from runner.errors import UsageError


@pytest.fixture
def sample(tmp_path):
    make_sample(tmp_path / "sample", "127.0.0.1:5000", {"PATH": "/usr/bin:/bin"})
    return tmp_path / "sample"


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "My Checkout"
    (folder / "below").mkdir(parents=True)
    (folder / "Dockerfile").write_text("FROM scratch\n")
    (folder / "below/name with space").write_text("x")
    return folder


def git(folder, *words):
    return subprocess.run(("git", "-C", folder, *words), check=True, capture_output=True, text=True).stdout


def test_the_sample_is_committed_on_its_base(sample):
    put_on(sample, "lading-debian:bookworm")
    assert git(sample, "show", "HEAD:Dockerfile").startswith("FROM lading-debian:bookworm\n")
    assert git(sample, "status", "--porcelain") == ""


def test_a_checkout_without_git_is_taken_whole_beside_the_samples_task(sample, checkout):
    task = (sample / ".taskcluster.yml").read_text()
    replace_with(sample, checkout, "127.0.0.1:5000", host_network=True)
    assert git(sample, "ls-files").splitlines() == [
        ".taskcluster.yml",
        "Dockerfile",
        "below/name with space",
        "lading.toml",
    ]
    assert (sample / ".taskcluster.yml").read_text() == task
    settings = tomllib.loads((sample / "lading.toml").read_text())["image"]["demo"]
    assert settings["repository"] == "127.0.0.1:5000/demo/my-checkout"
    assert settings["network"] == "host"


def test_of_a_git_checkout_what_git_ignores_is_left_out_and_changes_are_taken(sample, checkout):
    git(checkout, "init", "--quiet")
    (checkout / ".gitignore").write_text("ignored\n")
    (checkout / "ignored").write_text("x")
    git(checkout, "add", "Dockerfile")
    (checkout / "Dockerfile").write_text("FROM scratch\nLABEL changed=yes\n")
    replace_with(sample, checkout, "127.0.0.1:5000", host_network=False)
    files = git(sample, "ls-files").splitlines()
    assert "ignored" not in files
    assert "below/name with space" in files
    assert "changed=yes" in git(sample, "show", "HEAD:Dockerfile")
    assert "network" not in (sample / "lading.toml").read_text()


def test_a_folder_without_a_dockerfile_is_refused(tmp_path):
    with pytest.raises(UsageError, match="has no Dockerfile"):
        checked(tmp_path)


@pytest.mark.parametrize(
    ("checkout", "expected"),
    [(None, "mozilla/balrog"), ("/a/Web_App 2", "demo/web-app-2"), ("/a/...", "demo/checkout")],
)
def test_the_image_is_called_like_the_folder(checkout, expected):
    assert image_path(checkout and Path(checkout)) == expected
