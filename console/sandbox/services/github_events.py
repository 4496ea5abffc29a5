"""github: the events that rendering a task file is tried with; their values are those of the service's own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from console.domain.taskcluster_yml_event import (
    GithubEvent,
    Head,
    TasksFor,
    Told,
    pull_request_event,
    push_event,
    release_event,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_SENDER: Final = "awesome-dev"
_BEFORE: Final = "7a257a6d139708a3188bf2e0cd1f15e466a88d0e"
_PUSHED: Final = "b79ce60be819cdc482c9c6a84dc3c457959aa66f"
_BASE: Final = "55e752e3a914db81eee3f90260f7eb69b7169ada"
_HEAD: Final = "b12ead3c5f3499e34356c970e20d7858f1747542"
_TOLD: Final = Told(sender=_SENDER, default_branch="master", subject="Update README.md")
_COMMAND: Final = re.compile(r"^/taskcluster\s+(\S.*?)\s*$", re.MULTILINE)


class NoCommand(ValueError):
    """A comment without a `/taskcluster` command."""


def sample_event(tasks_for: TasksFor, action: str, slug: str, overrides: Mapping[str, Any]) -> GithubEvent:
    """An event as GitHub might send it.

    Args:
        tasks_for: of what kind.
        action: `opened` and so on; "" for a push.
        slug: the repository.
        overrides: what replaces members of its body; `branch` is that of a push.

    Raises:
        NoCommand: a comment that commands nothing.
    """
    if tasks_for is TasksFor.COMMENT:
        return _comment(action, slug, overrides)
    event = _pushed(slug, overrides) if tasks_for is TasksFor.PUSH else _of_action(tasks_for, action, slug)
    return GithubEvent(tasks_for, slug, {**event.body, **overrides})


def _pushed(slug: str, overrides: Mapping[str, Any]) -> GithubEvent:
    ref = f"refs/heads/{overrides.get('branch') or 'main'}"
    event = push_event(slug, ref, _PUSHED, before=_BEFORE, told=_TOLD)
    return GithubEvent(TasksFor.PUSH, slug, {**event.body, "pusher": {"name": _SENDER, "email": None}})


def _of_action(tasks_for: TasksFor, action: str, slug: str) -> GithubEvent:
    if tasks_for is TasksFor.RELEASE:
        told = Told(sender=slug.partition("/")[0], default_branch="master", subject="Testing 123")
        return release_event(slug, "testing-789", action=action, told=told)
    return pull_request_event(
        slug,
        36,
        _HEAD,
        action=action,
        trusted=tasks_for is TasksFor.PULL_REQUEST,
        before=_BASE,
        head=Head(branch="awesome-dev-patch-2"),
        told=_TOLD,
    )


def _comment(action: str, slug: str, overrides: Mapping[str, Any]) -> GithubEvent:
    told = Told(sender="testuser", default_branch="master")
    pushed = push_event(slug, "refs/heads/main", _PUSHED, told=told).body
    body = {
        "action": action,
        "issue": {"number": 1, "title": "Test issue", "user": {"login": told.sender}, "state": "open"},
        "comment": {"id": 1, "user": {"login": told.sender}, "body": "/taskcluster run"},
        **{name: pushed[name] for name in ("repository", "organization", "sender")},
        **overrides,
    }
    comment = body["comment"]
    text = comment.get("body") if isinstance(comment, dict) else None
    command = _COMMAND.search(text) if isinstance(text, str) else None
    if command is None:
        raise NoCommand("The comment holds no /taskcluster command")
    return GithubEvent(TasksFor.COMMENT, slug, {**body, "taskcluster_comment": command[1]})
