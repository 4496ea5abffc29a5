"""The task that publishes, and what keeps it from it: its proxy, its scopes, what it is told."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from console.domain.findings import Diagnosis, Link, broken, doubtful, ok, or_ok
from console.domain.findings_fix import Edit, EditFile, How
from console.domain.scopes import satisfies
from console.domain.task_request import pool_of
from console.domain.taskcluster_yml import FILE_NAME
from runner.task.event import EventKind, event_from_environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from console.domain.taskcluster_yml import Rendering, TaskclusterYml
    from runner.settings import Settings

RUNS_LADING: Final = re.compile(r"(?:lading-runner|-m runner)\s+(?P<verb>publish|push)\b(?P<rest>[^\n;|&]*)")

# What tells the runner in a v1 task what it builds, as `lading task init` writes it.
TOLD: Final[Mapping[str, Any]] = {
    "LADING_EVENT": {"$if": 'tasks_for == "github-release"', "then": "release", "else": "push"},
    "LADING_REPOSITORY": "${event.repository.html_url}",
    "LADING_BRANCH": {
        "$if": 'tasks_for == "github-push" && event.ref[:11] == "refs/heads/"',
        "then": "${event.ref[11:]}",
    },
    "LADING_TAG": {
        "$if": 'tasks_for == "github-release"',
        "then": "${event.release.tag_name}",
        "else": {"$if": 'event.ref[:10] == "refs/tags/"', "then": "${event.ref[10:]}"},
    },
    "LADING_REVISION": {"$if": 'tasks_for == "github-push"', "then": "${event.after}"},
    "LADING_CREATED": "${now}",
}


@dataclass(frozen=True, slots=True)
class PublishTask:
    """The task that publishes an image.

    Args:
        file: where it comes from.
        rendering: of the event.
        task_id: which of its tasks.
    """

    file: TaskclusterYml
    rendering: Rendering
    task_id: str

    @property
    def definition(self) -> Mapping[str, Any]:
        """As createTask gets it."""
        return self.rendering.tasks[self.task_id]

    @property
    def payload(self) -> Mapping[str, Any]:
        """What the worker gets."""
        return object_of(self.definition.get("payload"))

    @property
    def environment(self) -> dict[str, str]:
        """The variables of its commands."""
        return {
            name: value
            for name, value in object_of(self.payload.get("env")).items()
            if isinstance(value, str)
        }

    @property
    def scopes(self) -> list[str]:
        """Its own."""
        found = self.definition.get("scopes")
        return [scope for scope in found if isinstance(scope, str)] if isinstance(found, list) else []

    @property
    def pool(self) -> str:
        """Its task queue."""
        return pool_of(self.definition)

    @property
    def commands(self) -> str:
        """All that it runs, as one text."""
        return "\n".join(_texts(self.payload.get("command")))

    @property
    def is_native(self) -> bool:
        """Whether its payload is generic-worker's own: others run in a container, translated by d2g."""
        return "image" not in self.payload

    def edit(self, *edits: Edit) -> EditFile:
        """A change of the task in the file."""
        line = self.file.place_of(self.rendering, self.task_id, edits[0].path if edits else ()).line
        place = self.rendering.places[self.task_id]
        return EditFile(file=FILE_NAME, line=line, task=place, edits=edits)

    @property
    def pool_in_file(self) -> EditFile:
        """Where the file names the task queue."""
        name = "taskQueueId" if "taskQueueId" in self.definition else "provisionerId"
        line = self.file.place_of(self.rendering, self.task_id, (name,)).line
        return EditFile(file=FILE_NAME, line=line, task=self.rendering.places[self.task_id])

    def line_of(self, *path: str | int) -> str:
        """`.taskcluster.yml:12` for a member."""
        return f"{FILE_NAME}:{self.file.place_of(self.rendering, self.task_id, path).line}"


def object_of(value: object) -> Mapping[str, Any]:
    """The value, or an empty object where it is none."""
    return value if isinstance(value, dict) else {}


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        # A command's words are one line, unless one of them is a script.
        yield " ".join(part for part in value if isinstance(part, str))
        for part in value:
            if isinstance(part, list):
                yield from _texts(part)


