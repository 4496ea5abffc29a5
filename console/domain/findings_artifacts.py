"""Whether what a task leaves will outlive its purpose: an image is in use, and to be verified, for long."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from console.domain.findings import Diagnosis, Link, broken, doubtful, ok
from console.domain.findings_fix import Edit, How
from console.domain.findings_task import undeclared
from console.domain.task_request import time_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from console.domain.findings_task import PublishTask

SHORTEST: Final = timedelta(days=90)
"""For how long at least the digest's statement should be there: a release is in use for months."""
_YEAR: Final = timedelta(days=365)
_ONE_YEAR: Final = {"$fromNow": "1 year"}


def artifact_findings(task: PublishTask, now: datetime) -> Iterator[Diagnosis]:
    """When the task's public artifacts expire.

    Without a time of its own an artifact expires with its task, and a task a year after its deadline.
    """
    declared = list(_declared(task.payload.get("artifacts")))
    if not declared:
        yield undeclared(task)
        return
    deadline = time_of(task.definition.get("deadline")) or now
    expires = time_of(task.definition.get("expires")) or deadline + _YEAR
    own = {place: moment for place, value in declared if (moment := time_of(value.get("expires")))}
    late = [place for place, moment in own.items() if moment > expires]
    soon = [place for place, moment in own.items() if moment < now + SHORTEST]
    if late:
        path = ("payload", "artifacts", late[0], "expires")
        yield broken(
            Link.ARTIFACTS,
            "artifacts-outlive-task",
            f"{task.line_of(*path)}: an artifact expires on {own[late[0]]:%Y-%m-%d}, after its task: the worker "
            "refuses it.",
            "Take the artifact's `expires` out: it then expires with the task.",
            task.edit(*(Edit(("payload", "artifacts", place, "expires"), How.REMOVE) for place in late)),
        )
    elif soon or expires < now + SHORTEST:
        first = min([own[place] for place in soon] + [expires])
        edits = [Edit(("payload", "artifacts", place, "expires"), How.REMOVE) for place in soon]
        if expires < now + SHORTEST:
            edits.append(Edit(("expires",), How.SET, _ONE_YEAR))
        yield doubtful(
            Link.ARTIFACTS,
            "artifacts-expire-soon",
            f"{task.line_of(*edits[0].path)}: the digest's statement expires on {first:%Y-%m-%d}, in "
            f"{(first - now).days} days: after that nobody can verify the image.",
            "Let it live for a year: take the artifact's `expires` out."
            if soon and len(edits) == len(soon)
            else "Let the task live for a year: `expires: {$fromNow: '1 year'}`.",
            task.edit(*edits),
        )
    else:
        last = min([*own.values(), expires])
        yield ok(Link.ARTIFACTS, f"the digest's statement stays until {last:%Y-%m-%d}")


def _declared(value: Any) -> Iterator[tuple[str | int, dict[str, Any]]]:
    """Generic-worker has a list, docker-worker's payload an object by name."""
    items = enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
    for place, item in items:
        name = item.get("name", place) if isinstance(item, dict) else ""
        if isinstance(item, dict) and str(name).startswith("public"):
            yield place, item
