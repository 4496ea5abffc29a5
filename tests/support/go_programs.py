"""Programs in Go for tests, built once into the cache folder: with the Go that is here, else with Debian sid's.

The reference registry is built without the stores of clouds, which are three quarters of the work.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from console.sandbox.base_image import cache_folder
from runner.errors import Unavailable
from tests.support.engines import unpacked

OLDEST = (1, 25)
PACKAGES = ("golang-1.26-go", "golang-1.26-src")
DISTRIBUTION = "github.com/distribution/distribution/v3"
REGISTRY = f"""\
package main

import (
	"os"

	"{DISTRIBUTION}/registry"
	_ "{DISTRIBUTION}/registry/auth/htpasswd"
	_ "{DISTRIBUTION}/registry/storage/driver/filesystem"
)

func main() {{
	if registry.RootCmd.Execute() != nil {{
		os.Exit(1)
	}}
}}
"""
CRANE = "github.com/google/go-containerregistry/cmd/crane@v0.22.1"


def distribution_registry():
    """The reference registry 3.1.2, with a file system to store in.

    Raises:
        Unavailable: it cannot be built here.
    """

    def build(target, work):
        (work / "main.go").write_text(REGISTRY)
        go(work, "mod", "init", "registry")
        go(work, "get", f"{DISTRIBUTION}/registry@v3.1.2")
        go(work, "build", "-mod=mod", "-o", str(target), ".")

    return _built("registry-3.1.2", build)


def crane():
    """go-containerregistry's program, which also is a registry.

    Raises:
        Unavailable: it cannot be built here.
    """

    def build(target, work):
        go(work, "install", CRANE, GOBIN=str(target.parent))

    return _built("crane", build)


def go(folder, *arguments, **environment):
    """Run go.

    Raises:
        Unavailable: it failed, or there is none.
    """
    done = subprocess.run(
        [_go(), *arguments],
        cwd=folder,
        env={**os.environ, "GOTOOLCHAIN": "local", "CGO_ENABLED": "0", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Unavailable(f"go {' '.join(arguments)} failed: {done.stderr[-1000:]}")


def _built(name, build):
    folder = cache_folder(os.environ) / "go"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / name).exists():
            with tempfile.TemporaryDirectory(prefix=f"{name}.", dir=folder) as work:
                build(Path(work) / name, Path(work))
                (Path(work) / name).rename(folder / name)
    return folder / name


def _go():
    found = shutil.which("go")
    if found is not None:
        told = subprocess.run([found, "version"], capture_output=True, text=True, check=False).stdout
        version = re.search(r"go(\d+)\.(\d+)", told)
        if version and (int(version[1]), int(version[2])) >= OLDEST:
            return found
    return str(unpacked("go", "sid", PACKAGES) / "usr/lib/go-1.26/bin/go")
