"""`.taskcluster.yml`, version 1: from the file and an event to the tasks that Taskcluster-Github creates.

Measured against the github service of Taskcluster v106: its `taskcluster-yml` method and the tasks it creates.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import jsone
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FILE_NAME: Final = ".taskcluster.yml"
SCHEDULER: Final = "taskcluster-github"


class BadTaskclusterYml(ValueError):
    """The file does not become tasks; the message says why."""


class _CoreLoader(yaml.SafeLoader):
    """YAML as js-yaml reads it: `on` and `yes` are texts, `012` is twelve; YAML 1.1 reads them otherwise."""


_CoreLoader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("int", r"^[-+]?(?:0b[01]+|0x[0-9a-fA-F]+|0o[0-7]+|[0-9]+)$", "-+0123456789"),
    (
        "float",
        r"^[-+]?(?:(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)$",
        "-+0123456789.",
    ),
    ("merge", r"^(?:<<)$", "<"),
):
    _CoreLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


def _decimal(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node)).replace("_", "")
    body = text.lstrip("+-")
    value = int(body, 0) if body[:2].lower() in {"0x", "0b", "0o"} else int(body)
    return -value if text.startswith("-") else value


_CoreLoader.add_constructor("tag:yaml.org,2002:int", _decimal)


def parse(text: str) -> dict[str, Any]:
    """Read the file.

    Raises:
        BadTaskclusterYml: it is no YAML, no object, or not version 1.
    """
    try:
        document = yaml.load(text, _CoreLoader)  # noqa: S506 - it is a SafeLoader
    except yaml.YAMLError as error:
        raise BadTaskclusterYml(f"{FILE_NAME} is no YAML: {error}") from error
    if not isinstance(document, dict):
        raise BadTaskclusterYml(f"{FILE_NAME} is not an object")
    if document.get("version") != 1:
        raise BadTaskclusterYml(f"{FILE_NAME} has version {document.get('version')!r}; only 1 is read here")
    return document


def push_scopes(host: str, slug: str, ref: str, reporting: str | None) -> tuple[str, ...]:
    """The scopes with which the tasks of a push are created.

    Args:
        host: `github.com`.
        slug: `mozilla/balrog`.
        ref: `refs/heads/<branch>` or `refs/tags/<tag>`.
        reporting: the file's `reporting`.
    """
    kind = "tag" if ref.startswith("refs/tags/") else "branch"
    name = ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
    return (
        f"assume:repo:{host}/{slug}:{kind}:{name}",
        f"queue:route:{_route(reporting)}",
        f"queue:scheduler-id:{SCHEDULER}",
    )


def _route(reporting: str | None) -> str:
    return "checks" if reporting == "checks-v1" else "statuses"


def render(
    document: Mapping[str, Any],
    *,
    tasks_for: str,
    event: Mapping[str, Any],
    root_url: str,
    now: str,
    new_id: Callable[[], str],
) -> tuple[str, dict[str, dict[str, Any]]]:
    """The task group and its tasks by id, each after those that it depends on.

    Args:
        document: the file, parsed.
        tasks_for: `github-push` and so on.
        event: the webhook's body.
        root_url: the deployment's.
        now: the time, as json-e's `now`.
        new_id: makes a slug id.

    Raises:
        BadTaskclusterYml: it does not render, or what it renders to are no tasks.
    """
    slugs: dict[str, str] = {}
    context = {
        "taskcluster_root_url": root_url,
        "tasks_for": tasks_for,
        "event": dict(event),
        "now": now,
        "as_slugid": lambda label: slugs.setdefault(label, new_id()),
    }
    try:
        rendered = jsone.render(dict(document), context)
    except jsone.JSONTemplateError as error:
        raise BadTaskclusterYml(f"{FILE_NAME} does not render: {error}") from error
    found = rendered.get("tasks", [])
    if not isinstance(found, list) or not all(isinstance(task, dict) for task in found):
        raise BadTaskclusterYml(f"{FILE_NAME}: `tasks` does not render to a list of tasks")
    return _compile(found, _route(rendered.get("reporting")), new_id)


def _compile(
    found: list[dict[str, Any]], route: str, new_id: Callable[[], str]
) -> tuple[str, dict[str, dict[str, Any]]]:
    # A task alone is its own group, whichever of the two it names; several get one that is none of them.
    group = new_id()
    tasks: dict[str, dict[str, Any]] = {}
    for task in found:
        definition = {"schedulerId": SCHEDULER, **task}
        task_id = definition.pop("taskId", None)
        if len(found) == 1:
            task_id = task_id or definition.get("taskGroupId") or group
            group = definition.setdefault("taskGroupId", task_id)
        else:
            task_id = task_id or new_id()
            definition.setdefault("taskGroupId", group)
        definition["routes"] = list(dict.fromkeys([*definition.get("routes", []), route]))
        if task_id in tasks:
            raise BadTaskclusterYml(f"{FILE_NAME}: two tasks have the id {task_id}")
        tasks[task_id] = definition
    groups = Counter(task["taskGroupId"] for task in tasks.values())
    return (groups.most_common(1)[0][0] if groups else group), _sorted(tasks)


def _sorted(tasks: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Each task after those that it depends on: the queue refuses a dependency that does not exist."""
    ordered: dict[str, dict[str, Any]] = {}
    waiting = dict(tasks)
    while waiting:
        ready = [
            task_id
            for task_id, task in waiting.items()
            if not any(needed in waiting for needed in task.get("dependencies", []))
        ]
        if not ready:
            raise BadTaskclusterYml(f"{FILE_NAME}: its tasks depend on each other in a circle")
        for task_id in ready:
            ordered[task_id] = waiting.pop(task_id)
    return ordered
