"""What lading puts into an image says where it comes from, and the same twice where that is asked."""

import json
from datetime import UTC, datetime

from runner.task.event import Event, EventKind
from runner.task.image_metadata import build_url, image_labels, version_json

REVISION = "0123456789abcdef0123456789abcdef01234567"
TASK_URL = "https://tc.example.com/tasks/fN1SbArXTPSVFNUvaOlinQ/runs/0"
CREATED = datetime(2026, 11, 24, 3, 29, 36, 992000, tzinfo=UTC)


def event(branch="main", tag=None):
    return Event(EventKind.PUSH, "github.com", "mozilla/balrog", branch, tag, REVISION, CREATED)


def test_version_json_is_dockerflows():
    assert json.loads(version_json(event(tag="v3.120"), REVISION, TASK_URL)) == {
        "source": "https://github.com/mozilla/balrog",
        "version": "3.120",
        "commit": REVISION,
        "build": TASK_URL,
    }
    assert json.loads(version_json(event(), REVISION, TASK_URL))["version"] == "main"
    assert json.loads(version_json(event(branch=None), REVISION, TASK_URL))["version"] == ""


def test_the_labels_mirror_it_and_the_users_own_win():
    labels = image_labels(
        event(), REVISION, TASK_URL, CREATED, {"org.opencontainers.image.version": "own", "x": "y"}
    )
    assert labels == {
        "org.opencontainers.image.source": "https://github.com/mozilla/balrog",
        "org.opencontainers.image.revision": REVISION,
        "org.opencontainers.image.version": "own",
        "org.opencontainers.image.created": "2026-11-24T03:29:36Z",
        "lading.build": TASK_URL,
        "x": "y",
    }


def test_a_reproducible_image_depends_on_the_commit_alone():
    one = build_url(event(), REVISION, TASK_URL, reproducible=True)
    other = build_url(event(), REVISION, TASK_URL.replace("runs/0", "runs/1"), reproducible=True)
    assert one == other == f"https://github.com/mozilla/balrog/commit/{REVISION}"
    assert "org.opencontainers.image.created" not in image_labels(event(), REVISION, one, None, {})
    assert build_url(event(), REVISION, TASK_URL, reproducible=False) == TASK_URL
