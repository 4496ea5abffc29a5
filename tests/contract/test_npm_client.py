"""Taskcluster's own JavaScript client, unmodified, finds in the sandbox what it expects of Taskcluster."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from console.sandbox.base_image import cache_folder
from tests.support.engine import missing
from tests.support.foreign_client import exercised

pytestmark = pytest.mark.enable_socket
PROGRAM = Path(__file__).with_name("npm")


@pytest.fixture(scope="module")
def node_modules():
    """What the lock file names, installed once and kept."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        missing("node and npm are not here.")
    key = hashlib.sha256((PROGRAM / "package-lock.json").read_bytes()).hexdigest()[:12]
    cache = cache_folder(os.environ)
    cache.mkdir(parents=True, exist_ok=True)
    kept = cache / f"npm-{key}"
    with (cache / "npm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            with tempfile.TemporaryDirectory(prefix="npm.", dir=cache) as work:
                for name in ("package.json", "package-lock.json"):
                    shutil.copy(PROGRAM / name, work)
                _install(work)
                Path(work, "node_modules").rename(kept)
    return kept


def _install(folder):
    patience = ("--fetch-retries=5", "--fetch-retry-maxtimeout=10000", "--fetch-timeout=60000")
    flags = ("--ignore-scripts", "--no-audit", "--no-fund", *patience)
    try:
        subprocess.run(
            ["npm", "ci", *flags], cwd=folder, capture_output=True, text=True, timeout=600, check=True
        )
    except subprocess.TimeoutExpired:
        missing("npm's registry does not answer.")
    except subprocess.CalledProcessError as error:
        missing(f"npm could not install the client: {error.stderr[-300:]}")


@pytest.fixture(scope="module")
def found(node_modules, sandbox_target):
    """What the client got."""
    return exercised("node", PROGRAM / "exercise.js", target=sandbox_target, NODE_PATH=str(node_modules))


def test_it_signs_with_a_client_s_token_temporary_credentials_and_urls(found):
    assert found["scopes"] == ["*"]
    assert found["secret"] == found["temporary"] == found["signed"] == {"k": "v"}


def test_it_understands_each_refusal(found):
    assert found["absent"] == {"code": "ResourceNotFound", "statusCode": 404}
    assert found["forbidden"] == {"code": "InsufficientScopes", "statusCode": 403}
    assert found["unauthorized"] == {"code": "InsufficientScopes", "statusCode": 403}


def test_it_runs_a_task_whose_objects_come_back_and_which_the_index_finds(found):
    assert found["listed"]
    assert found["small"] == "small"
    assert found["large"] == 30_000
    assert found["completed"] == "completed"
    assert found["indexed"]


def test_it_fires_a_hook(found):
    assert found["fired"] == "pending"
