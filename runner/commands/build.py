"""`build`: build and pack into an OCI layout, for a task without the secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from runner.commands.outcome import tell_image
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
    tell_image(job, reference, stdout, as_json=as_json, layout=str(output))
    return ExitCode.OK
