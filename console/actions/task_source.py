"""The commit whose task file an event is rendered from: in a checkout, or as GitHub has it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from console.credentials.root_url import is_loopback
from console.domain.taskcluster_yml import FILE_NAME
from console.services.github_files import commit_at_github, file_at_github
from runner.errors import UsageError
from runner.settings import FILE_NAME as SETTINGS_NAME
from runner.task.checkout import Checkout
from runner.task.event import parse_repository

if TYPE_CHECKING:
    from pathlib import Path

    from console.actions.doctor_checkout import ReadCheckout
    from console.actions.task_render import Happening
    from console.connection import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSource:
    """A commit, as far as planning needs it.

    Args:
        slug: the repository, `OWNER/NAME`.
        revision: the commit.
        text: its `.taskcluster.yml`.
        name: that file's, for messages.
        settings: its `lading.toml`, or None where it has none.
        clone_url: where a task clones it from, or None for the URL that GitHub would give.
        note: what may surprise about the choice of the commit, or "".
    """

    slug: str
    revision: str
    text: str
    name: str = FILE_NAME
    settings: str | None = None
    clone_url: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What somebody asked for.

    Args:
        folder: a checkout, which need not be one of the repository.
        path: where git is looked for, as PATH names it.
        repository: OWNER/NAME or a URL, or "" for that of the checkout's remote `origin`.
        commit: or "" for the head of what happens.
        file: the text to take for the task file, or None for the commit's own.
        file_name: its name, for messages.
    """

    folder: Path
    path: str
    repository: str = ""
    commit: str = ""
    file: str | None = None
    file_name: str = FILE_NAME


def repository_named(given: str, checkout: Checkout) -> tuple[str, str]:
    """The host and the slug of a repository that somebody names, or of the checkout's remote.

    Raises:
        UsageError: neither names one.
    """
    found = parse_repository(given or checkout.remote or "")
    if found is None:
        raise UsageError(
            f"{given!r} names no repository." if given else "The repository is not known.",
            action="Give --repository OWNER/NAME, or begin in a checkout with a remote `origin`.",
        )
    return found


async def find_source(connection: Connection, sought: Sought, happening: Happening) -> TaskSource:
    """The checkout's commit as it was last fetched; where the checkout does not have it, GitHub's.

    Raises:
        UsageError: the repository is not known, or it has no such commit or no task file there.
        Unavailable: GitHub does not answer.
    """
    found = await asyncio.to_thread(_in_checkout, sought, happening, connection.root_url)
    return found if isinstance(found, TaskSource) else await _at_github(connection, sought, happening, found)


def source_of(read: ReadCheckout, root_url: str) -> TaskSource:
    """What a push of the checkout would run: its files as they are, at a commit that a task can clone.

    It asks git: call it in a thread.

    Raises:
        UsageError: there is no task file.
    """
    if read.task_file is None:
        raise UsageError(
            f"{read.checkout.folder} has no {FILE_NAME}.", action="`lading task init` writes one."
        )
    clone_url = _clone_url(read.checkout, root_url)
    revision = read.revision
    if clone_url is None and read.happening.branch is not None:
        # A real task clones from GitHub, which has what was pushed and no more.
        revision = read.checkout.commit_of(f"refs/remotes/origin/{read.happening.branch}") or revision
    return TaskSource(
        slug=read.slug,
        revision=revision,
        text=read.task_file,
        settings=read.settings_file,
        clone_url=clone_url,
    )


def _in_checkout(sought: Sought, happening: Happening, root_url: str) -> TaskSource | str:
    """The commit here, or the slug of the repository that has to be asked for it."""
    checkout = Checkout(sought.folder, sought.path)
    own = parse_repository(checkout.remote or "")
    named = repository_named(sought.repository, checkout)
    slug = named[1]
    is_here = own == named
    commits = [sought.commit] if sought.commit else _heads(checkout, happening) if is_here else []
    text = sought.file
    if is_here and commits and text is None:
        text = checkout.text_of(commits[0], FILE_NAME)
    if text is None or not commits:
        if is_here and _is_local(root_url):
            raise UsageError(
                f"This checkout has no {FILE_NAME} in {commits[0][:12]}."
                if commits
                else f"This folder is no checkout with {_refs(happening)[-1]}.",
                action="Run `git fetch`, begin in the checkout, or give --commit and --file.",
            )
        return slug
    return TaskSource(
        slug=slug,
        revision=commits[0],
        text=text,
        name=sought.file_name,
        settings=checkout.text_of(commits[0], SETTINGS_NAME) if is_here else None,
        clone_url=_clone_url(checkout, root_url) if is_here else None,
        note=_note(happening, commits),
    )


def _heads(checkout: Checkout, happening: Happening) -> list[str]:
    """The commits that the name has here, as it was fetched first."""
    found = (checkout.commit_of(ref) for ref in _refs(happening))
    return list(dict.fromkeys(commit for commit in found if commit))


def _refs(happening: Happening) -> tuple[str, ...]:
    if happening.pull_request is not None:
        return (f"refs/pull/{happening.pull_request}/head",)
    if happening.branch is None:
        return (f"refs/tags/{happening.release or happening.tag}",)
    return f"refs/remotes/origin/{happening.branch}", f"refs/heads/{happening.branch}"


def _note(happening: Happening, commits: list[str]) -> str:
    if len(commits) < 2:
        return ""
    return (
        f"{happening.branch} here is not what was last fetched of `origin`: its {commits[0][:12]} is built."
    )


def _clone_url(checkout: Checkout, root_url: str) -> str | None:
    """A Taskcluster on this machine has tasks on this machine, and no GitHub: they clone the checkout itself."""
    if checkout.head is None or not _is_local(root_url):
        return None
    return checkout.folder.resolve().as_uri()


def _is_local(root_url: str) -> bool:
    return is_loopback(urlsplit(root_url).hostname or "")


async def _at_github(connection: Connection, sought: Sought, happening: Happening, slug: str) -> TaskSource:
    gateway = connection.taskcluster
    ref = _refs(happening)[-1].removeprefix("refs/")
    revision = sought.commit or await commit_at_github(gateway, slug, ref)
    text = sought.file
    if text is None:
        text = await file_at_github(gateway, slug, revision, FILE_NAME)
    if text is None:
        raise UsageError(
            f"{slug} has no {FILE_NAME} at {revision[:12]}.", action="`lading task init` makes one."
        )
    return TaskSource(
        slug=slug,
        revision=revision,
        text=text,
        name=sought.file_name,
        settings=await file_at_github(gateway, slug, revision, SETTINGS_NAME),
        note=f"This checkout does not have it: {slug} at GitHub does, and its {revision[:12]} is built.",
    )
