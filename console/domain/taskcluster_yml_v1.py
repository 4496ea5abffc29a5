"""Version 1: json-e over the whole file, then Taskcluster-Github's rules for ids, groups, routes and order.

Measured against the github service of Taskcluster v106. A task without `created` is created now.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import jsone

from console.domain.taskcluster_yml_text import BadTaskclusterYml, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from console.domain.taskcluster_yml_event import GithubEvent
    from console.domain.taskcluster_yml_text import Position, YamlText

# What json-e's messages name of the template.
_NAMED: Final = (
    re.compile(r"unknown context value (\w+)"),
    re.compile(r'object has no property "?(\w+)'),
    re.compile(r"only one operator allowed|(\$\w+)"),
)
_STEP: Final = re.compile(r"\.(?P<name>\w+)|\[(?P<index>\d+)\]|\[\"(?P<text>.*)\"\]")


class Rendered(NamedTuple):
    """What a file renders to.

    Args:
        document: the file without its version, json-e applied.
        origins: of each of its tasks, the place in the file's own list: some of those render to nothing.
    """

    document: Mapping[str, Any]
    origins: tuple[int, ...]


def render_v1(
    read: YamlText, event: GithubEvent, *, root_url: str, now: str, new_id: Callable[[], str]
) -> Rendered:
    """What the file renders to.

    Args:
        read: a file of version 1.
        event: what happened.
        root_url: of the deployment.
        now: the time, as Taskcluster writes it, with milliseconds and `Z`.
        new_id: makes a slug id.

    Raises:
        BadTaskclusterYml: it does not render, or `tasks` renders to no list of objects.
    """
    slugs: dict[str, str] = {}
    context = {
        "taskcluster_root_url": root_url,
        "tasks_for": str(event.tasks_for),
        "event": dict(event.body),
        "now": now,
        "as_slugid": lambda label: slugs.setdefault(str(label), new_id()),
    }
    try:
        document = jsone.render(
            {key: value for key, value in read.value.items() if key != "version"}, context
        )
        kept = _kept(read.value.get("tasks"), context)
    except jsone.JSONTemplateError as error:
        raise BadTaskclusterYml(_problem(read, error)) from error
    # json-e raises whatever a wrong operand makes Python raise.
    except Exception as error:
        reason = (
            "nested too deeply" if isinstance(error, RecursionError) else f"{type(error).__name__}: {error}"
        )
        place = _culprit(read, context)
        raise BadTaskclusterYml(Problem(f"does not render: {reason}", place)) from error
    tasks = document.get("tasks", [])
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise BadTaskclusterYml(
            Problem("does not render to a list of tasks", read.position(("tasks",)), "/tasks")
        )
    return Rendered(document, kept if len(kept) == len(tasks) else tuple(range(len(tasks))))


def _kept(templates: object, context: dict[str, Any]) -> tuple[int, ...]:
    """Which of a list's templates render to something."""
    listed = templates if isinstance(templates, list) else []
    return tuple(index for index, template in enumerate(listed) if jsone.render([template], context))


def _culprit(read: YamlText, context: dict[str, Any]) -> Position:
    """The first task that does not render by itself, or the list of them."""
    templates = read.value.get("tasks")
    for index, template in enumerate(templates if isinstance(templates, list) else []):
        try:
            jsone.render([template], context)
        except Exception:  # noqa: BLE001 - json-e raises whatever a wrong operand makes Python raise
            return read.position(("tasks", index))
    return read.position(("tasks",))


def _problem(read: YamlText, error: jsone.JSONTemplateError) -> Problem:
    path: list[str | int] = []
    for step in error.location:
        found = _STEP.fullmatch(step)
        if found:
            path.append(int(found["index"]) if found["index"] else found["name"] or found["text"])
    named = (pattern.search(str(error)) for pattern in _NAMED)
    hint = next((found[1] for found in named if found and found[1]), None)
    return Problem(str(error), read.position(path, hint))


def compile_tasks(
    read: YamlText, rendered: Rendered, new_id: Callable[[], str]
) -> tuple[dict[str, dict[str, Any]], dict[str, int]]:
    """The tasks by id, and the place of each in the file; the tasks are in order, each after those that it depends on.

    A task alone is its own group, whichever of the two ids it names; several get a group that is none of them.

    Args:
        read: the file.
        rendered: what it rendered to.
        new_id: makes a slug id.

    Raises:
        BadTaskclusterYml: two tasks have one id, or tasks depend on each other in a circle.
    """
    found = rendered.document.get("tasks", [])
    route = "checks" if rendered.document.get("reporting") else "statuses"
    group = new_id()
    tasks: dict[str, dict[str, Any]] = {}
    places: dict[str, int] = {}
    for index, task in zip(rendered.origins, found, strict=True):
        definition = {"schedulerId": "taskcluster-github", **task}
        task_id = definition.pop("taskId", None)
        if len(found) == 1:
            task_id = task_id or definition.get("taskGroupId") or group
            definition["taskGroupId"] = definition.get("taskGroupId") or task_id
        else:
            task_id = task_id or new_id()
            definition.setdefault("taskGroupId", group)
        definition["routes"] = with_route(read, index, definition, route)
        if not isinstance(task_id, str):
            raise _bad(read, ("tasks", index, "taskId"), "`taskId` does not render to a text")
        if task_id in tasks:
            raise _bad(read, ("tasks", index, "taskId"), f"two tasks have the id {task_id}")
        tasks[task_id], places[task_id] = definition, index
    return _in_order(read, tasks), places


def with_route(read: YamlText, index: int, task: Mapping[str, Any], route: str) -> list[str]:
    """A task's routes, and the one by which its result is reported.

    Raises:
        BadTaskclusterYml: its routes are no list of texts.
    """
    routes = task.get("routes") or []
    if not isinstance(routes, list) or not all(isinstance(own, str) for own in routes):
        raise _bad(read, ("tasks", index, "routes"), "`routes` does not render to a list of texts")
    return list(dict.fromkeys([*routes, route]))


def _bad(read: YamlText, path: tuple[str | int, ...], reason: str) -> BadTaskclusterYml:
    return BadTaskclusterYml(Problem(reason, read.position(path)))


def _in_order(read: YamlText, tasks: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The queue refuses a dependency that does not exist yet."""
    ordered: dict[str, dict[str, Any]] = {}
    waiting = dict(tasks)
    while waiting:
        ready = [
            task_id
            for task_id, task in waiting.items()
            if not any(needed in tasks and needed not in ordered for needed in _dependencies(task))
        ]
        if not ready:
            raise _bad(read, ("tasks",), f"its tasks depend on each other in a circle: {', '.join(waiting)}")
        for task_id in ready:
            ordered[task_id] = waiting.pop(task_id)
    return ordered


def _dependencies(task: Mapping[str, Any]) -> list[str]:
    """Those that can be of this file; what else stands there, the queue refuses."""
    found = task.get("dependencies")
    return [needed for needed in found if isinstance(needed, str)] if isinstance(found, list) else []
