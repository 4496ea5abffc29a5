"""The buildx plugin for tests: the one that is there, else Debian's, unpacked into the cache folder."""

import fcntl
import os
import tempfile
from pathlib import Path

from console.sandbox.base_image import cache_folder
from console.sandbox.debian import Machine, mirror
from runner.engines.buildx_plugin import find_buildx
from runner.errors import Unavailable
from tests.support.engine import missing
from tests.support.engines import fetch

# The first Debian that has it.
SUITE = "trixie"


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
        if not kept.exists():
            if not (machine.apt and machine.codename):
                raise Unavailable("It is fetched on Debian only.")
            with tempfile.TemporaryDirectory(prefix="buildx.", dir=cache) as name:
                fetch(Path(name), SUITE, mirror(machine.codename), ["docker-buildx"])
                (plugin,) = Path(name).glob("root/usr/**/cli-plugins/docker-buildx")
                plugin.rename(kept)
    return kept


def docker_config(folder):
    """A DOCKER_CONFIG that has the plugin and a configuration that breaks whoever reads it."""
    plugins = folder / "cli-plugins"
    plugins.mkdir(parents=True)
    (plugins / "docker-buildx").symlink_to(buildx_plugin())
    (folder / "config.json").write_text('{"credsStore": "breaks"')
    return folder
