"""A base image that needs no registry: a minimal Debian made by debootstrap, kept between runs."""

from __future__ import annotations

import fcntl
import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from console.sandbox.debian import Machine, install, mirror, run
from console.sandbox.mounts import remove
from runner.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from console.sandbox.engine import Engine

# Python with venv, which carries the pip that installs wheels without a network.
PACKAGES: Final = ("ca-certificates", "python3-venv")
_WORK = "debootstrap."
# Caches and documentation, and what debootstrap took from this machine.
_LEFT_OUT: Final = (
    *("dev/*", "proc/*", "sys/*", "var/log/*", "var/cache/apt/*", "var/lib/apt/lists/*", "usr/share/doc/*"),
    *("etc/apt/sources.list", "etc/hostname", "etc/resolv.conf"),
)


class NoDebian(Unavailable):
    """A Debian root file system is made by root on Debian, and this is neither cached nor that."""


def cache_folder(environment: Mapping[str, str]) -> Path:
    """The folder `lading` in $XDG_CACHE_HOME, or in its default (XDG Base Directory Specification)."""
    base = environment.get("XDG_CACHE_HOME", "")
    if not Path(base).is_absolute():  # the specification: relative paths are ignored
        base = f"{environment.get('HOME') or '/root'}/.cache"
    return Path(base, "lading")


def debian_archive(cache: Path, machine: Machine, say: Callable[[str], None]) -> Path:
    """The root file system of this machine's own suite as a tar archive, made once.

    Args:
        cache: the folder that keeps it.
        machine: its suite and its apt's mirror are used.
        say: told when it is made, which takes about half a minute.

    Raises:
        NoDebian: this is not Debian, or the user is not root.
        Unavailable: debootstrap failed.
    """
    key = hashlib.sha256(" ".join((*PACKAGES, *_LEFT_OUT)).encode()).hexdigest()[:8]
    archive = cache / f"debian-{machine.codename}-{key}.tar"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if archive.exists():
            return archive
        if not (machine.apt and machine.root and machine.codename):
            raise NoDebian("A Debian base image is made by root on Debian only.")
        install(["debootstrap"], machine, say)
        say(f"making a Debian {machine.codename} base image with debootstrap (once)")
        for left in cache.glob(f"{_WORK}*"):
            remove(left)
        work = Path(tempfile.mkdtemp(prefix=_WORK, dir=cache))
        try:
            _debootstrap(work, machine.codename)
            (work / "archive.tar").rename(archive)
        finally:
            remove(work)
    return archive


def import_image(engine: Engine, archive: Path, name: str) -> str:
    """Import a root file system as an image of one layer, and return the image's id.

    Args:
        engine: where to.
        archive: a tar file.
        name: what the image is called, `REPOSITORY:TAG`.

    Raises:
        Unavailable: the engine refused it, or went away.
    """
    repository, _, tag = name.partition(":")
    query = urlencode({"fromSrc": "-", "repo": repository, "tag": tag or "latest"})
    headers = {"Content-Type": "application/x-tar", "Content-Length": str(archive.stat().st_size)}
    with archive.open("rb") as body:
        events = list(engine.stream("POST", f"/images/create?{query}", body, headers))
    return str(events[-1]["status"])


def _debootstrap(work: Path, codename: str) -> None:
    root = work / "root"
    run(
        *("debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}"),
        *(codename, str(root), mirror(codename)),
    )
    run(
        *("tar", "--create", "--file", f"{work}/archive.tar", "--directory", str(root)),
        *("--numeric-owner", "--one-file-system", "--sort=name"),
        *(f"--exclude=./{pattern}" for pattern in _LEFT_OUT),
        ".",
    )
