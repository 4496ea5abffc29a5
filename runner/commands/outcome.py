"""What a command that made an image says on stdout."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from runner.job import Job


def tell_image(job: Job, reference: str, stdout: TextIO, *, as_json: bool, **more: object) -> None:
    """Print the digest reference, or as JSON also what more there is and what was warned of."""
    document = {"image": reference, **more, "warnings": job.narrator.warnings}
    stdout.write((json.dumps(document) if as_json else reference) + "\n")
