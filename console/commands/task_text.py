"""What `lading task render` prints: as lines, and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import yaml

from console.actions.task_render import needs_of
from runner.narration import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.actions.task_render import RenderedTasks, RoleCheck
    from console.commands.paint import Paint

_MARKS: Final = {True: ("granted", "good"), False: ("LACKING", "bad"), None: ("?", "unsure")}


class _Dumper(yaml.SafeDumper):
    """Texts of several lines, such as a task's script, as they are."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def rendered_json(rendered: RenderedTasks, check: RoleCheck) -> dict[str, Any]:
    """The rendering as data."""
    rendering = rendered.rendering
    return {
        "event": rendering.event.name,
        "tasksFor": str(rendering.event.tasks_for),
        "role": rendering.role,
        "scopes": list(rendering.scopes),
        "taskGroupId": rendering.group,
        "tasks": [{"taskId": task_id, "task": task} for task_id, task in rendering.tasks.items()],
        "hooks": list(rendering.hooks),
        "needed": list(needs_of(rendering)),
        "suffices": check.suffices,
        "lacking": list(check.lacking) if check.suffices is False else [],
        "unknown": check.unknown if check.suffices is None else "",
        "nearest": {
            scope: {"granted": miss.granted, "roles": list(miss.role_ids)}
            for scope, miss in check.nearest.items()
        },
        "pullRequests": rendered.file.pull_requests,
        "policy": rendered.policy,
        "refusals": [problem.told_of(rendered.name) for problem in rendered.refusals],
        "advice": [
            {
                "line": one.position.line,
                "column": one.position.column,
                "seen": one.seen,
                "instead": one.instead,
            }
            for one in rendered.advice
        ],
    }


def rendered_lines(rendered: RenderedTasks, check: RoleCheck, paint: Paint) -> Iterator[str]:
    """The rendering for a person."""
    rendering = rendered.rendering
    count = len(rendering.tasks)
    whose = ", created with role" if count else "; the role would be"
    role = f"{whose} {paint(rendering.role, 'name')}" if rendering.role else ""
    yield f"{paint(rendering.event.name, 'name')}: {count or 'no'} task{'s'[: count != 1]}{role}"
    if rendering.event.name.startswith("pull_request"):
        policy = rendered.file.pull_requests
        yield paint(
            f"The policy for pull requests is `{policy}`, if the default branch's file says so too.", "aside"
        )
    if rendered.policy:
        yield paint(f"Nothing runs: {rendered.policy}.", "unsure")
    for task_id, task in rendering.tasks.items():
        yield ""
        yield f"{paint(task_id, 'name')}"
        # YAML that is ASCII: what a terminal would obey is escaped in it.
        yield from _indented(yaml.dump(task, Dumper=_Dumper, sort_keys=False, width=110))
    yield from (paint(f"Triggers the hook {hook}") for hook in rendering.hooks)
    yield from _role_lines(rendered, check, paint)
    yield from (paint(problem.told_of(rendered.name), "bad") for problem in rendered.refusals)
    if rendered.advice:
        yield "\nOut of date:"
        yield from (f"  {paint(f'{rendered.name}:{one}')}" for one in rendered.advice)


def _indented(text: str) -> Iterator[str]:
    return (f"  {printable(line)}" for line in text.splitlines())


def _role_lines(rendered: RenderedTasks, check: RoleCheck, paint: Paint) -> Iterator[str]:
    needed = needs_of(rendered.rendering)
    if not needed:
        return
    own = rendered.rendering.scopes[1:]
    yield "\nCreating this needs:"
    for scope in needed:
        granted = scope in own or (True if scope not in check.lacking else None if check.unknown else False)
        word, style = _MARKS[granted]
        by = paint("  by Taskcluster-Github itself", "aside") if scope in own else ""
        yield f"  {paint(f'{word:8}', style)} {paint(scope)}{by}"
        miss = check.nearest.get(scope)
        if miss:
            yield paint(f"           nearest: {miss.granted}, granted to {miss.role_ids[0]}", "aside")
    match check.suffices:
        case True:
            yield paint("The role suffices.", "good")
        case False:
            yield (
                paint("The role does not suffice.", "bad")
                + " Add what is lacking to it; `lading can` says more."
            )
        case None:
            yield paint("Whether the role suffices cannot be told", "unsure") + paint(f": {check.unknown}.")
