"""What a `.taskcluster.yml` asks for that is no more, and what there is instead today.

`dind` and `dockerSave` were removed in Taskcluster v89, docker-worker itself in v100 (generic-worker translates
its payloads since), and aws-provisioner-v1 when worker-manager came.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from console.domain.taskcluster_yml import TaskclusterYml
    from console.domain.taskcluster_yml_text import Position

_IMAGE_BUILDER: Final = re.compile(r"(?:docker\.io/)?taskcluster/image_builder(?::|@|\Z)")
_TOKEN: Final = re.compile(r"\{\{\s*([\w.$]+)")
_GONE_PROVISIONERS: Final = ("aws-provisioner", "aws-provisioner-v1")

_V1_OF_TOKENS: Final[Mapping[str, str]] = {
    "event.type": "tasks_for, with event.action",
    "event.base.repo.branch": "event.ref[11:] (push), event.pull_request.base.ref",
    "event.base.repo.name": "event.repository.name",
    "event.base.repo.url": "event.repository.clone_url",
    "event.base.sha": "event.before (push), event.pull_request.base.sha",
    "event.base.ref": "event.ref (push)",
    "event.base.user.login": "event.sender.login (push), event.pull_request.base.user.login",
    "event.head.repo.branch": "event.ref[11:] (push), event.pull_request.head.ref",
    "event.head.repo.name": "event.repository.name (push), event.pull_request.head.repo.name",
    "event.head.repo.url": "event.repository.clone_url (push), event.pull_request.head.repo.clone_url",
    "event.head.sha": "event.after (push), event.pull_request.head.sha",
    "event.head.ref": "event.ref (push)",
    "event.head.tag": "event.ref[10:] (tag)",
    "event.head.user.login": "event.sender.login",
    "event.head.user.email": "event.pusher.email (push)",
    "event.pullNumber": "event.number",
    "event.title": "event.pull_request.title",
    "event.version": "event.release.tag_name",
    "event.name": "event.release.name",
    "event.release.url": "event.release.url",
    "event.prerelease": "event.release.prerelease",
    "event.draft": "event.release.draft",
    "event.tar": "event.release.tarball_url",
    "event.zip": "event.release.zipball_url",
    "organization": "event.repository.owner.login",
    "repository": "event.repository.name",
    "$fromNow": "{$fromNow: …} in place of the whole value",
    "timestamp": "now",
    "taskcluster.docker.provisionerId": "taskQueueId",
    "taskcluster.docker.workerType": "taskQueueId",
}


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing that is out of date.

    Args:
        subject: what, in a word.
        position: where.
        seen: what the file says, and what becomes of it today.
        instead: what to write.
    """

    subject: str
    position: Position
    seen: str
    instead: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.position.line}:{self.position.column}: {self.seen}. {self.instead}"


_Path = tuple[str | int, ...]


def advise(file: TaskclusterYml) -> tuple[Advice, ...]:
    """Advice in the order of the file; nothing for a file that is up to date."""
    found = [*_of_the_form(file)]
    for path, value in _objects(file.yaml.value, ()):
        found += _of_features(file, path, value)
        found += _of_images(file, path, value)
        found += _of_pools(file, path, value)
        found += _of_filters(file, path, value)
    found += _of_tokens(file)
    return tuple(sorted(found, key=lambda advice: (advice.position.line, advice.position.column)))


def _objects(value: Any, path: _Path) -> Iterator[tuple[_Path, dict[str, Any]]]:
    if isinstance(value, dict):
        yield path, value
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for step, child in children:
        yield from _objects(child, (*path, step))


def _of_the_form(file: TaskclusterYml) -> Iterator[Advice]:
    if file.version == 1:
        return
    yield Advice(
        "version 0",
        file.yaml.position(("version",)),
        "version 0 still renders, and is deprecated",
        "Write version 1; `lading task init --print` shows one for this repository.",
    )
    policy = file.yaml.value.get("allowPullRequests")
    if policy is not None:
        yield Advice(
            "allowPullRequests",
            file.yaml.position(("allowPullRequests",)),
            f"`allowPullRequests: {policy}` is version 0's",
            f"In version 1: policy: {{pullRequests: {policy}}}.",
        )


def _of_features(file: TaskclusterYml, path: _Path, value: Mapping[str, Any]) -> Iterator[Advice]:
    features = value.get("features")
    for name in _INSTEAD:
        if isinstance(features, dict) and features.get(name):
            where = file.yaml.position((*path, "features"), name)
            yield Advice(
                name, where, f"the feature `{name}` was removed in Taskcluster v89: {_ENDS}", _INSTEAD[name]
            )


_ENDS: Final = "the task ends as exception/malformed-payload"
_INSTEAD: Final[Mapping[str, str]] = {
    "dind": (
        "Use a generic-worker pool with Docker: payload `osGroups: [docker]`, scope "
        "`generic-worker:os-group:<pool>/docker`, and `lading-runner publish` as command. On a pool without it: a "
        "privileged container that runs a dockerd of its own (`capabilities: {privileged: true}`, scope "
        "`docker-worker:capability:privileged`)."
    ),
    "dockerSave": (
        "Let `lading-runner build --output DIR` save the image, and declare the folder in `artifacts`."
    ),
}


