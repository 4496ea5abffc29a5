"""What git knows is read from real checkouts: detached, shallow, without commits, without git."""

import subprocess
from datetime import UTC, datetime

import pytest

from runner.task.checkout import Checkout

IDENTITY = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.com",
    "GIT_COMMITTER_DATE": "2026-11-24T03:29:36+0200",
}


def git(folder, *arguments):
    answer = subprocess.run(
        ["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True, env=IDENTITY
    )
    return answer.stdout.strip()


def commit(folder, content):
    (folder / "file").write_text(content)
    git(folder, "add", "file")
    git(folder, "commit", "-q", "-m", content)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def empty(tmp_path):
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    return folder


@pytest.fixture
def history(empty):
    """Three commits, and a fourth on another branch after the first."""
    commits = [commit(empty, "one")]
    git(empty, "branch", "other")
    commits += [commit(empty, "two"), commit(empty, "three")]
    git(empty, "checkout", "-q", "other")
    commits.append(commit(empty, "four"))
    git(empty, "checkout", "-q", "main")
    return empty, commits


def test_a_detached_checkout_knows_its_commit_time_and_remote(history):
    folder, commits = history
    git(folder, "remote", "add", "origin", "https://github.com/mozilla/balrog")
    git(folder, "checkout", "-q", "--detach", commits[1])
    checkout = Checkout(folder)
    assert checkout.head == commits[1]
    assert checkout.remote == "https://github.com/mozilla/balrog"
    assert checkout.commit_time == datetime(2026, 11, 24, 1, 29, 36, tzinfo=UTC)


def test_only_tracked_files_change_a_checkout(history):
    checkout = Checkout(history[0])
    (history[0] / "untracked").write_text("x")
    assert not checkout.is_changed
    (history[0] / "file").write_text("changed")
    assert checkout.is_changed


def test_a_file_is_as_its_commit_has_it_or_not(history):
    checkout = Checkout(history[0])
    assert not checkout.has_uncommitted("file")
    (history[0] / "new").write_text("x")
    assert checkout.has_uncommitted("new")
    (history[0] / "file").write_text("changed")
    assert checkout.has_uncommitted("file")


def test_branches_are_named_the_remotes_own_first(history, tmp_path):
    folder, commits = history
    checkout = Checkout(folder)
    assert (checkout.branch, checkout.branches) == ("main", ["main", "other"])
    assert checkout.commit_of("refs/heads/other") == commits[3]
    assert checkout.commit_of("refs/tags/none") is None
    git(folder, "checkout", "-q", "other")
    git(folder, "clone", "-q", str(folder), str(tmp_path / "clone"))
    clone = Checkout(tmp_path / "clone")
    git(tmp_path / "clone", "checkout", "-q", "main")
    assert clone.branches == ["other", "main"]
    git(tmp_path / "clone", "checkout", "-q", "--detach")
    assert clone.branch is None


def test_commits_descend_as_git_says(history):
    folder, (one, two, three, four) = history
    checkout = Checkout(folder)
    assert checkout.descends(three, one) is True
    assert checkout.descends(two, two) is True
    assert checkout.descends(one, three) is False
    assert checkout.descends(four, three) is False


def test_a_commit_that_is_not_here_cannot_be_told(history):
    folder, (one, *_) = history
    assert Checkout(folder).descends("f" * 40, one) is None
    assert Checkout(folder).descends(one, "f" * 40) is None


@pytest.mark.parametrize(
    "label", ["HEAD", "main", "", "--help", "-e", "HEAD^{commit}", "f" * 39, "F" * 40, "f" * 40 + "\n"]
)
def test_a_label_that_is_no_commit_cannot_be_told(history, label):
    folder, commits = history
    assert Checkout(folder).descends(label, commits[0]) is None
    assert Checkout(folder).descends(commits[0], label) is None
    assert Checkout(folder).descends(label, label) is None


def test_a_shallow_clone_says_yes_or_cannot_tell(history, tmp_path):
    folder, (one, two, three, _) = history
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth", "2", "--branch", "main", f"file://{folder}", str(shallow))
    checkout = Checkout(shallow)
    assert checkout.head == three
    assert checkout.descends(three, two) is True
    assert checkout.descends(two, three) is None
    assert checkout.descends(three, one) is None
    assert checkout.descends(one, three) is None


@pytest.mark.parametrize("kind", ["no git", "no commit", "no folder"])
def test_where_git_knows_nothing_nothing_is_known(empty, tmp_path, kind):
    plain = tmp_path / "plain"
    plain.mkdir()
    folder = {"no git": plain, "no commit": empty, "no folder": tmp_path / "absent"}[kind]
    checkout = Checkout(folder)
    assert (checkout.head, checkout.remote, checkout.commit_time) == (None, None, None)
    assert not checkout.is_changed
    assert checkout.descends("a" * 40, "b" * 40) is None


def test_the_callers_git_environment_is_not_obeyed(history, monkeypatch, tmp_path):
    folder, commits = history
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert Checkout(folder).head == commits[2]
