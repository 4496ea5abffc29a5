"""What git knows of the checkout: its remote, its commit, and how commits descend."""

from __future__ import annotations

import os
import re
import subprocess
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SECONDS = 30
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")


class Checkout:
    """A folder, which may be a git checkout, shallow or detached.

    Args:
        folder: the checkout's root.
        path: where git is looked for, as PATH names it.
    """

    def __init__(self, folder: Path, path: str = os.defpath) -> None:
        self.folder = folder
        self._path = path

    @property
    def remote(self) -> str | None:
        """The URL of `origin`, or None."""
        return self._ask("config", "--get", "remote.origin.url")

    @cached_property
    def head(self) -> str | None:
        """The commit that is checked out, or None outside of git."""
        return self._ask("rev-parse", "--verify", "HEAD^{commit}")

    @property
    def branch(self) -> str | None:
        """The branch that is checked out; None in a task, whose checkout is detached."""
        return self._ask("symbolic-ref", "--quiet", "--short", "HEAD")

    @property
    def branches(self) -> list[str]:
        """The branches of this checkout, the remote's own first where it is known."""
        first = self._ask("symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD")
        local = self._ask("for-each-ref", "--format=%(refname:short)", "refs/heads")
        names = [first.removeprefix("origin/")] if first else []
        return list(dict.fromkeys([*names, *(local or "").split()]))

    def commit_of(self, ref: str) -> str | None:
        """The commit of `refs/heads/NAME` or `refs/tags/NAME`, or None."""
        return self._ask("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")

    def text_of(self, commit: str, path: str) -> str | None:
        """A file as a commit has it, or None where it has no such file of text."""
        try:
            return self._ask("show", f"{commit}:{path}")
        except UnicodeDecodeError:
            return None

    @property
    def commit_time(self) -> datetime | None:
        """When the commit was made, UTC."""
        seconds = self._ask("show", "--no-patch", "--format=%ct", "HEAD")
        return datetime.fromtimestamp(int(seconds), UTC) if seconds else None

    @property
    def is_changed(self) -> bool:
        """Whether tracked files differ from the commit."""
        return bool(self._ask("status", "--porcelain", "--untracked-files=no"))

    def has_uncommitted(self, name: str) -> bool:
        """Whether a file is not as the commit has it, or not in it."""
        return bool(self._ask("status", "--porcelain", "--", name))

    def descends(self, commit: str, ancestor: str) -> bool | None:
        """Whether `commit` has `ancestor` in its history; None where a shallow clone cannot tell."""
        if not (_COMMIT.match(commit) and _COMMIT.match(ancestor)):
            # A label may say anything: `HEAD` is no commit, and `--help` an option.
            return None
        if commit == ancestor:
            return True
        code = self._run("merge-base", "--is-ancestor", ancestor, commit).returncode
        if code == 0:
            return True
        # 128: a commit that is not here is newer, or of a history that was not fetched.
        return None if code != 1 or self._is_shallow else False

    @cached_property
    def _is_shallow(self) -> bool:
        return self._ask("rev-parse", "--is-shallow-repository") != "false"

    def _ask(self, *arguments: str) -> str | None:
        answer = self._run(*arguments)
        return answer.stdout.strip() or None if answer.returncode == 0 else None

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        # A task's checkout may belong to another user than the one that builds.
        command = ["git", "-c", "safe.directory=*", "-C", str(self.folder), *arguments]
        # Nothing of the task's environment but what git needs to run: hooks and configuration stay out.
        environment = {"PATH": self._path, "LC_ALL": "C", "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/nonexistent"}
        try:
            return subprocess.run(  # noqa: S603 - a fixed program, arguments that are commits
                command, capture_output=True, text=True, timeout=_SECONDS, check=False, env=environment
            )
        except (OSError, subprocess.TimeoutExpired):
            return subprocess.CompletedProcess(command, 127, "", "")
