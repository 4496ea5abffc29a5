"""`.taskcluster.yml`, versions 0 and 1: from the file and an event to the tasks that are created, and how.

Measured against the github service of Taskcluster v106: its `taskcluster-yml` method and the tasks it creates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from console.domain.taskcluster_yml_shape import version_of
from console.domain.taskcluster_yml_text import FILE_NAME, BadTaskclusterYml, Problem, YamlText, read_yaml
from console.domain.taskcluster_yml_v0 import render_v0
from console.domain.taskcluster_yml_v1 import compile_tasks, render_v1

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from console.domain.taskcluster_yml_event import GithubEvent
    from console.domain.taskcluster_yml_text import Position

__all__ = ["FILE_NAME", "SCHEDULER", "BadTaskclusterYml", "Problem", "Rendering", "TaskclusterYml", "read"]

SCHEDULER: Final = "taskcluster-github"
_DEFAULT_POLICY: Final = "collaborators"


@dataclass(frozen=True, slots=True)
class Rendering:
    """What Taskcluster-Github makes of an event.

    Args:
        event: the event.
        tasks: definitions by task id, in the order in which they are created; one without `created` is created
            now.
        role: the role with whose scopes they are created, or None for a v0 file's comment.
        scopes: all scopes with which they are created; those that are not the role's are the service's own.
        places: of each task by id, the place in the file's list.
        hooks: what else is triggered, `GROUP/HOOK`, for which the role needs `github:trigger-hook:`.
        contexts: of each hook, what the file tells it besides the event.
    """

    event: GithubEvent
    tasks: Mapping[str, dict[str, Any]]
    role: str | None
    scopes: tuple[str, ...]
    places: Mapping[str, int]
    hooks: tuple[str, ...] = ()
    contexts: tuple[Mapping[str, Any], ...] = ()

    @property
    def group(self) -> str | None:
        """The group that most tasks are in, or None where there are no tasks."""
        groups = [task["taskGroupId"] for task in self.tasks.values()]
        return max(groups, key=groups.count, default=None)


@dataclass(frozen=True, slots=True)
class TaskclusterYml:
    """A file whose form is right.

    Args:
        yaml: what it says, and where.
        version: 0 or 1.
    """

    yaml: YamlText
    version: int

    @property
    def pull_requests(self) -> str:
        """Its policy: `public`, `public_restricted`, `collaborators` or `collaborators_quiet`.

        The policy that holds is that of the file in the default branch, whatever a pull request makes of it.
        """
        if self.version == 0:
            return str(self.yaml.value.get("allowPullRequests", _DEFAULT_POLICY))
        return str(self.yaml.value.get("policy", {}).get("pullRequests", _DEFAULT_POLICY))

    @property
    def roles_of_pull_requests(self) -> tuple[str, ...]:
        """The last parts of the ids of roles that pull requests run with, of collaborators and of others."""
        if self.pull_requests == "public_restricted":
            return ("pull-request", "pull-request-untrusted")
        return ("pull-request",)

    @property
    def runs_for_strangers(self) -> bool:
        """Whether pull requests run of those who are not collaborators."""
        return self.pull_requests.startswith("public")

    def place_of(self, rendering: Rendering, task_id: str, path: tuple[str | int, ...] = ()) -> Position:
        """Where a rendered task, or a value in it, comes from."""
        return self.yaml.position(("tasks", rendering.places[task_id], *path))

    def render(self, event: GithubEvent, *, root_url: str, now: str, new_id: Callable[[], str]) -> Rendering:
        """The tasks of an event, whatever the policy for pull requests says.

        Args:
            event: what happened.
            root_url: of the deployment.
            now: the time, `2026-11-24T03:29:36.992Z`.
            new_id: makes a slug id.

        Raises:
            BadTaskclusterYml: it does not become tasks.
        """
        # A scope is printable ASCII, and the branch is part of one.
        if not (event.ref.isascii() and event.ref.isprintable()):
            raise BadTaskclusterYml(Problem("Must have only ascii-printable chars in branch names!"))
        if self.version == 0:
            tasks, places = render_v0(self.yaml, event, now=now, new_id=new_id)
            return Rendering(event, tasks, event.v0_role, _scopes(event.v0_role, "statuses"), places)
        rendered = render_v1(self.yaml, event, root_url=root_url, now=now, new_id=new_id)
        tasks, places = compile_tasks(self.yaml, rendered, new_id)
        named = rendered.document.get("hooks", [])
        hooks = tuple(str(hook["name"]) for hook in named)
        contexts = tuple(hook.get("context", {}) for hook in named)
        route = "checks" if rendered.document.get("reporting") else "statuses"
        return Rendering(event, tasks, event.role, _scopes(event.role, route), places, hooks, contexts)


def _scopes(role: str | None, route: str) -> tuple[str, ...]:
    own = (f"queue:route:{route}", f"queue:scheduler-id:{SCHEDULER}")
    return (f"assume:{role}", *own) if role else own


def read(text: str) -> TaskclusterYml:
    """Read the file.

    Raises:
        BadTaskclusterYml: it is no YAML, or not of the form that the service demands; with every problem.
    """
    yaml = read_yaml(text)
    return TaskclusterYml(yaml, version_of(yaml))
