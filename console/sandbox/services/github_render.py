"""github: what a task file becomes, without anything being created."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from console.domain.taskcluster_yml import TaskclusterYml
from console.domain.taskcluster_yml_event import TasksFor
from console.domain.taskcluster_yml_shape import version_of
from console.domain.taskcluster_yml_text import BadTaskclusterYml, read_yaml
from console.sandbox.failures import input_error
from console.sandbox.services.github_builds import SERVICE
from console.sandbox.services.github_events import NoCommand, sample_event
from console.sandbox.validation import OBJECT, Members, OneOf, Text

if TYPE_CHECKING:
    from console.domain.taskcluster_yml_text import Problem, YamlText
    from console.sandbox.call import Call

_PULL_REQUEST_ACTIONS: Final = (
    *("opened", "synchronize", "reopened", "assigned", "auto_merge_disabled", "auto_merge_enabled", "closed"),
    *("converted_to_draft", "dequeued", "edited", "enqueued", "labeled", "ready_for_review"),
    *("review_requested", "review_request_removed", "unassigned", "unlabeled"),
)
_RELEASE_ACTIONS: Final = (
    *("published", "unpublished", "created", "edited", "deleted", "prereleased", "released"),
)


def _event(types: tuple[TasksFor, ...], actions: tuple[str, ...] = ()) -> Members:
    members = {"type": Text(one_of=types)}
    if actions:
        # Where the schema has `enum` alone, a number is told to be none of it, not to be no string.
        members["action"] = Text(one_of=actions)
    return Members(of={**members, "overrides": OBJECT}, required=tuple(members))


_RENDER: Final = Members(
    of={
        "body": Text(),
        "organization": Text(pattern=r"^[-a-zA-Z0-9]{1,39}$"),
        "repository": Text(pattern=r"^[-a-zA-Z0-9_.]{1,100}$"),
        "fakeEvent": OneOf(
            of=(
                _event((TasksFor.PUSH,)),
                _event((TasksFor.PULL_REQUEST, TasksFor.UNTRUSTED_PULL_REQUEST), _PULL_REQUEST_ACTIONS),
                _event((TasksFor.RELEASE,), _RELEASE_ACTIONS),
                _event((TasksFor.COMMENT,), ("created", "edited")),
            )
        ),
    },
    required=("body", "fakeEvent"),
)
_SCHEMAS: Final = {0: "taskcluster-github-config", 1: "taskcluster-github-config.v1"}
_ALLOWED: Final = "must be equal to one of the allowed values"


@SERVICE.endpoint(
    "renderTaskclusterYml", takes=_RENDER, schema="github/v1/render-taskcluster-yml-input.json#"
)
async def render(call: Call) -> Any:
    """Render for an event that did not happen; anybody may."""
    body, deployment = call.payload, call.deployment
    asked = body["fakeEvent"]
    slug = f"{body.get('organization', 'taskcluster')}/{body.get('repository', 'testing')}"
    try:
        yaml = read_yaml(body["body"])
        file = TaskclusterYml(yaml, _version(yaml, deployment.root_url))
        event = sample_event(
            TasksFor(asked["type"]), asked.get("action", ""), slug, asked.get("overrides", {})
        )
        rendering = file.render(
            event, root_url=deployment.root_url, now=deployment.time(), new_id=deployment.slugid
        )
    except BadTaskclusterYml as error:
        raise input_error("\n".join(problem.reason for problem in error.problems)) from error
    except NoCommand as error:
        raise input_error(str(error)) from error
    tasks = [{"taskId": task_id, "task": task} for task_id, task in rendering.tasks.items()]
    return {"tasks": tasks, "scopes": list(rendering.scopes)}


def _version(yaml: YamlText, root_url: str) -> int:
    try:
        return version_of(yaml)
    except BadTaskclusterYml as error:
        listed = "".join(f"\n  * data{_worded(problem)}" for problem in error.problems)
        is_old = isinstance(yaml.value, dict) and yaml.value.get("version") == 0
        schema = f"{root_url}/schemas/github/v1/{_SCHEMAS[0 if is_old else 1]}.json#"
        raise input_error(
            f"\nSchema Validation Failed!\nRejecting Schema: {schema}\nErrors:{listed}"
        ) from error


def _worded(problem: Problem) -> str:
    """As the service's validator says it, which does not list what is allowed."""
    reason = _ALLOWED if problem.reason.startswith(_ALLOWED) else problem.reason
    return f"{problem.pointer} {reason}"
