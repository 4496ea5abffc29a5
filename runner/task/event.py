"""What is built and why: the event behind the task, from the environment that the task was given.

A v1 task is given `LADING_*`; a v0 task `GITHUB_*` (facts of Taskcluster-Github's v0 token table). The branch
never comes from `git rev-parse --abbrev-ref`, which says `HEAD` in a task's detached checkout.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_REVISION = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_REMOTE = re.compile(
    r"(?:https?://|ssh://|git://)?(?:[^@/\s]+@)?(?P<host>[A-Za-z0-9.-]+)(?::\d+(?=/))?[:/]"
    r"(?P<slug>(?!\.)[A-Za-z0-9._-]+/(?!\.{1,2}/?\Z|\.git/?\Z)[A-Za-z0-9._-]+?)(?:\.git)?/?\Z"
)
# A relative path, `../balrog`, is no slug: an owner does not begin with a dot.
_SLUG = re.compile(r"(?!\.)[A-Za-z0-9._-]+/(?!\.{1,2}\Z|\.git\Z)[A-Za-z0-9._-]+\Z")


class EventKind(StrEnum):
    """What happened in the repository."""

    PUSH = "push"
    TAG = "tag"
    RELEASE = "release"
    PULL_REQUEST = "pull-request"


_KINDS = {
    "push": EventKind.PUSH,
    "github-push": EventKind.PUSH,
    "tag": EventKind.TAG,
    "release": EventKind.RELEASE,
    "github-release": EventKind.RELEASE,
    "pull-request": EventKind.PULL_REQUEST,
    "github-pull-request": EventKind.PULL_REQUEST,
    "github-pull-request-untrusted": EventKind.PULL_REQUEST,
    "github-issue-comment": EventKind.PULL_REQUEST,
}


class Event(NamedTuple):
    """One push, tag, release or pull request.

    Args:
        kind: what happened.
        host: where the repository is, `github.com`.
        slug: the repository, `mozilla/balrog`.
        branch: the branch that was pushed to, or None.
        tag: the tag, or None.
        revision: the commit, as hexadecimal digits, or None.
        created: when the task was created, UTC, or None.
    """

    kind: EventKind
    host: str
    slug: str
    branch: str | None
    tag: str | None
    revision: str | None
    created: datetime | None

    @property
    def source(self) -> str:
        """The repository's URL."""
        return f"https://{self.host}/{self.slug}"

    @property
    def role_prefix(self) -> str:
        """What the ids of the repository's roles begin with."""
        return f"repo:{self.host}/{self.slug}:"

    @property
    def role(self) -> str:
        """The role that Taskcluster-Github assumes for this event."""
        match self.kind:
            case EventKind.PULL_REQUEST:
                return f"{self.role_prefix}pull-request"
            case EventKind.RELEASE:
                return f"{self.role_prefix}release:published"
            case EventKind.TAG:
                return f"{self.role_prefix}tag:{self.tag}"
            case EventKind.PUSH:
                return f"{self.role_prefix}branch:{self.branch}"

    @property
    def version(self) -> str | None:
        """The version that the tag names: `v3.120` is 3.120."""
        return re.sub(r"\Av(?=\d)", "", self.tag) if self.tag else None


def parse_repository(text: str) -> tuple[str, str] | None:
    """The host and the slug that a remote's URL or a plain slug names, or None."""
    if _SLUG.match(text):
        return "github.com", text.removesuffix(".git")
    found = _REMOTE.match(text.strip())
    return (found["host"].lower(), found["slug"]) if found else None