def _of_images(file: TaskclusterYml, path: _Path, value: Mapping[str, Any]) -> Iterator[Advice]:
    image = value.get("image")
    if isinstance(image, str) and _IMAGE_BUILDER.match(image):
        yield Advice(
            "image_builder",
            file.yaml.position((*path, "image")),
            f"{image} builds by the engine of `dind`, which is no more",
            "Install lading in the task, or use its runner's image, and run `lading-runner publish`: it builds, "
            "pushes, reads back and leaves the digest.",
        )


def _of_pools(file: TaskclusterYml, path: _Path, value: Mapping[str, Any]) -> Iterator[Advice]:
    provisioner, worker = value.get("provisionerId"), value.get("workerType")
    if not isinstance(provisioner, str) or not isinstance(worker, str):
        return
    where = file.yaml.position((*path, "provisionerId"))
    pool = f"{provisioner}/{worker}"
    if provisioner in _GONE_PROVISIONERS:
        yield Advice(
            "provisionerId",
            where,
            f"{pool} is no pool any more: aws-provisioner is gone, and the task would wait until its deadline",
            "Name a pool of worker-manager, `taskQueueId: proj-NAME/ci`, and have "
            "`queue:create-task:<priority>:<pool>` granted for it to the role.",
        )
    elif file.version == 0 and "{{" in pool:
        yield Advice(
            "provisionerId",
            where,
            f"{pool} is filled in by the deployment's configuration, in version 0 alone",
            "Name the pool: `taskQueueId: PROVISIONER/WORKER`.",
        )


def _of_filters(file: TaskclusterYml, path: _Path, value: Mapping[str, Any]) -> Iterator[Advice]:
    extra = value.get("extra")
    github = extra.get("github") if isinstance(extra, dict) else None
    if not isinstance(github, dict):
        return
    where = file.yaml.position((*path, "extra", "github"))
    condition = condition_of(github)
    if condition:
        seen = "`extra.github` chooses the events in version 0 alone"
        if file.version == 1:
            seen += ": here it does nothing"
        yield Advice("extra.github", where, seen, f"In version 1: $if: '{condition}', then: the task.")
    if github.get("env"):
        yield Advice(
            "extra.github.env",
            file.yaml.position((*path, "extra", "github", "env")),
            "`extra.github.env` adds GITHUB_* in version 0 alone",
            "In version 1 say what was built yourself: LADING_EVENT, LADING_REPOSITORY, LADING_BRANCH or LADING_TAG, "
            "LADING_REVISION, LADING_CREATED, as `lading task init` writes them.",
        )


def condition_of(github: Mapping[str, Any]) -> str:
    """The json-e expression that chooses the events that version 0's `extra.github` chooses."""
    events = github.get("events")
    wanted = [event for event in events if isinstance(event, str)] if isinstance(events, list) else []
    parts = [part for event in wanted for part in _parts(event.rstrip("*"), github)]
    return " || ".join(dict.fromkeys(parts if len(set(parts)) == 1 else [f"({part})" for part in parts]))


def _parts(prefix: str, github: Mapping[str, Any]) -> Iterator[str]:
    if "push".startswith(prefix):
        yield _pushed(github)
    if "tag".startswith(prefix):
        yield 'tasks_for == "github-push" && event.ref[:10] == "refs/tags/"'
    if "release".startswith(prefix):
        yield 'tasks_for == "github-release"'
    pull_requests = 'tasks_for[:19] == "github-pull-request"'
    if "pull_request.".startswith(prefix):
        yield pull_requests
    elif prefix.startswith("pull_request."):
        action = prefix.removeprefix("pull_request.")
        yield f"{pull_requests} && event.action[:{len(action)}] == {json.dumps(action)}"


def _pushed(github: Mapping[str, Any]) -> str:
    condition = 'tasks_for == "github-push" && event.ref[:11] == "refs/heads/"'
    branches, excluded = github.get("branches"), github.get("excludeBranches")
    if branches:
        return f"{condition} && event.ref[11:] in {_list(branches)}"
    return f"{condition} && !(event.ref[11:] in {_list(excluded)})" if excluded else condition


def _list(branches: Sequence[Any]) -> str:
    return json.dumps([str(branch) for branch in branches] if isinstance(branches, list) else [])


def _of_tokens(file: TaskclusterYml) -> Iterator[Advice]:
    if file.version == 1:
        return
    seen = set()
    for match in _TOKEN.finditer(file.yaml.text):
        name = match[1]
        if name in _V1_OF_TOKENS and name not in seen:
            seen.add(name)
            yield Advice(
                f"{{{{ {name} }}}}",
                file.yaml.at(match.start()),
                f"the token {{{{ {name} }}}} is version 0's",
                f"In version 1: {_V1_OF_TOKENS[name]}.",
            )
