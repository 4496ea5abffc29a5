"""`publish`: the script of 2016, whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from runner.commands.outcome import tell_image
from runner.errors import ExitCode
from runner.preparation import Preparation
from runner.publication import Publication

if TYPE_CHECKING:
    from runner.job import Job


def publish(job: Job, stdout: TextIO, *, as_json: bool) -> ExitCode:
    """Build, push and state; the digest reference goes to stdout.

    Raises:
        RunnerError: what went wrong; the report is left all the same.
    """
    with Preparation(job) as preparation:
        publication = Publication(job, preparation)
        reference = publication.run()
    tell_image(job, reference, stdout, as_json=as_json, tags=publication.tag_states)
    return ExitCode.OK
