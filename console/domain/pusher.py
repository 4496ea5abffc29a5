"""Which push a task is of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from runner.task.event import parse_repository

if TYPE_CHECKING:
    from collections.abc import Mapping

    from console.domain.tasks import Task

_PUSHER: Final = re.compile(
    r"assume:repo:(?P<host>[^/:]+)/(?P<slug>[^/:]+/[^/:]+):(?P<kind>branch|tag|release|pull-request)(?::(?P<name>.+))?\Z"
)
_SOURCE: Final = re.compile(
    r"https://github\.com/(?P<slug>[^/]+/[^/]+)/(?:commit|blob|raw|tree)/(?P<commit>[0-9a-f]{40})"
)


@dataclass(frozen=True, slots=True)
class Pusher:
    """What a task says of the push that it is of; its own claims, but for what its scopes say.

    Args:
        repository: `OWNER/NAME`, or "".
        event: `push`, `tag`, `release` or `pull-request`, or "".
        name: the branch or the tag, or "".
        commit: 40 digits, or "".
    """

    repository: str = ""
    event: str = ""
    name: str = ""
    commit: str = ""


def pusher_of(task: Task) -> Pusher:
    """What can be told of the push: by the variables that a build is given, by scopes, by its source link."""
    definition = task.definition or {}
    payload = definition.get("payload")
    env = payload.get("env") if isinstance(payload, dict) else None
    variables = {k: v for k, v in env.items() if isinstance(v, str)} if isinstance(env, dict) else {}
    assumed = next((found for scope in task.scopes if (found := _PUSHER.match(scope))), None)
    metadata = definition.get("metadata")
    link = _SOURCE.match(str(metadata.get("source", ""))) if isinstance(metadata, dict) else None
    event = _first(variables, "LADING_EVENT", "GITHUB_EVENT").partition(".")[0].replace("_", "-")
    tag = _first(variables, "LADING_TAG", "GITHUB_HEAD_TAG")
    branch = _first(variables, "LADING_BRANCH", "GITHUB_BRANCH", "GITHUB_HEAD_BRANCH")
    named = parse_repository(_first(variables, "LADING_REPOSITORY", "GITHUB_HEAD_REPO_URL"))
    slug = named[1] if named and named[0] == "github.com" else ""
    if assumed is not None:
        kind, name = assumed["kind"], assumed["name"] or ""
        event = event or ("push" if kind == "branch" else kind)
        slug = slug or assumed["slug"]
        branch = branch or (name if kind == "branch" else "")
        tag = tag or (name if kind == "tag" else "")
    if event.startswith("github-"):
        event = event.removeprefix("github-")
    if event == "push" and tag:
        event = "tag"
    return Pusher(
        repository=slug or (link["slug"] if link else ""),
        event=event,
        name=tag or branch,
        commit=_first(variables, "LADING_REVISION", "GITHUB_HEAD_SHA") or (link["commit"] if link else ""),
    )


def _first(variables: Mapping[str, str], *names: str) -> str:
    return next((variables[name] for name in names if variables.get(name)), "")
