"""The event comes from the environment that the task was given, and every problem of it is told."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.task.event import EventKind, event_from_environment, parse_repository, parse_time

REVISION = "0123456789abcdef0123456789abcdef01234567"
V1 = {
    "LADING_EVENT": "github-push",
    "LADING_REPOSITORY": "https://github.com/mozilla/balrog",
    "LADING_BRANCH": "main",
    "LADING_REVISION": REVISION,
    "LADING_CREATED": "2026-11-24T03:29:36.992Z",
}
V0 = {
    "GITHUB_EVENT": "push",
    "GITHUB_BRANCH": "main",
    "GITHUB_BASE_REPO_URL": "https://github.com/mozilla/balrog.git",
    "GITHUB_HEAD_REPO_URL": "https://github.com/mozilla/balrog.git",
    "GITHUB_HEAD_SHA": REVISION,
}


def read(environment, remote=None, head=None):
    return event_from_environment(environment, lambda: remote, lambda: head)


@pytest.mark.parametrize("environment", [V1, V0], ids=["v1", "v0"])
def test_a_push(environment):
    event, problems = read(environment)
    assert problems == []
    assert event is not None
    assert (event.kind, event.branch, event.tag, event.revision) == (EventKind.PUSH, "main", None, REVISION)
    assert event.source == "https://github.com/mozilla/balrog"
    assert event.role == "repo:github.com/mozilla/balrog:branch:main"


def test_the_time_of_creation_is_utc():
    event, _ = read({**V1, "LADING_CREATED": "2026-11-24T05:29:36+02:00"})
    assert event is not None
    assert event.created == datetime(2026, 11, 24, 3, 29, 36, tzinfo=UTC)


@pytest.mark.parametrize(
    "environment",
    [
        {**V1, "LADING_BRANCH": "", "LADING_TAG": "v3.120"},
        {**V1, "LADING_BRANCH": "", "LADING_TAG": "refs/tags/v3.120"},
        {**V1, "LADING_BRANCH": "refs/tags/v3.120"},
        {**V1, "LADING_BRANCH": "refs/tags/v3.120", "LADING_TAG": "refs/tags/v3.120"},
        {**V1, "LADING_EVENT": "tag", "LADING_BRANCH": "", "LADING_TAG": "v3.120"},
        {**V0, "GITHUB_EVENT": "tag", "GITHUB_BRANCH": "refs/tags/v3.120", "GITHUB_HEAD_TAG": "v3.120"},
    ],
)
def test_a_pushed_tag_is_a_tag_and_no_branch(environment):
    event, problems = read(environment)
    assert problems == []
    assert event is not None
    assert (event.kind, event.branch, event.tag, event.version) == (EventKind.TAG, None, "v3.120", "3.120")
    assert event.role == "repo:github.com/mozilla/balrog:tag:v3.120"


def test_a_branch_given_as_a_full_ref_for_both_is_a_branch():
    event, _ = read({**V1, "LADING_BRANCH": "refs/heads/feature/x", "LADING_TAG": "refs/heads/feature/x"})
    assert event is not None
    assert (event.kind, event.branch, event.tag) == (EventKind.PUSH, "feature/x", None)


def test_a_release_of_v0_takes_its_tag_and_commit_from_what_lading_was_told():
    v0 = {
        "GITHUB_EVENT": "release",
        "GITHUB_BRANCH": "main",
        "GITHUB_HEAD_REPO_URL": "https://github.com/mozilla/balrog",
    }
    assert "its tag is not known: set LADING_TAG" in read(v0, head=REVISION)[1][0]
    event, problems = read({**v0, "LADING_TAG": "v3.120"}, head=REVISION)
    assert problems == []
    assert event is not None
    assert (event.kind, event.tag, event.revision) == (EventKind.RELEASE, "v3.120", REVISION)
    assert event.role == "repo:github.com/mozilla/balrog:release:published"


@pytest.mark.parametrize(
    "environment",
    [
        {**V0, "GITHUB_EVENT": "pull_request.opened"},
        {**V0, "GITHUB_EVENT": "pull_request.synchronize"},
        {**V1, "LADING_EVENT": "github-pull-request"},
        {**V1, "LADING_EVENT": "github-pull-request-untrusted"},
        {**V1, "LADING_EVENT": "github-issue-comment"},
        {**V1, "LADING_EVENT": "pull-request", "LADING_TAG": "v1"},
    ],
)
def test_a_pull_request_stays_one(environment):
    event, _ = read(environment)
    assert event is not None
    assert event.kind is EventKind.PULL_REQUEST
    assert event.role == "repo:github.com/mozilla/balrog:pull-request"


def test_every_problem_is_told_at_once():
    event, problems = read({"LADING_EVENT": "push", "LADING_REVISION": "main", "LADING_CREATED": "today"})
    assert event is None
    assert len(problems) == 4
    assert [
        word for word in ("repository", "branch", "revision", "LADING_CREATED") if word not in str(problems)
    ] == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"LADING_EVENT": ""}, "no event is known"),
        ({"LADING_EVENT": "deploy"}, "none of"),
        ({"LADING_BRANCH": ""}, "the branch is not known"),
        ({"LADING_EVENT": "release"}, "its tag is not known"),
        ({"LADING_REVISION": "0123456"}, "not a full commit id"),
        ({"LADING_REVISION": REVISION.upper()}, "not a full commit id"),
        ({"LADING_CREATED": "2026-11-24T03:29"}, "not a time"),
        ({"LADING_CREATED": "0001-01-01T00:00:00+01:00"}, "not a time"),
        ({"LADING_REPOSITORY": "/srv/balrog"}, "not a URL"),
    ],
)
def test_a_problem_is_told(change, problem):
    assert problem in " ".join(read({**V1, **change})[1])


def test_nothing_at_all_is_no_event():
    event, problems = read({})
    assert event is None
    assert "no event is known" in problems[0]


def test_the_checkout_fills_in_what_the_environment_lacks():
    event, problems = read(
        {"LADING_EVENT": "push", "LADING_BRANCH": "main"}, "git@github.com:mozilla/balrog.git", REVISION
    )
    assert problems == []
    assert event is not None
    assert (event.slug, event.revision) == ("mozilla/balrog", REVISION)


@pytest.mark.parametrize(
    "url", ["https://user:s3cret@host", "https://user:s3/cret@host/o", "user:s3cret@host", "x://a@b:s3cret@h"]
)
def test_a_bad_remote_is_told_without_its_credentials(url):
    problems = read({"LADING_EVENT": "push", "LADING_BRANCH": "main"}, url, REVISION)[1]
    assert "not a URL" in problems[0]
    assert "s3cret" not in problems[0]
    assert "s3/cret" not in problems[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mozilla/balrog", ("github.com", "mozilla/balrog")),
        ("mozilla/balrog.git", ("github.com", "mozilla/balrog")),
        ("mozilla/.github", ("github.com", "mozilla/.github")),
        ("github.com/mozilla/balrog", ("github.com", "mozilla/balrog")),
        ("https://GitHub.com/mozilla/balrog/", ("github.com", "mozilla/balrog")),
        ("https://github.com/mozilla/balrog.git/", ("github.com", "mozilla/balrog")),
        ("https://user:token@github.com/mozilla/balrog", ("github.com", "mozilla/balrog")),
        ("https://github.com:443/mozilla/balrog", ("github.com", "mozilla/balrog")),
        ("git@github.com:mozilla/balrog.git", ("github.com", "mozilla/balrog")),
        ("ssh://git@github.com:22/mozilla/balrog", ("github.com", "mozilla/balrog")),
        ("https://github.com@evil.tld/mozilla/balrog", ("evil.tld", "mozilla/balrog")),
        ("https://evil.tld/github.com/mozilla/balrog", None),
        ("../balrog", None),
        ("mozilla/..", None),
        ("mozilla/.git", None),
        ("https://github.com/../balrog", None),
        ("https://github.com/mozilla", None),
        ("https://github.com/mozilla/balrog?x=/a/b", None),
        ("/srv/git/balrog.git", None),
        ("file:///srv/git/balrog.git", None),
        ("mozilla", None),
        ("", None),
    ],
)
def test_a_repository_is_read_from_a_slug_or_a_remote(text, expected):
    assert parse_repository(text) == expected


@given(st.text(max_size=40))
def test_any_text_is_a_time_or_none(text):
    try:
        assert parse_time(text).tzinfo is UTC
    except ValueError:
        return


@given(
    st.dictionaries(st.sampled_from([*V1, *V0, "LADING_TAG"]), st.text(max_size=20)), st.none() | st.text()
)
def test_any_environment_is_an_event_or_has_problems(environment, remote):
    event, problems = read(environment, remote)
    assert event is not None or problems
    assert event is None or event.revision is not None or problems
