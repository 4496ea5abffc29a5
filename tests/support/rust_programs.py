"""Programs in Rust for tests, built once into the cache folder: with the Rust that is here, else with Debian's."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from console.sandbox.base_image import cache_folder
from console.sandbox.debian import Machine, find, run
from runner.errors import Unavailable

OLDEST = (1, 88)
# What Debian builds browsers with, and puts among its security updates; it conflicts with `rustc`.
PACKAGE = "cargo-web"


def built(crate, name):
    """The program of that name, of a crate with a lock file.

    Args:
        crate: the folder of Cargo.toml.
        name: the package's.

    Raises:
        Unavailable: it cannot be built here.
    """
    sources = [crate / "Cargo.toml", crate / "Cargo.lock", *sorted((crate / "src").iterdir())]
    key = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:12]
    folder = cache_folder(os.environ) / "rust"
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / f"{name}-{key}"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            with tempfile.TemporaryDirectory(prefix=f"{name}.", dir=folder) as target:
                _build(crate, target)
                (Path(target) / "debug" / name).rename(program)
    return program


def _build(crate, target):
    done = subprocess.run(
        [_cargo(), "build", "--locked", "--quiet", "--target-dir", target],
        cwd=crate,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Unavailable(f"cargo build failed: {done.stderr[-1000:]}")


def _cargo():
    if not _is_new_enough():
        machine = Machine.this()
        if not (machine.apt and machine.root):
            raise Unavailable(f"There is no Rust of {OLDEST[0]}.{OLDEST[1]} or later here.")
        run("apt-get", "update")
        run(
            *("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "--yes", "--no-remove"),
            *("--no-install-recommends", "--option", "DPkg::Lock::Timeout=120", PACKAGE),
        )
        if not _is_new_enough():
            raise Unavailable(f"Debian's Rust here is older than {OLDEST[0]}.{OLDEST[1]}.")
    return find("cargo")


def _is_new_enough():
    if shutil.which("cargo") is None or (rustc := shutil.which("rustc")) is None:
        return False
    told = subprocess.run([rustc, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.match(r"rustc (\d+)\.(\d+)", told)
    return version is not None and (int(version[1]), int(version[2])) >= OLDEST
