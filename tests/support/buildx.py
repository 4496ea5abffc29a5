"""The buildx plugin for tests: the one that is there, else Debian's, unpacked into the cache folder.

Debian has it since trixie: an older machine asks its own mirror for that suite with apt lists of the test's own,
so that the machine's apt knows nothing of it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

from console.sandbox.base_image import cache_folder
from console.sandbox.debian import Machine, mirror, run
from runner.engines.buildx_plugin import find_buildx
from runner.errors import Unavailable
from tests.support.engine import missing

SUITE = "trixie"
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def buildx_plugin():
    """The path of a buildx plugin; without one the test is skipped, or in CI fails."""
    found = find_buildx(os.environ)
    if found is not None:
        return found
    try:
        return _debian_buildx(cache_folder(os.environ), Machine.this())
    except Unavailable as error:
        missing(f"There is no buildx: {error}")


def _debian_buildx(cache, machine):
    kept = cache / f"docker-buildx-{SUITE}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if kept.exists():
            return kept
        if not (machine.apt and machine.codename):
            raise Unavailable("It is fetched on Debian only.")
        work = Path(tempfile.mkdtemp(prefix="buildx.", dir=cache))
        try:
            _download(work, mirror(machine.codename)).rename(kept)
        finally:
            shutil.rmtree(work)
    return kept


def _download(work, address):
    """Fetch and unpack the package."""
    for name in ("lists/partial", "archives/partial", "unpacked"):
        (work / name).mkdir(parents=True)
    (work / "status").touch()
    (work / "sources").write_text(f"deb [signed-by={_KEYRING}] {address} {SUITE} main\n")
    options = {
        "Dir::State::lists": work / "lists",
        "Dir::State::status": work / "status",
        "Dir::Cache": work,
        "Dir::Cache::archives": work / "archives",
        "Dir::Etc::sourcelist": work / "sources",
        "Dir::Etc::sourceparts": "-",
        "APT::Sandbox::User": "root",
    }
    (work / "apt.conf").write_text("".join(f'{name} "{value}";\n' for name, value in options.items()))
    apt = ("env", "--chdir", str(work), f"APT_CONFIG={work}/apt.conf", "apt-get")
    run(*apt, "update")
    run(*apt, "download", "docker-buildx")
    (package,) = work.glob("docker-buildx_*.deb")
    run("dpkg", "-x", str(package), str(work / "unpacked"))
    (plugin,) = work.glob("unpacked/usr/**/cli-plugins/docker-buildx")
    return plugin
