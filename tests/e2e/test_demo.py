"""The whole job on real parts: `lading demo`, and this project's own image published, pulled and run."""

import io
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

import runner
from console.sandbox.container import run_image
from console.sandbox.debian import find
from console.sandbox.demo_scenes import Demo
from console.sandbox.demo_story import Story
from console.sandbox.docker_registry import PROGRAMS, docker_registry
from runner.credentials import RegistryCredentials
from runner.image.reference import Registry
from runner.masking import Masked
from tests.support.engine import missing

pytestmark = [pytest.mark.registry, pytest.mark.enable_socket]

LADING = str(Path(sys.executable).with_name("lading"))


@pytest.fixture(scope="module")
def credentials():
    """Of the one user of a docker-registry, for as long as the tests of this module run."""
    if not all(map(find, PROGRAMS)):
        missing("docker-registry and htpasswd (apache2-utils) are not installed.")
    with docker_registry("publisher", Masked("right")) as address:
        yield RegistryCredentials(Registry.parse(address), "publisher", Masked("right"))


@pytest.fixture
def environment(docker_engine):
    """The engine that the tests share, nothing of the user's own configuration, and a temporary directory."""
    with tempfile.TemporaryDirectory(prefix="t.") as folder:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "XDG_CACHE_HOME") if name in os.environ}
        yield {**kept, "DOCKER_HOST": docker_engine.host, "TMPDIR": folder}


async def test_this_project_is_published_pulled_by_digest_verified_and_runs(
    docker_engine, credentials, lading_context, environment
):
    told = io.StringIO()
    story = Story(told, time.monotonic, terminal=False, colour=False)
    demo = Demo(story, docker_engine, credentials, None, lading_context, environment)
    try:
        digest = await demo.tell()
    except Exception as error:
        raise AssertionError(told.getvalue()) from error
    ended = run_image(docker_engine, f"{demo.image}@{digest}")
    demo.forget_images()
    assert ended.status == 0
    assert runner.__version__ in ended.output


@pytest.mark.usefixtures("credentials", "debian_base")
def test_the_demo_is_green_and_shows_no_password(environment):
    done = subprocess.run(
        (LADING, "demo"), env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for part in ("docker pull 127.0.0.1:", "lading verify 127.0.0.1:", "public/docker-image-shasum256.txt"):
        assert part in done.stdout
    assert "\x1b" not in done.stdout
    assert list(Path(environment["TMPDIR"]).iterdir()) == []


@pytest.mark.usefixtures("credentials", "debian_base")
def test_a_demo_that_is_told_to_stop_cleans_up(environment):
    with subprocess.Popen((LADING, "demo"), env=environment, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if "lading sandbox push" in line:
                demo.send_signal(signal.SIGTERM)
                break
        demo.stdout.read()
    assert demo.returncode == 128 + signal.SIGTERM
    assert list(Path(environment["TMPDIR"]).iterdir()) == []


def test_a_folder_without_a_dockerfile_is_refused_before_anything_starts(tmp_path):
    done = subprocess.run(
        (LADING, "demo", "--repo", str(tmp_path)), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "has no Dockerfile" in done.stderr
    assert done.stdout == ""
