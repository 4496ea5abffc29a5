"""What the doctor reads of a checkout: its files, its commit, and what each image of it is set to."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.actions.task_render import Happening
from console.domain.taskcluster_yml import FILE_NAME
from console.domain.taskcluster_yml_event import NO_COMMIT, push_event, release_event
from runner.errors import SettingsError, UsageError
from runner.settings import FILE_NAME as SETTINGS_NAME
from runner.settings import load_settings
from runner.task.checkout import Checkout
from runner.task.event import parse_repository

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from runner.settings import Settings

_HOST = "github.com"


@dataclass(frozen=True, slots=True)
class ReadCheckout:
    """What a checkout is.

    Args:
        checkout: for questions about its history.
        slug: the repository, `mozilla/balrog`.
        happening: what is asked about.
        revision: the commit that it would be about, or zeros where there is none yet.
        branches: those of the checkout, the remote's own first.
        task_file: the text of `.taskcluster.yml`, or None where there is none.
        settings_file: the text of `lading.toml`, or None where there is none.
    """

    checkout: Checkout
    slug: str
    happening: Happening
    revision: str
    branches: tuple[str, ...]
    task_file: str | None
    settings_file: str | None

    @property
    def ref(self) -> str:
        """`refs/heads/master`."""
        tag = self.happening.tag if self.happening.tag is not None else self.happening.release
        return f"refs/tags/{tag}" if tag is not None else f"refs/heads/{self.happening.branch}"

    @property
    def role(self) -> str:
        """The role with whose scopes the event's tasks are created."""
        if self.happening.release is not None:
            return release_event(self.slug, self.happening.release).role
        return push_event(self.slug, self.ref, self.revision).role

    def has_file(self, name: str) -> bool:
        """Whether the checkout has such a file."""
        return (self.checkout.folder / name).is_file()

    def images(self) -> list[str | None]:
        """The images that lading.toml names, or None alone for the one that follows from the repository.

        Raises:
            SettingsError: it cannot be read.
        """
        try:
            named = tomllib.loads(self.settings_file or "").get("image", {})
        except tomllib.TOMLDecodeError as error:
            raise SettingsError([f"{SETTINGS_NAME}: {error}"]) from error
        return list(named) if isinstance(named, dict) and named else [None]

    def settings(self, image: str | None, environment: Mapping[str, str]) -> Settings:
        """What an image is set to, where a task has these variables.

        Raises:
            SettingsError: with every problem.
        """
        return load_settings(self.settings_file, environment, {}, image=image, slug=self.slug, host=_HOST)


def read_checkout(
    folder: Path, path: str, happening: Happening | None, repository: str | None
) -> ReadCheckout:
    """Read a checkout; it reads files and asks git: call it in a thread.

    Args:
        folder: the checkout.
        path: where git is looked for, as PATH names it.
        happening: what is asked about, or None for a push of the branch that is pushed to.
        repository: OWNER/NAME, or None for that of the remote `origin`.

    Raises:
        UsageError: the repository or the branch is not known, or a file cannot be read.
    """
    checkout = Checkout(folder, path)
    found = parse_repository(repository or checkout.remote or "")
    if found is None or found[0] != _HOST:
        raise UsageError(
            f"{folder} has no remote `origin` that names a repository of {_HOST}.",
            action="Give --repository OWNER/NAME, or the checkout a remote `origin`.",
        )
    branches = tuple(checkout.branches)
    if happening is None:
        branch = checkout.branch or next(iter(branches), None)
        if branch is None:
            raise UsageError("Which branch is asked about is not known.", action="Give --branch B.")
        happening = Happening(branch=branch)
    read = ReadCheckout(
        checkout,
        found[1],
        happening,
        NO_COMMIT,
        branches,
        _text(folder / FILE_NAME),
        _text(folder / SETTINGS_NAME),
    )
    revision = checkout.commit_of(read.ref) or checkout.head or NO_COMMIT
    return ReadCheckout(
        checkout, read.slug, happening, revision, branches, read.task_file, read.settings_file
    )


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise UsageError(f"{path} cannot be read: {reason}.") from error
