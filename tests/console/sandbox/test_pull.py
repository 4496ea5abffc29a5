"""A pull tells how far all layers together are."""

from console.sandbox.demo_story import Progress
from console.sandbox.pull import downloads


def layer(name, status, current=None, total=None):
    detail = {} if current is None else {"current": current, "total": total}
    return {"id": name, "status": status, "progressDetail": detail}


def test_the_layers_are_added_up_and_told_by_the_percent():
    events = [
        {"status": "Pulling from mozilla/balrog", "id": "sha256"},
        layer("a", "Downloading", 100, 1000),
        layer("a", "Downloading", 101, 1000),
        layer("b", "Downloading", 500, 1000),
        layer("a", "Download complete"),
        layer("b", "Download complete"),
        layer("b", "Extracting", 1, 1000),
        {"status": "Digest: sha256:1"},
    ]
    assert [progress.share for progress in downloads(events)] == [10, 30, 75, 99, 100]


def test_a_pull_that_downloads_nothing_tells_nothing():
    assert list(downloads([{"status": "Image is up to date"}, layer("a", "Already exists")])) == []


def test_the_last_progress_says_what_was_pulled():
    events = [layer("a", "Downloading", 1, 2_000_000), layer("a", "Download complete")]
    assert list(downloads(events))[-1] == Progress("pulling", 100, "2.0 MB of 2.0 MB")
