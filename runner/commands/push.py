"""`push`: push a layout that another task built."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TextIO

from runner.errors import ExitCode
from runner.image.layout import Layout
from runner.layout_publication import LayoutPush
from runner.preparation import Preparation

if TYPE_CHECKING:
    from pathlib import Path

    from runner.job import Job


def push(job: Job, folder: Path, stdout: TextIO, *, as_json: bool) -> ExitCode:
    """Hash every blob of the layout, then push exactly those bytes; the digest reference goes to stdout.

    Raises:
        IntegrityFailure: a blob is not what its name says; neither secret nor registry was asked.
        RunnerError: what went wrong; the report is left all the same.
    """
    with job.narrator.step(f"Hash the layout in {folder}"):
        layout = Layout.read(folder)
    with Preparation(job) as preparation:
        publication = LayoutPush(job, preparation, layout=layout)
        reference = publication.run()
    if as_json:
        document = {"image": reference, "tags": publication.tag_states, "warnings": job.narrator.warnings}
        stdout.write(json.dumps(document) + "\n")
    else:
        stdout.write(reference + "\n")
    return ExitCode.OK
