"""`build`: build and pack into an OCI layout, for a task without the secret."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TextIO

from runner.errors import ExitCode
from runner.layout_publication import LayoutBuild
from runner.preparation import Preparation

if TYPE_CHECKING:
    from pathlib import Path

    from runner.job import Job


def build(job: Job, output: Path, stdout: TextIO, *, as_json: bool) -> ExitCode:
    """Build, pack and state; the digest reference goes to stdout.

    Raises:
        RunnerError: what went wrong; the report is left all the same.
    """
    with Preparation(job) as preparation:
        reference = LayoutBuild(job, preparation, output=output).run()
    if as_json:
        document = {"image": reference, "layout": str(output), "warnings": job.narrator.warnings}
        stdout.write(json.dumps(document) + "\n")
    else:
        stdout.write(reference + "\n")
    return ExitCode.OK
