"""hooks: a hook, and how it is stored."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from console.sandbox.cron import next_of
from console.sandbox.deployment import dump
from console.sandbox.failures import not_found
from console.sandbox.moments import iso
from console.sandbox.routing import Service

if TYPE_CHECKING:
    import sqlite3

    from console.sandbox.call import Call
    from console.sandbox.deployment import Deployment

SERVICE: Final = Service("hooks")
PATTERNS: Final = {"hookGroupId": r"^[a-zA-Z0-9-_]{1,1000}$", "hookId": r"^[a-zA-Z0-9-_/]{1,1000}$"}


@dataclass(frozen=True, slots=True)
class Hook:
    """A hook; `definition` is what the API tells, its ids included."""

    group_id: str
    hook_id: str
    definition: dict[str, Any]
    token: str
    next_fire: str | None

    @property
    def role(self) -> str:
        """Whose scopes its tasks are created with."""
        return f"hook-id:{self.group_id}/{self.hook_id}"


def from_row(row: sqlite3.Row) -> Hook:
    """The hook of a row."""
    definition = json.loads(row["definition"])
    return Hook(row["group_id"], row["hook_id"], definition, row["token"], row["next_fire"])


def named(deployment: Deployment, group_id: str, hook_id: str) -> Hook | None:
    """The hook of that name, if there is one."""
    row = deployment.store.one("select * from hooks where group_id = ? and hook_id = ?", group_id, hook_id)
    return from_row(row) if row is not None else None


def find(call: Call) -> Hook | None:
    """The hook that the path names, if there is one."""
    return named(call.deployment, call.params["hookGroupId"], call.params["hookId"])


def load(call: Call) -> Hook:
    """The hook that the path names.

    Raises:
        ApiError: 404.
    """
    hook = find(call)
    if hook is None:
        raise not_found("No such hook")
    return hook


def next_fire(deployment: Deployment, schedule: list[str]) -> str | None:
    """When a schedule is due next.

    Raises:
        BadCron: it holds what is no pattern.
    """
    due = next_of(schedule, deployment.now())
    return iso(due) if due is not None else None


def bind_all(deployment: Deployment) -> None:
    """Let every hook hear what it is bound to."""
    for hook in map(from_row, deployment.store.all("select * from hooks")):
        _bind(deployment, hook)


def _bind(deployment: Deployment, hook: Hook) -> None:
    deployment.pulse.bind((hook.group_id, hook.hook_id), hook.definition["bindings"])


def save(deployment: Deployment, hook: Hook) -> None:
    """Store the hook, which from now on hears what it is bound to."""
    _bind(deployment, hook)
    deployment.store.run(
        "insert or replace into hooks values (?, ?, ?, ?, ?)",
        *(hook.group_id, hook.hook_id, dump(hook.definition), hook.token, hook.next_fire),
    )
