"""A temporary folder whose owner is known to live: what a killed one left is found by the next, and removed.

The owner holds a lock on the folder itself, which the kernel drops however the owner ends. A lock on a file in it
would not do: while the owner removes the folder, that file is gone before the rest is.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from contextlib import ExitStack, contextmanager
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
    with _opened(unlocked) as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        # Only now it has a name that others look for.
        folder = unlocked.rename(unlocked.with_name(prefix + unlocked.name.partition(".")[2]))
        try:
            yield folder
        finally:
            discard(folder)


def sweep(prefix: str, parent: Path, discard: Callable[[Path], None]) -> None:
    """Remove the folders whose owners were killed; those of other users are left alone."""
    for folder in parent.glob(f"{prefix}*"):
        if folder.is_symlink() or not folder.is_dir():
            continue
        with ExitStack() as stack:
            try:
                opened = stack.enter_context(_opened(folder))
            except FileNotFoundError:
                continue  # its owner has removed it this moment
            if os.fstat(opened).st_uid == os.geteuid() and _lock(opened) and folder.exists():
                discard(folder.resolve())


def _lock(opened: int) -> bool:
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:  # its owner lives
        return False
    return True


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield opened
    finally:
        os.close(opened)
