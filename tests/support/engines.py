"""Engines newer than this Debian's: from newer suites of the machine's own mirror, unpacked, never installed."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import shutil
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from console.sandbox.base_image import cache_folder
from console.sandbox.debian import SEARCHED, Machine, find, mirror, run
from console.sandbox.private_engine import private_engine
from runner.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

# What differs from suite to suite; runc stays this Debian's: newer ones need a newer libc.
PACKAGES = ("docker.io", "docker-cli", "containerd")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


@dataclass(frozen=True, slots=True)
class Release:
    """An engine to run.

    Args:
        name: as the tables call it.
        suite: where it comes from; None for what is installed.
        containerd_store: whether images are kept by containerd.
        settings: further ones of its daemon.json.
    """

    name: str
    suite: str | None = None
    containerd_store: bool = False
    settings: Mapping[str, object] = field(default_factory=dict)


RELEASES = {
    release.name: release
    for release in (
        Release("20.10"),
        Release("26.1", "trixie"),
        Release("28.5", "sid"),
        Release("28.5-containerd", "sid", containerd_store=True),
    )
}


@dataclass(frozen=True, slots=True)
class RunningEngine:
    """An engine that runs.

    Args:
        release: which.
        host: its DOCKER_HOST.
        folder: where all that it has lies.
        docker: the client that came with it.
        version: what it says.
    """

    release: Release
    host: str
    folder: Path
    docker: str
    version: str


@contextmanager
def running_engine(release, say=lambda _text: None):
    """Run a private engine of this release.

    Raises:
        Unavailable: it cannot be had here; who is asking decides what that means.
    """
    if os.geteuid() != 0 or find("dockerd") is None:
        raise Unavailable("A private engine needs root and docker.io.")
    with tempfile.TemporaryDirectory(prefix="lading-dockerd.") as name:
        programs = Path(name)
        suite = release.suite
        root = unpacked(suite, suite, PACKAGES, say) if suite else Path("/")
        _write_starter(programs, release, root)
        with ExitStack() as stack:
            before = os.environ.get("PATH", "")
            os.environ["PATH"] = f"{programs}:{before}"  # where private_engine looks for dockerd
            try:
                # A socket's path has 107 bytes at most: the parent is short.
                parent = Path(tempfile.gettempdir())
                engine = stack.enter_context(private_engine(parent, os.environ, say))
            finally:
                os.environ["PATH"] = before
            docker = str(root / "usr/bin/docker")
            yield RunningEngine(release, engine.host, engine.socket.parent, docker, engine.version())


def _write_starter(programs, release, root):
    """A `dockerd` that is the release's, with its own containerd before it in PATH and this Debian's runc."""
    arguments = ["--config-file", str(programs / "daemon.json")]
    features = {"features": {"containerd-snapshotter": True}} if release.containerd_store else {}
    (programs / "daemon.json").write_text(json.dumps({**features, **release.settings}))
    own = programs / "own"
    own.mkdir()
    for program in ("runc", "docker-init"):
        if (path := find(program)) is not None:
            (own / program).symlink_to(path)
    path = f"{own}:{root / 'usr/sbin'}:{root / 'usr/bin'}:{SEARCHED}"
    command = [str(root / "usr/sbin/dockerd"), *arguments]
    # setpriv's death signal outlives exec (prctl(2)).
    starter = programs / "dockerd"
    # containerd calls the driver otherwise; of two the last counts.
    driver = " --storage-driver overlayfs" if release.containerd_store else ""
    starter.write_text(f'#!/bin/sh\nPATH={shlex.quote(path)} exec {shlex.join(command)} "$@"{driver}\n')
    starter.chmod(0o755)


def unpacked(name, suite, packages, say=lambda _text: None):
    """Packages of a suite, unpacked in the cache below this name; downloaded once.

    Raises:
        Unavailable: this is not Debian, or its mirror does not have the suite.
    """
    machine = Machine.this()
    if not (machine.apt and machine.codename):
        raise Unavailable(f"{packages[0]} comes from Debian's newer suites, and this is not Debian.")
    cache = cache_folder(os.environ) / "engines"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        root = cache / name
        if not root.exists():
            say(f"fetching {packages[0]} of {suite} (once)")
            with tempfile.TemporaryDirectory(prefix=f"{name}.", dir=cache) as work:
                fetch(Path(work), suite, mirror(machine.codename), packages)
                (Path(work) / "root").rename(root)
    return root


def fetch(work, suite, address, packages):
    """Download packages of a suite by apt lists of our own, and unpack them into `root` below `work`."""
    for folder in ("lists/partial", "archives/partial", "debs", "root"):
        (work / folder).mkdir(parents=True)
    (work / "status").touch()  # nothing counts as installed
    (work / "sources").write_text(f"deb [signed-by={KEYRING}] {address} {suite} main\n")
    settings = {
        "Dir::State::lists": work / "lists",
        "Dir::State::status": work / "status",
        "Dir::Cache": work,
        "Dir::Cache::archives": work / "archives",
        "Dir::Etc::sourcelist": work / "sources",
        "Dir::Etc::sourceparts": "-",
        "APT::Sandbox::User": "root",
    }
    (work / "apt.conf").write_text("".join(f'{name} "{value}";\n' for name, value in settings.items()))
    apt = ("env", "--chdir", str(work / "debs"), f"APT_CONFIG={work}/apt.conf", "apt-get", "--quiet")
    run(*apt, "update")
    run(*apt, "download", *packages)
    for package in (work / "debs").glob("*.deb"):
        run("dpkg", "-x", str(package), str(work / "root"))
    shutil.rmtree(work / "debs")
