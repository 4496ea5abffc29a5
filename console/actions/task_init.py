"""Write the files that make a repository publish its image."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from console.domain.taskcluster_yml import FILE_NAME
from runner.errors import UsageError
from runner.settings import FILE_NAME as SETTINGS_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from console.domain.taskcluster_yml_new import NewTask


def new_files(task: NewTask) -> Mapping[str, str]:
    """The files' texts by name.

    Raises:
        UsageError: with everything that is wrong with the values.
    """
    problems = list(task.problems())
    if problems:
        raise UsageError("The files cannot be written: " + "; ".join(problems) + ".")
    return {FILE_NAME: task.task_file(), SETTINGS_NAME: task.settings_file()}


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write all the files, or none: a file that is there is never touched.

    Raises:
        UsageError: one is there already, or cannot be written.
    """
    present = [name for name in files if (folder / name).exists() or (folder / name).is_symlink()]
    if present:
        raise UsageError(
            f"{folder} has {' and '.join(present)} already; nothing was written.",
            action="`--print` shows what would be written.",
        )
    written: list[Path] = []
    try:
        for name, text in files.items():
            with (folder / name).open("x", encoding="utf-8") as file:
                written.append(folder / name)
                file.write(text)
    except OSError as error:
        for path in written:
            with contextlib.suppress(OSError):
                path.unlink()
        raise UsageError(f"{folder} cannot be written: {error.strerror}.") from error
