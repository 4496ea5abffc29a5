"""What lading puts into an image: version.json (Dockerflow) and its mirror in OCI's labels. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from runner.task.event import Event

VERSION_FILE: Final = "version.json"
SOURCE_LABEL: Final = "org.opencontainers.image.source"
REVISION_LABEL: Final = "org.opencontainers.image.revision"
VERSION_LABEL: Final = "org.opencontainers.image.version"
CREATED_LABEL: Final = "org.opencontainers.image.created"
# A hint for who verifies, never a proof.
BUILD_LABEL: Final = "lading.build"


def build_url(event: Event, revision: str, task_url: str, *, reproducible: bool) -> str:
    """Where the build can be looked at: the run, or what depends on the commit alone."""
    return f"{event.source}/commit/{revision}" if reproducible else task_url


def version_json(event: Event, revision: str, build: str) -> bytes:
    """Dockerflow's version object (mozilla-services/Dockerflow, docs/version_object.md)."""
    content = {"source": event.source, "version": _version(event), "commit": revision, "build": build}
    return (json.dumps(content, indent=2) + "\n").encode()


def image_labels(
    event: Event, revision: str, build: str, created: datetime | None, own: Mapping[str, str]
) -> dict[str, str]:
    """The image's labels; the user's own win.

    Args:
        event: behind the build.
        revision: the commit.
        build: the URL of `build_url`.
        created: UTC, or None where the image is to depend on the commit alone.
        own: labels of the settings.
    """
    labels = {
        SOURCE_LABEL: event.source,
        REVISION_LABEL: revision,
        VERSION_LABEL: _version(event),
        BUILD_LABEL: build,
    }
    if created is not None:
        labels[CREATED_LABEL] = created.isoformat(timespec="seconds").replace("+00:00", "Z")
    return {**labels, **own}


def _version(event: Event) -> str:
    return event.version or event.branch or ""
