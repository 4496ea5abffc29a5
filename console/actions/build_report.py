"""What a build left behind: its report and its statement."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from console.services import artifacts
from runner.errors import RunnerError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from console.connection import Connection
    from console.domain.artifact import Artifact

REPORT: Final = "docker-build-report.json"
STATEMENT: Final = "docker-image.json"
_MOST: Final = 4 << 20


def named(found: Iterable[Artifact], name: str) -> list[Artifact]:
    """The artifacts of that name: one for each image that the task builds."""
    return [
        artifact
        for artifact in found
        if artifact.name.startswith("public/") and artifact.name.rpartition("/")[2] == name
    ]


async def read_json(connection: Connection, artifact: Artifact) -> tuple[object, str]:
    """The JSON of an artifact and "", or None and why it cannot be read."""
    try:
        content = await artifacts.content(
            connection.taskcluster, artifact.task_id, artifact.run_id, artifact.name, most=_MOST
        )
        return json.loads(content), ""
    except RunnerError as error:
        return None, error.what
    except (ValueError, RecursionError):
        return None, f"{artifact.name} is no JSON"
