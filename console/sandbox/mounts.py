"""Folders that processes mounted things in: emptied and removed without touching what was mounted."""

from __future__ import annotations

from pathlib import Path

from console.sandbox.debian import run


def mounted_below(folder: Path, mountinfo: str) -> list[str]:
    """Mount points at and below a folder, the deepest first.

    Args:
        folder: an absolute path without symbolic links.
        mountinfo: the text of /proc/self/mountinfo (proc(5): the fifth field, octal escapes).
    """
    points = [line.split(" ")[4] for line in mountinfo.splitlines() if line]
    plain = [point.encode().decode("unicode_escape").encode("latin-1").decode() for point in points]
    return sorted((p for p in plain if Path(p).is_relative_to(folder)), key=len, reverse=True)


def remove(folder: Path) -> None:
    """Unmount all below, then delete; nothing of another file system is deleted.

    Raises:
        Unavailable: something is still in use.
    """
    if not folder.exists():
        return
    whole = folder.resolve()
    for point in mounted_below(whole, Path("/proc/self/mountinfo").read_text()):
        run("umount", "--lazy", point)
    run("rm", "-rf", "--one-file-system", str(whole))
