"""Where the buildx plugin is: in the folders where the Docker CLI looks for its plugins."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

PLUGIN: Final = "docker-buildx"
# docker/cli, cli-plugins/manager/manager_unix.go
_SYSTEM: Final = tuple(
    Path(folder, "docker/cli-plugins")
    for folder in ("/usr/local/lib", "/usr/local/libexec", "/usr/lib", "/usr/libexec")
)


def find_buildx(environment: Mapping[str, str]) -> Path | None:
    """The plugin's path, or None.

    Args:
        environment: the plugins of DOCKER_CONFIG, or of HOME's `.docker`, come before the system's.
    """
    config = environment.get("DOCKER_CONFIG")
    home = environment.get("HOME")
    own = [Path(config)] if config else [Path(home, ".docker")] if home else []
    folders = (*(folder / "cli-plugins" for folder in own), *_SYSTEM)
    return next((found for folder in folders if (found := _program(folder / PLUGIN))), None)


def _program(path: Path) -> Path | None:
    return path.resolve() if path.is_file() and os.access(path, os.X_OK) else None
