"""What GitHub would tell of a commit in a repository on this machine: as a push, a tag, a release, a pull request."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from console.domain.taskcluster_yml import FILE_NAME
from console.domain.taskcluster_yml_event import Head, Told, pull_request_event, push_event, release_event
from runner.errors import Unavailable, UsageError
from runner.task.event import parse_repository

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from console.domain.taskcluster_yml_event import GithubEvent

_HOST: Final = "github.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """What is to have happened: a branch or a tag was pushed, or one of them is of more.

    Args:
        branch: a branch that was pushed, or with `pull_request` its head.
        tag: a tag that was pushed.
        release: a tag of which a release was published.
        pull_request: the number of a pull request that was opened.
    """

    branch: str | None = None
    tag: str | None = None
    release: str | None = None
    pull_request: int | None = None

    @property
    def ref(self) -> str:
        """`refs/heads/<branch>` or `refs/tags/<tag>`.

        Raises:
            UsageError: it is not one thing that happened.
        """
        named = [name for name in (self.branch, self.tag, self.release) if name is not None]
        if len(named) != 1:
            raise UsageError("Give one of --branch, --tag and --release.")
        if self.pull_request is not None and self.branch is None:
            raise UsageError("--pull-request needs --branch: the branch that it comes from.")
        if self.pull_request is not None and self.pull_request < 1:
            raise UsageError("--pull-request: GitHub counts from 1.")
        return f"refs/{'heads' if self.branch is not None else 'tags'}/{named[0]}"


@dataclass(frozen=True, slots=True)
class Push:
    """An event of a repository on this machine.

    Args:
        event: what GitHub would tell; its `clone_url` is the folder itself.
        ref: `refs/heads/<branch>` or `refs/tags/<tag>`.
        revision: its commit.
        task_file: `.taskcluster.yml` as that commit has it.
        pull_request: its number, if it is one.
    """

    event: GithubEvent
    ref: str
    revision: str
    task_file: str
    pull_request: int | None = None


def read_push(folder: Path, happening: Happening, environment: Mapping[str, str]) -> Push:
    """Read from a repository what GitHub would tell.

    Raises:
        UsageError: no repository, no such branch or tag, no task file in it, or no remote `origin` that names a
            repository of GitHub.
        Unavailable: git is not installed.
    """
    ref = happening.ref
    kind, _, name = ref.removeprefix("refs/").partition("/")
    git = _Git(folder.resolve(), environment)
    revision = git("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    what = "branch" if kind == "heads" else "tag"
    if revision is None:
        raise UsageError(f"{folder} is no git repository with a {what} {name}.")
    task_file = git("show", f"{revision}:{FILE_NAME}")
    if task_file is None:
        raise UsageError(
            f"The {what} {name} has no {FILE_NAME}.", action="Commit one: it says what a push runs."
        )
    event = _event(git, happening, ref, revision)
    return Push(event, ref, revision, task_file, happening.pull_request)


def _event(git: _Git, happening: Happening, ref: str, revision: str) -> GithubEvent:
    slug = _slug(git)
    default_branch = git("symbolic-ref", "--quiet", "--short", "HEAD") or "main"
    told = Told(
        sender="sandbox",
        default_branch=default_branch,
        clone_url=git.folder.as_uri(),
        subject=git("log", "-1", "--format=%s", revision) or "",
    )
    if happening.release is not None:
        return release_event(slug, happening.release, told=told)
    if happening.pull_request is not None and happening.branch is not None:
        base = git("merge-base", f"refs/heads/{default_branch}", revision) or revision
        head = Head(branch=happening.branch)
        return pull_request_event(slug, happening.pull_request, revision, before=base, head=head, told=told)
    return push_event(slug, ref, revision, told=told)


def _slug(git: _Git) -> str:
    repository = parse_repository(git("remote", "get-url", "origin") or "")
    if repository is None or repository[0] != _HOST:
        raise UsageError(
            f"{git.folder} has no remote `origin` that names a repository of {_HOST}.",
            cause="Taskcluster-Github knows no other host.",
            action=f"Add it: git remote add origin https://{_HOST}/OWNER/NAME",
        )
    return repository[1]


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
