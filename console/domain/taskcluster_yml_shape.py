"""What the github service demands of `.taskcluster.yml` before it renders it, in its own words.

Measured: the wording, and that it is the file as written that is looked at, not what it renders to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from console.domain.taskcluster_yml_text import BadTaskclusterYml, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from console.domain.taskcluster_yml_text import YamlText

PULL_REQUEST_POLICIES: Final = ("public", "public_restricted", "collaborators", "collaborators_quiet")
_V0_POLICIES: Final = ("public", "collaborators")
_MEMBERS: Final[Mapping[int, tuple[str, ...]]] = {
    0: ("version", "metadata", "allowPullRequests", "tasks"),
    1: ("version", "policy", "reporting", "autoCancelPreviousChecks", "hooks", "tasks"),
}
_METADATA: Final[Mapping[str, int]] = {"name": 255, "description": 32768, "owner": 255, "source": 4096}
_ALLOWED: Final = "must be equal to one of the allowed values"

# The reason, and the path of the value that it is about.
_Found = tuple[str, tuple[str | int, ...]]


def version_of(read: YamlText) -> int:
    """The version of a file whose form is right.

    Raises:
        BadTaskclusterYml: with everything that is wrong with its form.
    """
    document = read.value
    if not isinstance(document, dict):
        raise BadTaskclusterYml(Problem("is not an object", read.position(())))
    version = document.get("version")
    # Whatever is not 0 is taken for the newest form, and then found not to be of it.
    known = 0 if version == 0 and version is not False else 1
    found = list(_problems(document, known))
    if found:
        raise BadTaskclusterYml(
            *(
                Problem(reason, read.position(path), "".join(f"/{step}" for step in path))
                for reason, path in found
            )
        )
    return known


def _problems(document: Mapping[str, Any], version: int) -> Iterator[_Found]:
    yield from _members(document, _MEMBERS[version], ("version",), ())
    yield from _version(document, version)
    if version == 0:
        yield from _choice(document, "allowPullRequests", _V0_POLICIES, ())
        yield from _metadata(document)
        yield from _tasks_of_v0(document)
        return
    policy = document.get("policy", {})
    if isinstance(policy, dict):
        yield from _members(policy, ("pullRequests", "allowComments"), (), ("policy",))
        yield from _choice(policy, "allowComments", ("collaborators",), ("policy",))
        yield from _choice(policy, "pullRequests", PULL_REQUEST_POLICIES, ("policy",))
    else:
        yield "must be object", ("policy",)
    yield from _choice(document, "reporting", ("checks-v1",), ())
    if not isinstance(document.get("autoCancelPreviousChecks", True), bool):
        yield "must be boolean", ("autoCancelPreviousChecks",)
    yield from _hooks(document)
    yield from _tasks_of_v1(document)


def _version(document: Mapping[str, Any], version: int) -> Iterator[_Found]:
    if "version" not in document:
        return
    found = document["version"]
    if isinstance(found, bool) or not isinstance(found, int):
        yield "must be integer", ("version",)
    if found != version or isinstance(found, bool):
        yield f"{_ALLOWED}: 0 or 1", ("version",)


def _members(
    found: Mapping[str, Any], known: Sequence[str], required: Sequence[str], path: tuple[str | int, ...]
) -> Iterator[_Found]:
    for name in required:
        if name not in found:
            yield f"must have required property '{name}'", path
    for name in found:
        if name not in known:
            yield f'must NOT have additional properties: "{name}"', path


def _choice(
    holder: Mapping[str, Any], name: str, choices: Sequence[str], path: tuple[str | int, ...]
) -> Iterator[_Found]:
    if name not in holder:
        return
    value = holder[name]
    if not isinstance(value, str):
        yield "must be string", (*path, name)
    if value not in choices:
        yield f"{_ALLOWED}: {', '.join(choices)}", (*path, name)


def _hooks(document: Mapping[str, Any]) -> Iterator[_Found]:
    hooks = document.get("hooks", [])
    if not isinstance(hooks, list):
        yield "must be array", ("hooks",)
        return
    for index, hook in enumerate(hooks):
        path = ("hooks", index)
        if not isinstance(hook, dict):
            yield "must be object", path
            continue
        yield from _members(hook, ("name", "context"), ("name",), path)
        if not isinstance(hook.get("name", ""), str):
            yield "must be string", (*path, "name")
        if not isinstance(hook.get("context", {}), dict):
            yield "must be object", (*path, "context")


def _tasks_of_v1(document: Mapping[str, Any]) -> Iterator[_Found]:
    tasks = document.get("tasks", [])
    if isinstance(tasks, dict):
        return
    wrong = []
    if isinstance(tasks, list):
        wrong = [index for index, task in enumerate(tasks) if not isinstance(task, dict)]
        if not wrong:
            return
    else:
        yield "must be array", ("tasks",)
    yield from (("must be object", ("tasks", index)) for index in wrong)
    yield "must be object", ("tasks",)
    yield "must match exactly one schema in oneOf", ("tasks",)


def _tasks_of_v0(document: Mapping[str, Any]) -> Iterator[_Found]:
    tasks = document.get("tasks", [])
    if not isinstance(tasks, list):
        yield "must be array", ("tasks",)
        return
    for index, task in enumerate(tasks):
        if not isinstance(task, dict):
            yield "must be object", ("tasks", index)
            continue
        for name in ("created", "deadline"):
            if not isinstance(task.get(name, ""), str):
                yield "must be string", ("tasks", index, name)


def _metadata(document: Mapping[str, Any]) -> Iterator[_Found]:
    if "metadata" not in document:
        return
    metadata = document["metadata"]
    if not isinstance(metadata, dict):
        yield "must be object", ("metadata",)
        return
    yield from _members(metadata, tuple(_METADATA), tuple(_METADATA), ("metadata",))
    for name, most in _METADATA.items():
        value = metadata.get(name, "")
        if not isinstance(value, str):
            yield "must be string", ("metadata", name)
        elif len(value) > most:
            yield f"must NOT have more than {most} characters", ("metadata", name)
