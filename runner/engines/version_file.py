"""A file put into the checkout for as long as a build lasts, and what stood there put back however it ends.

What stood there is written down before it is touched, so that the next start can put back what a killed one left.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import stat
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runner.errors import Conflict, UsageError
from runner.image.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Iterator

_LARGEST: Final = 1 << 20
_MODE: Final = 0o644


@contextmanager
def replaced_file(path: Path, content: bytes, records: Path) -> Iterator[None]:
    """Have `content` at `path` for as long as the block runs.

    Args:
        path: in an existing folder; nothing, a file or a link may be there.
        content: what the file has meanwhile.
        records: the folder where it is written down what stood there; made if it is not there.

    Raises:
        UsageError: a folder is there, a large file, or the checkout cannot be written.
        Conflict: another build has replaced it, and lasts.
    """
    with _record(path, records) as record:
        _put_back_if_ours(path, record)
        try:
            with _told(path):
                before = _what_is_at(path)
                record.write_text(json.dumps({**before, "put": _encoded(content)}))
                _put(path, content, _MODE, None)
            yield
        finally:
            with _told(path):
                _put_back(path, record)


def put_back_leftover(path: Path, records: Path) -> bool:
    """Put back what a killed build left at `path`; whether there was something.

    Raises:
        Conflict: the build lasts.
        UsageError: the checkout cannot be written.
    """
    if not _record_name(path, records).exists():
        return False
    with _record(path, records) as record:
        return _put_back_if_ours(path, record)


def records_of(checkout: Path) -> Path:
    """Where a checkout's records are: in git's own folder, which lives as long as the checkout and is no part of it."""
    git = checkout / ".git"
    if git.is_dir() and os.access(git, os.W_OK):
        return git / "lading"
    return Path(tempfile.gettempdir(), f"lading-{os.geteuid()}")


def _record_name(path: Path, records: Path) -> Path:
    place = os.fsencode(path.parent.resolve() / path.name)
    return records / f"{Digest.of(place).short}.json"


@contextmanager
def _record(path: Path, records: Path) -> Iterator[Path]:
    """The name of the record, which nobody else reads or writes meanwhile."""
    record = _record_name(path, records)
    with _told(records):
        records.mkdir(mode=0o700, exist_ok=True)
        if records.stat().st_uid != os.geteuid() or records.is_symlink():
            # Whoever can write a record has us write a file.
            raise UsageError(f"{records} belongs to somebody else.", action="Remove it.")
        lock = record.with_suffix(".lock").open("w")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict(
                f"Another build in this checkout has replaced {path.name}.",
                action="Wait until it has ended, or use a checkout of its own.",
            ) from error
        yield record


def _what_is_at(path: Path) -> dict[str, Any]:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return {"kind": "nothing"}
    if stat.S_ISLNK(status.st_mode):
        return {"kind": "link", "target": _encoded(os.fsencode(path.readlink()))}
    if not stat.S_ISREG(status.st_mode):
        raise UsageError(f"{path.name} is no file, and a file is to be put there.")
    if status.st_size > _LARGEST:
        raise UsageError(f"{path.name} has {status.st_size} bytes: it is no version file.")
    return {
        "kind": "file",
        "content": _encoded(path.read_bytes()),
        "mode": stat.S_IMODE(status.st_mode),
        # With the time that it had, git's index takes the file for unchanged.
        "times": [status.st_atime_ns, status.st_mtime_ns],
        "owner": [status.st_uid, status.st_gid],
    }


def _put_back_if_ours(path: Path, record: Path) -> bool:
    """Put back what a killed build left, unless somebody has put something else there since."""
    with _told(path):
        before = _read(record)
        now = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        # Killed while it was written, it is a beginning of what was to be put there.
        if before is None or path.is_symlink() or not base64.b64decode(before["put"]).startswith(now):
            record.unlink(missing_ok=True)
            return False
        return _put_back(path, record)


def _read(record: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(record.read_bytes())
    except (FileNotFoundError, ValueError):  # cut off: the file was not touched yet
        return None
    return found


def _put_back(path: Path, record: Path) -> bool:
    before = _read(record)
    if before is None:
        record.unlink(missing_ok=True)
        return False
    match before["kind"]:
        case "nothing":
            path.unlink(missing_ok=True)
        case "link":
            path.unlink(missing_ok=True)
            path.symlink_to(os.fsdecode(base64.b64decode(before["target"])))
        case _:
            _put(path, base64.b64decode(before["content"]), before["mode"], before["owner"])
            os.utime(path, ns=tuple(before["times"]))
    record.unlink()
    return True


def _put(path: Path, content: bytes, mode: int, owner: list[int] | None) -> None:
    """A new file in the place of whatever is there: what is there may be a link to elsewhere."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        if owner is not None:
            with suppress(PermissionError):
                os.fchown(descriptor, *owner)
        os.fchmod(descriptor, mode)


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror}.",
            cause="buildx reads the checkout itself, and version.json has to be put there.",
            action="Make the checkout writable for this user.",
        ) from error