def parse_time(text: str) -> datetime:
    """A time as Taskcluster writes it; both `Z` and `+00:00` occur.

    Raises:
        ValueError: it is none, or has no zone.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} is out of range") from None


def event_from_environment(
    environment: Mapping[str, str], remote: Callable[[], str | None], head: Callable[[], str | None]
) -> tuple[Event | None, list[str]]:
    """The event, and every problem found in its description.

    Args:
        environment: the task's environment.
        remote: tells the URL of the checkout's remote, which names the repository if the environment does not.
        head: tells the commit that is checked out, which is the revision if the environment names none.

    Returns:
        The event, or None if it cannot be made out, and the problems.
    """
    given = _lading(environment) if "LADING_EVENT" in environment else _github(environment)
    problems: list[str] = []
    kind = _kind(given, problems)
    repository = _repository(given, remote, problems)
    branch, tag = given.get("branch"), given.get("tag")
    if kind is EventKind.PUSH and not branch and not tag:
        problems.append("the branch is not known: set LADING_BRANCH (v1) or `extra.github.env: true` (v0)")
    if kind in {EventKind.TAG, EventKind.RELEASE} and not tag:
        problems.append(f"the event is a {kind}, and its tag is not known: set LADING_TAG")
    revision = _revision(given, head, problems)
    created = _created(given, problems)
    if kind is None or repository is None:
        return None, problems
    if kind is EventKind.PUSH and tag:
        kind = EventKind.TAG
    return Event(kind, *repository, branch or None, tag or None, revision, created), problems


def _lading(environment: Mapping[str, str]) -> dict[str, str]:
    names = ("event", "repository", "branch", "tag", "revision", "created")
    return _with_refs({name: environment.get(f"LADING_{name.upper()}", "") for name in names})


def _github(environment: Mapping[str, str]) -> dict[str, str]:
    """What v0 gives, and LADING_* where it gives nothing: a release has neither tag nor commit in GITHUB_*."""

    def first(*names: str) -> str:
        return next((environment[name] for name in names if environment.get(name)), "")

    return _with_refs(
        {
            "event": first("GITHUB_EVENT").partition(".")[0].replace("_", "-"),
            "repository": first("GITHUB_BASE_REPO_URL", "GITHUB_HEAD_REPO_URL", "LADING_REPOSITORY"),
            "branch": first("GITHUB_BRANCH", "GITHUB_BASE_BRANCH", "LADING_BRANCH"),
            "tag": first("GITHUB_HEAD_TAG", "LADING_TAG"),
            "revision": first("GITHUB_HEAD_SHA", "LADING_REVISION"),
            "created": first("LADING_CREATED"),
        }
    )


def _with_refs(given: dict[str, str]) -> dict[str, str]:
    """The branch and the tag by their names; a full ref says itself which of both it is.

    A pushed tag is a push of `refs/tags/…`, in v1's `event.ref` and in v0's GITHUB_BRANCH.
    """
    refs = [given["branch"], given["tag"]]
    branches = [ref for ref in refs[:1] if not ref.startswith("refs/")]
    branches += [ref.removeprefix("refs/heads/") for ref in refs if ref.startswith("refs/heads/")]
    tags = [ref for ref in refs[1:] if not ref.startswith("refs/")]
    tags += [ref.removeprefix("refs/tags/") for ref in refs if ref.startswith("refs/tags/")]
    return {**given, "branch": max(branches, default=""), "tag": max(tags, default="")}


def _kind(given: Mapping[str, str], problems: list[str]) -> EventKind | None:
    text = given.get("event", "")
    if not text:
        problems.append(
            "no event is known: `lading task init` writes LADING_EVENT into a v1 task, "
            "`extra.github.env: true` gives a v0 task its GITHUB_EVENT"
        )
        return None
    if text not in _KINDS:
        problems.append(f"the event {text[:60]!r} is none of {', '.join(sorted(_KINDS))}")
        return None
    return _KINDS[text]


def _repository(
    given: Mapping[str, str], remote: Callable[[], str | None], problems: list[str]
) -> tuple[str, str] | None:
    text = given.get("repository") or remote()
    if not text:
        problems.append(
            "the repository is not known: set LADING_REPOSITORY, or give the checkout a remote `origin`"
        )
        return None
    parsed = parse_repository(text)
    if parsed is None:
        problems.append(f"the repository {_without_credentials(text)!r} is not a URL that ends in OWNER/NAME")
    return parsed


def _without_credentials(url: str) -> str:
    return url.rpartition("@")[2][:200]


def _revision(given: Mapping[str, str], head: Callable[[], str | None], problems: list[str]) -> str | None:
    text = given.get("revision") or head()
    if not text:
        problems.append("the commit is not known: set LADING_REVISION, or build from a git checkout")
        return None
    if not _REVISION.match(text):
        problems.append(f"the revision {text[:80]!r} is not a full commit id")
        return None
    return text


def _created(given: Mapping[str, str], problems: list[str]) -> datetime | None:
    text = given.get("created")
    if not text:
        return None
    try:
        return parse_time(text)
    except ValueError:
        problems.append(
            f"LADING_CREATED is {text[:60]!r}, which is not a time such as 2026-11-24T03:29:36.992Z"
        )
        return None
