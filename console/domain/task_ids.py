"""The id that somebody gives: as it is, or in a link to the web interface."""

from __future__ import annotations

import re
from typing import Final

from runner.errors import UsageError

_SLUG: Final = r"[A-Za-z0-9_-]{8}[Q-T][A-Za-z0-9_-][CGKOSWaeimquy26-][A-Za-z0-9_-]{10}[AQgw]"
_TYPED: Final = re.compile(rf"(?:https?://\S+/tasks/(?:groups/)?)?(?P<id>{_SLUG})(?:[/?#]\S*)?\Z")


def task_id_of(typed: str) -> str:
    """The id of a task or a group.

    Raises:
        UsageError: it is none, and no link to one.
    """
    found = _TYPED.match(typed.strip())
    if found is None:
        raise UsageError(
            f"{typed[:80]!r} is no id of a task or a group.",
            action="Give 22 characters such as fN1SbArXTPSVFNUvaOlinQ, or a link to a task.",
        )
    return found["id"]
