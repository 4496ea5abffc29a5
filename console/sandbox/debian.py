"""What the sandbox needs of a Debian machine: installed where the user is root, else named."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

# Programs that only root runs are not in every user's PATH.
SEARCHED: Final = f"{os.defpath}:/usr/local/bin:/usr/local/sbin:/usr/sbin:/sbin"
PACKAGES: Final = {
    "chromium": "chromium",
    "curl": "curl",
    "dbus-daemon": "dbus",
    "debootstrap": "debootstrap",
    "docker-registry": "docker-registry",
    "dockerd": "docker.io",
    "git": "git",
    "gnome-keyring-daemon": "gnome-keyring",
    "htpasswd": "apache2-utils",
    "npm": "npm",
    "skopeo": "skopeo",
    "tmux": "tmux",
}
_POLICY: Final = Path("/usr/sbin/policy-rc.d")
_LOG_LINES = 20


@dataclass(frozen=True, slots=True)
class Machine:
    """What decides whether packages can be installed here.

    Args:
        apt: it has apt and calls itself Debian, or like Debian.
        root: the user may install packages.
        codename: the suite that it runs (`bookworm`), or "".
    """

    apt: bool
    root: bool
    codename: str

    @classmethod
    def this(cls) -> Machine:
        """The machine that this process runs on, by its os-release file."""
        try:
            release = platform.freedesktop_os_release()
        except OSError:  # not Linux
            release = {}
        kin = f"{release.get('ID', '')} {release.get('ID_LIKE', '')}".split()
        return cls(
            apt="debian" in kin and shutil.which("apt-get", path=SEARCHED) is not None,
            root=os.geteuid() == 0,
            codename=release.get("VERSION_CODENAME", ""),
        )


def find(program: str) -> str | None:
    """The path of a program, system administration's included."""
    return shutil.which(program) or shutil.which(program, path=SEARCHED)


def install(programs: Iterable[str], machine: Machine, say: Callable[[str], None]) -> None:
    """Install the packages of those programs that are missing; none of their services is started.

    Args:
        programs: keys of `PACKAGES`.
        machine: where.
        say: told what is about to be installed.

    Raises:
        Unavailable: they cannot be installed by this user here, or apt-get failed.
    """
    missing = sorted(program for program in programs if find(program) is None)
    if not missing:
        return
    packages = sorted(PACKAGES[program] for program in missing)
    if not (machine.apt and machine.root):
        raise Unavailable(
            f"Missing here: {', '.join(missing)}.",
            action=f"Install them: sudo apt-get install --no-install-recommends {' '.join(packages)}."
            if machine.apt
            else "Install them with this system's package manager (on Debian, root gets them installed).",
        )
    say(f"installing {', '.join(packages)} (apt-get)")
    with _no_service_starts():
        run("apt-get", "update")
        run(
            *("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "--yes"),
            *("--no-install-recommends", "--option", "DPkg::Lock::Timeout=120", *packages),
        )
    if Path("/run/systemd/system").exists():
        say("their services were not started; `systemctl disable NAME` keeps one off after a restart too")


def mirror(codename: str) -> str:
    """The mirror that this machine's own apt asks for a suite.

    Args:
        codename: a suite, such as `bookworm`.

    Raises:
        Unavailable: apt has no source for it.
    """
    found = find_mirror(run("apt-get", "--print-uris", "update"), codename)
    if found is None:
        raise Unavailable(
            f"apt has no source for {codename}.", action=f"Add one for {codename} to /etc/apt/sources.list."
        )
    return found


def find_mirror(printed: str, codename: str) -> str | None:
    """The address before `/dists/` in what `apt-get --print-uris update` prints for a suite, or None."""
    found = re.search(rf"^'([^']+)/dists/{re.escape(codename)}/(?:In)?Release", printed, re.MULTILINE)
    return found and found.group(1)


def run(*command: str) -> str:
    """Run to the end and return what it printed.

    Args:
        command: the program and its arguments; no secret, they are visible to every user.

    Raises:
        Unavailable: it failed; the end of its output is told.
    """
    done = subprocess.run(  # noqa: S603 - the callers' programs are literals
        (find(command[0]) or command[0], *command[1:]),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        text=True,
        errors="replace",
    )
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-_LOG_LINES:])
        name = next(word for word in command if word != "env" and "=" not in word)
        raise Unavailable(f"{name} failed with status {done.returncode}:\n{tail}")
    return done.stdout


@contextmanager
def _no_service_starts() -> Iterator[None]:
    """Debian's own way to install a service without starting it: a policy that answers 101."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink(missing_ok=True)
