"""`lading sandbox push`: what GitHub and Taskcluster-Github do when somebody pushes, against a sandbox."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from console.domain.taskcluster_yml import FILE_NAME, BadTaskclusterYml, read
from console.domain.taskcluster_yml_event import Told, push_event
from console.sandbox.signed_http import Api, Credentials, TaskclusterFailure
from runner.errors import Conflict, Refused, Unavailable, UsageError
from runner.masking import Masked
from runner.task.event import parse_repository

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from console.domain.taskcluster_yml_event import GithubEvent

_FORBIDDEN: Final = 403
_CONFLICT: Final = 409


@dataclass(frozen=True, slots=True)
class Push:
    """A commit on a branch of a repository on this machine.

    Args:
        folder: the repository.
        host: where it would be, `github.com`.
        slug: `mozilla/balrog`.
        branch: the branch.
        revision: its commit.
        subject: the commit's first line.
        task_file: `.taskcluster.yml` as that commit has it.
    """

    folder: Path
    host: str
    slug: str
    branch: str
    revision: str
    subject: str
    task_file: str

    @property
    def ref(self) -> str:
        """`refs/heads/<branch>`."""
        return f"refs/heads/{self.branch}"

    def event(self) -> GithubEvent:
        """What GitHub would tell; `clone_url` is the folder itself."""
        told = Told(
            sender="sandbox",
            default_branch="master",
            clone_url=self.folder.as_uri(),
            subject=self.subject,
        )
        return push_event(self.slug, self.ref, self.revision, told=told)


def read_push(folder: Path, branch: str, environment: Mapping[str, str]) -> Push:
    """What a push of the branch would tell.

    Raises:
        UsageError: no repository, no such branch, no task file in it, or no remote `origin` that names it.
        Unavailable: git is not installed.
    """
    git = _Git(folder.resolve(), environment)
    revision = git("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}^{{commit}}")
    if revision is None:
        raise UsageError(f"{folder} is no git repository with a branch {branch}.")
    task_file = git("show", f"{revision}:{FILE_NAME}")
    if task_file is None:
        raise UsageError(
            f"The branch {branch} has no {FILE_NAME}.", action="Commit one: it says what a push runs."
        )
    remote = git("remote", "get-url", "origin")
    repository = parse_repository(remote or "")
    if repository is None:
        raise UsageError(
            f"{folder} has no remote `origin` that names a repository.",
            action="Add it: git remote add origin https://github.com/OWNER/NAME",
        )
    host, slug = repository
    subject = git("log", "-1", "--format=%s", revision) or ""
    return Push(git.folder, host, slug, branch, revision, subject, task_file)


class _Git:
    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self._environment = {name: environment[name] for name in ("PATH", "HOME") if name in environment}
        found = shutil.which("git", path=environment.get("PATH", os.defpath))
        if found is None:
            raise Unavailable("git is not on PATH.", action="Install git.")
        self._git = found

    def __call__(self, *words: str) -> str | None:
        """What git prints, or None if it fails."""
        done = subprocess.run(  # noqa: S603 - no shell, and the words are this module's own
            (self._git, "-C", str(self.folder), *words),
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.strip() if done.returncode == 0 else None


async def push(pushed: Push, environment: Mapping[str, str]) -> dict[str, Any]:
    """Create the tasks of a push, with the scopes of the branch's role and no others.

    Returns:
        `taskGroupId`, and `tasks`: of each its `taskId` and `name`.

    Raises:
        UsageError: the variables of a sandbox are not set, or the task file does not become tasks.
        Refused: the role does not grant what the tasks need.
        Conflict: a task exists already.
        Unavailable: the sandbox does not answer.
    """
    import taskcluster  # a third of a second, for this command only

    root_url, credentials = _deployment(environment)
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    try:
        rendering = read(pushed.task_file).render(
            pushed.event(), root_url=root_url, now=now, new_id=taskcluster.slugId
        )
    except BadTaskclusterYml as error:
        raise UsageError(f"{error}.") from error
    try:
        async with aiohttp.ClientSession() as session:
            api = Api(session, root_url, credentials, rendering.scopes)
            for task_id, task in rendering.tasks.items():
                await api.call("PUT", "queue", "task", task_id, payload={"created": now, **task})
    except TaskclusterFailure as error:
        raise _translated(error, rendering.role or "") from error
    except aiohttp.ClientError as error:
        raise Unavailable(
            f"{root_url} does not answer.", cause=f"{error}.", action="Start it: lading sandbox"
        ) from error
    named = [{"taskId": task_id, "name": _name(task)} for task_id, task in rendering.tasks.items()]
    return {"taskGroupId": rendering.group, "tasks": named}


def _name(task: Mapping[str, Any]) -> str:
    return str(task.get("metadata", {}).get("name", ""))


def _deployment(environment: Mapping[str, str]) -> tuple[str, Credentials]:
    names = ("TASKCLUSTER_ROOT_URL", "TASKCLUSTER_CLIENT_ID", "TASKCLUSTER_ACCESS_TOKEN")
    missing = [name for name in names if not environment.get(name)]
    if missing:
        raise UsageError(
            f"{', '.join(missing)} is not set.",
            action="Read them from the file that `lading sandbox --env-file FILE` wrote.",
        )
    root_url, client_id, token = (environment[name] for name in names)
    return root_url, Credentials(client_id, Masked(token))


def _translated(error: TaskclusterFailure, role: str) -> Refused | Conflict | UsageError | Unavailable:
    if error.status == _FORBIDDEN:
        return Refused(
            f"The tasks may not be created: {error}",
            action=f"Add what is missing to the role {role}, or take it out of {FILE_NAME}.",
        )
    if error.status == _CONFLICT:
        return Conflict(f"A task was not created: {error}")
    if error.status < _FORBIDDEN:
        return UsageError(f"{FILE_NAME} makes a task that the queue does not take: {error}")
    return Unavailable(f"The queue did not create the tasks: {error}")


def as_text(answer: Mapping[str, Any], *, as_json: bool) -> str:
    """The answer for standard output: JSON, or a line for each task."""
    if as_json:
        return json.dumps(answer, indent=2) + "\n"
    return "".join(f"{task['taskId']} {task['name']}\n" for task in answer["tasks"])
