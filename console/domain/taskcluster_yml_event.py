"""What GitHub tells Taskcluster-Github of a push, a tag, a pull request or a release, and the role of each.

A body holds what task files use; GitHub's own holds more.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

NO_COMMIT: Final = "0" * 40
"""`before` of a push that made the branch."""


class TasksFor(StrEnum):
    """`tasks_for` in a v1 file."""

    PUSH = "github-push"
    PULL_REQUEST = "github-pull-request"
    UNTRUSTED_PULL_REQUEST = "github-pull-request-untrusted"
    RELEASE = "github-release"
    COMMENT = "github-issue-comment"


_OF_PULL_REQUESTS: Final = frozenset({TasksFor.PULL_REQUEST, TasksFor.UNTRUSTED_PULL_REQUEST})


@dataclass(frozen=True, slots=True)
class GithubEvent:
    """Something that happened in a repository.

    Args:
        tasks_for: what.
        slug: the repository, `mozilla/balrog`.
        body: the webhook's body: v1's `event`.
    """

    tasks_for: TasksFor
    slug: str
    body: Mapping[str, Any]

    @property
    def ref(self) -> str:
        """What was pushed, `refs/heads/main`; "" for what is no push."""
        ref = self.body.get("ref") if self.tasks_for is TasksFor.PUSH else ""
        return ref if isinstance(ref, str) else ""

    @property
    def is_tag(self) -> bool:
        """Whether a tag was pushed."""
        return self.ref.split("/")[1:2] == ["tags"]

    @property
    def action(self) -> str:
        """`opened`, `published` and so on; "" for a push."""
        return str(self.body.get("action") or "")

    @property
    def name(self) -> str:
        """v0's `event.type`: `push`, `tag`, `release`, `pull_request.opened`, `issue_comment.created`."""
        if self.tasks_for is TasksFor.PUSH:
            return "tag" if self.is_tag else "push"
        if self.tasks_for is TasksFor.RELEASE:
            return "release"
        subject = "pull_request" if self.tasks_for in _OF_PULL_REQUESTS else "issue_comment"
        return f"{subject}.{self.action}"

    @property
    def role(self) -> str:
        """The role with whose scopes a v1 file's tasks are created."""
        prefix = role_prefix(self.slug)
        match self.tasks_for:
            case TasksFor.PUSH:
                kind = "tag" if self.is_tag else "branch"
                return f"{prefix}{kind}:{'/'.join(self.ref.split('/')[2:])}"
            case TasksFor.RELEASE:
                return f"{prefix}release:{self.action or 'published'}"
            case TasksFor.UNTRUSTED_PULL_REQUEST:
                return f"{prefix}pull-request-untrusted"
            case TasksFor.PULL_REQUEST | TasksFor.COMMENT:
                return f"{prefix}pull-request"

    @property
    def v0_role(self) -> str | None:
        """The role of a v0 file's tasks: a release's never depends on its action, a comment has none."""
        if self.tasks_for is TasksFor.COMMENT:
            return None
        return f"{role_prefix(self.slug)}release:published" if self.name == "release" else self.role


def role_prefix(slug: str) -> str:
    """What the ids of a repository's roles begin with; Taskcluster-Github knows no other host."""
    return f"repo:github.com/{slug}:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the builders below put into bodies where nothing better is known.

    Args:
        sender: who did it.
        default_branch: of the repository.
        clone_url: of the repository; None for the one that GitHub would give.
        subject: the commit's first line, the pull request's title, or the release's name.
    """

    sender: str = "octocat"
    default_branch: str = "main"
    clone_url: str | None = None
    subject: str = ""


_TOLD: Final = Told()


def push_event(
    slug: str, ref: str, revision: str, *, before: str = NO_COMMIT, told: Told = _TOLD
) -> GithubEvent:
    """A push of `refs/heads/BRANCH` or `refs/tags/TAG`."""
    url = f"https://github.com/{slug}"
    commit = {
        "id": revision,
        "message": told.subject,
        "url": f"{url}/commit/{revision}",
        "author": {"name": told.sender, "email": _email(told), "username": told.sender},
    }
    body = {
        "ref": ref,
        "before": before,
        "after": revision,
        "created": before == NO_COMMIT,
        "deleted": False,
        "forced": False,
        "base_ref": None,
        "compare": f"{url}/compare/{before[:12]}...{revision[:12]}",
        "commits": [commit],
        "head_commit": commit,
        "repository": _repository(slug, told),
        "organization": {"login": slug.partition("/")[0]},
        "pusher": {"name": told.sender, "email": _email(told)},
        "sender": {"login": told.sender},
    }
    return GithubEvent(TasksFor.PUSH, slug, body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where a pull request comes from.

    Args:
        branch: its branch.
        slug: its repository; None for the repository itself.
    """

    branch: str = "patch-1"
    slug: str | None = None


