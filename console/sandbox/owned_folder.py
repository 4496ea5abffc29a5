"""A temporary folder whose owner is known to live: what a killed one left is found by the next, and removed.

The owner holds a lock on a file in it, which the kernel drops however the owner ends.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def owned_folder(prefix: str, parent: Path, discard: Callable[[Path], None]) -> Iterator[Path]:
    """Make a folder that is ours until the block ends, after those whose owners were killed are removed.

    Args:
        prefix: how the names of such folders begin.
        parent: where they are.
        discard: removes one, and whatever belongs to it.
    """
    sweep(prefix, parent, discard)
    unlocked = Path(tempfile.mkdtemp(prefix="lading-new.", dir=parent)).resolve()
    with (unlocked / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Only now it has a name that others look for.
        folder = unlocked.rename(unlocked.with_name(prefix + unlocked.name.partition(".")[2]))
        try:
            yield folder
        finally:
            discard(folder)


def sweep(prefix: str, parent: Path, discard: Callable[[Path], None]) -> None:
    """Remove the folders whose owners were killed; those of other users are left alone."""
    for folder in parent.glob(f"{prefix}*"):
        if folder.is_symlink() or not folder.is_dir() or folder.stat().st_uid != os.geteuid():
            continue
        with (folder / "lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # its owner lives
            discard(folder.resolve())
