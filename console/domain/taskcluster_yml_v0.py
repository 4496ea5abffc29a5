"""Version 0: `{{ event.… }}` tokens, and tasks chosen by `extra.github`.

Measured against the github service of Taskcluster v106. A token that names nothing is left as it stands.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import jsone
from jsone.shared import fromNow

from console.domain.taskcluster_yml_event import TasksFor
from console.domain.taskcluster_yml_text import BadTaskclusterYml, Problem
from console.domain.taskcluster_yml_v1 import with_route

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from console.domain.taskcluster_yml_event import GithubEvent
    from console.domain.taskcluster_yml_text import YamlText

_TOKEN: Final = re.compile(r"\{\{([^}]*)\}\}")
_QUOTED: Final = re.compile(r"\"([^\"]*)\"|'([^']*)'")
_TIMES: Final = {"created": "{{ $fromNow }}", "deadline": "{{ '1 day' | $fromNow }}"}
_ENVIRONMENT: Final = {
    "GITHUB_EVENT": "event.type",
    "GITHUB_BRANCH": "event.base.repo.branch",
    "GITHUB_PULL_REQUEST": "event.pullNumber",
    "GITHUB_PULL_TITLE": "event.title",
    "GITHUB_BASE_REPO_NAME": "event.base.repo.name",
    "GITHUB_BASE_REPO_URL": "event.base.repo.url",
    "GITHUB_BASE_USER": "event.base.user.login",
    "GITHUB_BASE_SHA": "event.base.sha",
    "GITHUB_BASE_BRANCH": "event.base.repo.branch",
    "GITHUB_BASE_REF": "event.base.ref",
    "GITHUB_HEAD_REPO_NAME": "event.head.repo.name",
    "GITHUB_HEAD_REPO_URL": "event.head.repo.url",
    "GITHUB_HEAD_USER": "event.head.user.login",
    "GITHUB_HEAD_SHA": "event.head.sha",
    "GITHUB_HEAD_BRANCH": "event.head.repo.branch",
    "GITHUB_HEAD_TAG": "event.head.tag",
    "GITHUB_HEAD_REF": "event.head.ref",
    "GITHUB_HEAD_USER_EMAIL": "event.head.user.email",
}
_PUSH: Final = {
    "event.base.ref": "ref",
    "event.base.repo.name": "repository.name",
    "event.base.repo.url": "repository.clone_url",
    "event.base.sha": "before",
    "event.base.user.login": "sender.login",
    "event.head.ref": "ref",
    "event.head.repo.name": "repository.name",
    "event.head.repo.url": "repository.clone_url",
    "event.head.sha": "after",
    "event.head.user.login": "sender.login",
    "event.head.user.id": "sender.id",
}
_PULL_REQUEST: Final = {
    "event.base.repo.branch": "pull_request.base.ref",
    "event.base.repo.name": "pull_request.base.repo.name",
    "event.base.repo.url": "pull_request.base.repo.clone_url",
    "event.base.sha": "pull_request.base.sha",
    "event.base.user.login": "pull_request.base.user.login",
    "event.head.repo.branch": "pull_request.head.ref",
    "event.head.repo.name": "pull_request.head.repo.name",
    "event.head.repo.url": "pull_request.head.repo.clone_url",
    "event.head.sha": "pull_request.head.sha",
    "event.head.user.login": "sender.login",
    "event.head.user.id": "sender.id",
    "event.pullNumber": "number",
    "event.title": "pull_request.title",
}
_RELEASE: Final = {
    "event.base.repo.branch": "release.target_commitish",
    "event.head.repo.name": "repository.name",
    "event.head.repo.url": "repository.clone_url",
    "event.head.user.login": "sender.login",
    "event.head.user.id": "sender.id",
    "event.version": "release.tag_name",
    "event.name": "release.name",
    "event.release.url": "release.url",
    "event.prerelease": "release.prerelease",
    "event.draft": "release.draft",
    "event.tar": "release.tarball_url",
    "event.zip": "release.zipball_url",
}


def details(event: GithubEvent) -> dict[str, Any]:
    """The values of the tokens `event.…`; what the event does not have is absent."""
    table = {TasksFor.PUSH: _PUSH, TasksFor.RELEASE: _RELEASE, TasksFor.COMMENT: {}}.get(
        event.tasks_for, _PULL_REQUEST
    )
    found = {token: _at(event.body, place) for token, place in table.items()}
    found["event.type"] = event.name
    name = "/".join(event.ref.split("/")[2:])
    if event.is_tag:
        found["event.head.tag"] = name
    elif event.ref:
        found["event.base.repo.branch"] = found["event.head.repo.branch"] = name
    elif table is _PULL_REQUEST:
        found["event.base.ref"] = f"refs/heads/{found['event.base.repo.branch']}"
        found["event.head.ref"] = f"refs/heads/{found['event.head.repo.branch']}"
    return {token: value for token, value in found.items() if value is not None}


def _at(body: Mapping[str, Any], place: str) -> Any:
    value: Any = body
    for step in place.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def render_v0(
    read: YamlText, event: GithubEvent, *, now: str, new_id: Callable[[], str]
) -> tuple[dict[str, dict[str, Any]], dict[str, int]]:
    """The tasks by id, in the file's order, and the place of each in it.

    Args:
        read: a file of version 0.
        event: what happened.
        now: the time, as Taskcluster writes it.
        new_id: makes a slug id.

    Raises:
        BadTaskclusterYml: it does not become tasks.
    """
    known = details(event)
    owner, _, name = event.slug.partition("/")
    tokens = _Tokens(
        {
            **known,
            "organization": owner,
            "repository": name,
            "timestamp": _milliseconds(now),
            # Of the deployment's configuration, which no API tells; the service says `unknown` too if unset.
            "taskcluster.docker.provisionerId": "unknown",
            "taskcluster.docker.workerType": "unknown",
        },
        now,
    )
    tasks: dict[str, dict[str, Any]] = {}
    places: dict[str, int] = {}
    for index, template in enumerate(read.value.get("tasks", [])):
        try:
            task = tokens.put_into({**_TIMES, **template})
        except _NoTime as error:
            place = read.position(("tasks", index), str(error))
            raise BadTaskclusterYml(Problem(f"{str(error)!r} is no time from now", place)) from error
        if not _is_for(read, index, task, known):
            continue
        task["routes"] = with_route(read, index, task, "statuses")
        if task["extra"]["github"].get("env"):
            _add_environment(read, index, task, known)
        task_id = new_id()
        group, places[task_id] = next(iter(tasks), task_id), index
        tasks[task_id] = {**task, "taskGroupId": group, "schedulerId": "taskcluster-github"}
    return tasks, places


def _is_for(read: YamlText, index: int, task: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    """Whether the task is one for this event."""
    extra = task.get("extra")
    github = extra.get("github") if isinstance(extra, dict) else None
    if not github:
        return False

    def bad(reason: str, *steps: str) -> BadTaskclusterYml:
        place = read.position(("tasks", index, "extra", "github", *steps))
        return BadTaskclusterYml(Problem(reason, place))

    if not isinstance(github, dict) or not _are_texts(github.get("events")):
        raise bad("`extra.github.events` must be a list of events, such as [push]", "events")
    branches, excluded = github.get("branches"), github.get("excludeBranches")
    if branches and excluded:
        raise bad("Cannot specify both `branches` and `excludeBranches` in the same task!", "branches")
    for given, step in ((branches, "branches"), (excluded, "excludeBranches")):
        if given and not _are_texts(given):
            raise bad(f"`extra.github.{step}` must be a list of branches", step)
    if not any(known["event.type"].startswith(wanted.rstrip("*")) for wanted in github["events"]):
        return False
    if known["event.type"] != "push":
        return True
    branch = known.get("event.base.repo.branch")
    return branch in branches if branches else branch not in (excluded or [])


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _add_environment(read: YamlText, index: int, task: dict[str, Any], known: Mapping[str, Any]) -> None:
    payload = task.get("payload")
    env = payload.get("env") or {} if isinstance(payload, dict) else None
    if not isinstance(payload, dict) or not isinstance(env, dict):
        place = read.position(("tasks", index, "payload"))
        raise BadTaskclusterYml(
            Problem("`extra.github.env` needs a `payload`, whose `env` is an object", place)
        )
    given = {name: str(known[token]) for name, token in _ENVIRONMENT.items() if token in known}
    payload["env"] = {**env, **given}


def _milliseconds(now: str) -> int:
    return int(datetime.fromisoformat(now).timestamp() * 1000)


class _NoTime(ValueError):
    """What `$fromNow` was given."""


class _Tokens:
    def __init__(self, values: Mapping[str, Any], now: str) -> None:
        self._values = values
        self._now = now

    def put_into(self, value: Any) -> Any:
        """The value with its tokens replaced, in keys too."""
        if isinstance(value, str):
            return _TOKEN.sub(self._replaced, value)
        if isinstance(value, list):
            return [self.put_into(item) for item in value]
        if isinstance(value, dict):
            return {self.put_into(key): self.put_into(item) for key, item in value.items()}
        return value

    def _replaced(self, token: re.Match[str]) -> str:
        first, *functions = (part.strip() for part in token[1].split("|"))
        quoted = _QUOTED.search(first)
        value = (quoted[1] or quoted[2] or "") if quoted else self._value(first)
        for function in functions:
            if function != "$fromNow" or value is None:
                return token[0]
            value = self._from_now(value)
        return token[0] if value is None else value

    def _value(self, name: str) -> str | None:
        if name == "$fromNow":
            return self._from_now("")
        value = self._values.get(name)
        return str(value).lower() if isinstance(value, bool) else None if value is None else str(value)

    def _from_now(self, offset: str) -> str:
        try:
            return str(fromNow(offset, self._now))
        except (jsone.JSONTemplateError, OverflowError, ValueError) as error:
            raise _NoTime(offset) from error