_HEAD: Final = Head()


def pull_request_event(
    slug: str,
    number: int,
    revision: str,
    *,
    action: str = "opened",
    trusted: bool = True,
    before: str = NO_COMMIT,
    head: Head = _HEAD,
    told: Told = _TOLD,
) -> GithubEvent:
    """A pull request into the default branch.

    Args:
        slug: the repository that it is for.
        number: its number.
        revision: its last commit.
        action: `opened`, `synchronize`, `closed` and so on.
        trusted: whether whoever opened it, and whoever owns its head, are collaborators.
        before: the commit that it is based on.
        head: where it comes from.
        told: the rest.
    """
    tasks_for = TasksFor.PULL_REQUEST if trusted else TasksFor.UNTRUSTED_PULL_REQUEST
    url = f"https://github.com/{slug}/pull/{number}"
    body = {
        "action": action,
        "number": number,
        "pull_request": {
            "number": number,
            "html_url": url,
            "url": f"https://api.github.com/repos/{slug}/pulls/{number}",
            "title": told.subject,
            "body": "",
            "state": "closed" if action == "closed" else "open",
            "draft": False,
            "merged": False,
            "user": {"login": told.sender},
            "labels": [],
            "head": _end(head.slug or slug, head.branch, revision, told),
            "base": _end(slug, told.default_branch, before, told),
        },
        "repository": _repository(slug, told),
        "organization": {"login": slug.partition("/")[0]},
        "sender": {"login": told.sender},
    }
    return GithubEvent(tasks_for, slug, body)


def release_event(
    slug: str, tag: str, *, action: str = "published", prerelease: bool = False, told: Told = _TOLD
) -> GithubEvent:
    """A release of a tag; GitHub does not tell its commit."""
    url = f"https://github.com/{slug}"
    body = {
        "action": action,
        "release": {
            "tag_name": tag,
            "name": told.subject or tag,
            "target_commitish": told.default_branch,
            "draft": False,
            "prerelease": prerelease,
            "url": f"https://api.github.com/repos/{slug}/releases/1",
            "html_url": f"{url}/releases/tag/{tag}",
            "tarball_url": f"https://api.github.com/repos/{slug}/tarball/{tag}",
            "zipball_url": f"https://api.github.com/repos/{slug}/zipball/{tag}",
            "body": "",
            "author": {"login": told.sender},
        },
        "repository": _repository(slug, told),
        "organization": {"login": slug.partition("/")[0]},
        "sender": {"login": told.sender},
    }
    return GithubEvent(TasksFor.RELEASE, slug, body)


def _email(told: Told) -> str:
    return f"{told.sender}@users.noreply.github.com"


def _end(slug: str, branch: str, revision: str, told: Told) -> dict[str, Any]:
    owner = slug.partition("/")[0]
    return {
        "label": f"{owner}:{branch}",
        "ref": branch,
        "sha": revision,
        "user": {"login": owner},
        "repo": _repository(slug, told),
    }


def _repository(slug: str, told: Told) -> dict[str, Any]:
    owner, _, name = slug.partition("/")
    url = f"https://github.com/{slug}"
    return {
        "name": name,
        "full_name": slug,
        "owner": {"login": owner, "name": owner},
        "html_url": url,
        "url": url,
        "clone_url": told.clone_url or f"{url}.git",
        "ssh_url": f"git@github.com:{slug}.git",
        "git_url": f"git://github.com/{slug}.git",
        "default_branch": told.default_branch,
        "private": False,
        "fork": False,
    }
