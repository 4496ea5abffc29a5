"""Which task this is, from the environment that every worker sets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from runner.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping


class TaskIdentity(NamedTuple):
    """The task and run that this process is part of.

    Args:
        task_id: TASK_ID.
        run_id: RUN_ID.
        root_url: TASKCLUSTER_ROOT_URL.
        proxy_url: TASKCLUSTER_PROXY_URL, or None where the task has no proxy.
    """

    task_id: str
    run_id: int
    root_url: str
    proxy_url: str | None

    @property
    def url(self) -> str:
        """Where a person looks at the run."""
        return f"{self.root_url.rstrip('/')}/tasks/{self.task_id}/runs/{self.run_id}"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> TaskIdentity:
        """Read it.

        Raises:
            UsageError: this is no task.
        """
        missing = [
            name for name in ("TASK_ID", "RUN_ID", "TASKCLUSTER_ROOT_URL") if not environment.get(name)
        ]
        if missing or not re.fullmatch("[0-9]{1,9}", environment["RUN_ID"]):
            named = f"{', '.join(missing)} is not set" if missing else "RUN_ID is no number"
            raise UsageError(
                f"This is no Taskcluster task: {named}.",
                cause="The secret, the artifacts and the statement belong to a task.",
                action="Run it in a task; `lading-runner build` builds anywhere, and `lading sandbox` runs tasks here.",
            )
        return cls(
            environment["TASK_ID"],
            int(environment["RUN_ID"]),
            environment["TASKCLUSTER_ROOT_URL"],
            environment.get("TASKCLUSTER_PROXY_URL") or None,
        )