def publisher(file: TaskclusterYml, rendering: Rendering, settings: Settings) -> PublishTask | None:
    """The task that publishes the image: one that runs the runner for it, or has the secret's scope."""
    tasks = [PublishTask(file, rendering, task_id) for task_id in rendering.tasks]
    runs = [(task, found["rest"].split()) for task in tasks for found in RUNS_LADING.finditer(task.commands)]
    if settings.several_images:
        runs = [(task, words) for task, words in runs if settings.image in words] or runs
    if runs:
        return runs[0][0]
    needed = f"secrets:get:{settings.secret}"
    return next((task for task in tasks if satisfies(task.scopes, needed)), None)


def proxy_findings(task: PublishTask) -> Iterator[Diagnosis]:
    """Whether the task can reach Taskcluster."""
    if object_of(task.payload.get("features")).get("taskclusterProxy"):
        yield ok(Link.PROXY, "the task has a proxy to Taskcluster")
        return
    path = ("payload", "features", "taskclusterProxy")
    yield broken(
        Link.PROXY,
        "proxy-off",
        f"{task.line_of(*path)}: the task has no Taskcluster proxy, by which it reads the secret.",
        "Set `taskclusterProxy: true` in `payload.features`.",
        task.edit(Edit(path, How.SET, True)),
    )


def scope_findings(task: PublishTask, settings: Settings) -> Iterator[Diagnosis]:
    """Whether the task is given what the runner asks for with its scopes."""
    names = dict.fromkeys(
        [settings.secret, *(place.rpartition("#")[0] for place in settings.build_secrets.values())]
    )
    needed = {
        "task-lacks-secret": [f"secrets:get:{name}" for name in names],
        "task-lacks-index": [f"index:insert-task:{settings.index}.sha256.*"] if settings.index else [],
    }
    why = {
        "task-lacks-secret": "the runner cannot read the secret",
        "task-lacks-index": "what is pushed would not be found by its digest, and the task fails",
    }
    lacking = {
        code: [scope for scope in scopes if not satisfies(task.scopes, scope)]
        for code, scopes in needed.items()
    }
    held = [scope for scopes in needed.values() for scope in scopes]
    found = (
        broken(
            Link.SCOPES,
            code,
            f"{task.line_of('scopes')}: the task's `scopes` lack {_listed(scopes)}: {why[code]}.",
            f"Add {_listed(scopes)} to the task's `scopes`.",
            task.edit(*(Edit(("scopes",), How.ADD, scope) for scope in scopes)),
        )
        for code, scopes in lacking.items()
        if scopes
    )
    yield from or_ok(found, Link.SCOPES, f"the task has {_listed(held)}")


def _listed(scopes: Sequence[str]) -> str:
    return " and ".join(f"`{scope}`" for scope in scopes)


def told_findings(task: PublishTask, slug: str, revision: str) -> Iterator[Diagnosis]:
    """Whether the runner in the task will understand what it builds."""
    if not RUNS_LADING.search(task.commands):
        return
    event, problems = event_from_environment(task.environment, lambda: None, lambda: revision)
    names = [name for name in TOLD if any(name in problem for problem in problems)]
    if event is None and "LADING_EVENT" not in names and "LADING_EVENT" not in task.environment:
        names.insert(0, "LADING_EVENT")
    if event is not None and event.kind is EventKind.PULL_REQUEST:
        problems, names = ["it says that this is a pull request, which publish refuses"], ["LADING_EVENT"]
    elif event is not None and event.slug.lower() != slug.lower():
        problems, names = (
            [f"it says that the repository is {event.slug}, and this is {slug}"],
            ["LADING_REPOSITORY"],
        )
    elif event is not None and event.revision != revision:
        problems, names = [f"it says another commit, {event.revision}, than the event"], ["LADING_REVISION"]
    if problems:
        yield broken(
            Link.EVENT,
            "event-mistold",
            f"{task.line_of('payload', 'env')}: the runner would not know what it builds: {'; '.join(problems)}.",
            f"Set {', '.join(names) or 'the variables'} in `payload.env`; `lading task init --print` shows how.",
            task.edit(*(Edit(("payload", "env", name), How.SET, TOLD[name]) for name in names)),
        )


def undeclared(task: PublishTask) -> Diagnosis:
    """No folder of the task is uploaded by the worker."""
    folder = {"name": "public", "path": "artifacts", "type": "directory"}
    return doubtful(
        Link.ARTIFACTS,
        "artifacts-undeclared",
        f"{task.line_of('payload')}: the task declares no artifacts: the runner uploads the digest itself, and no "
        "Chain of Trust covers it.",
        "Declare a directory in `payload.artifacts`, and name it to the runner as LADING_ARTIFACTS.",
        task.edit(Edit(("payload", "artifacts"), How.SET, [folder])),
    )
