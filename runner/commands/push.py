"""`push`: push a layout that another task built."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TextIO

from runner.commands.outcome import tell_image
from runner.errors import ExitCode
from runner.image.layout import Layout
from runner.layout_publication import LayoutPush
from runner.preparation import Preparation
from runner.task_layout import fetch_layout

if TYPE_CHECKING:
    from runner.job import Job


def push(job: Job, source: Path | str, stdout: TextIO, *, as_json: bool) -> ExitCode:
    """Hash every blob of the layout, then push exactly those bytes; the digest reference goes to stdout.

    Args:
        job: what is pushed.
        source: the layout's folder, or the id of the task that left a layout among its artifacts.
        stdout: where the result goes.
        as_json: as JSON.

    Raises:
        IntegrityFailure: a blob is not what its name says, or the task is another repository's or commit's, or its
            layout is not what it stated; neither secret nor registry was asked.
        Refused: the task is a pull request's, or has not completed.
        RunnerError: what went wrong; the report is left all the same.
    """
    if isinstance(source, Path):
        with job.narrator.step(f"Hash the layout in {source}"):
            layout = Layout.read(source)
        with Preparation(job) as preparation:
            return push_layout(job, preparation, layout, stdout, as_json=as_json)
    with TemporaryDirectory(prefix="lading-layout.") as folder, Preparation(job) as preparation:
        preparation.check_event()
        with job.narrator.step(f"Fetch the layout of task {source}"):
            layout = fetch_layout(job, preparation.taskcluster, source, Path(folder))
        return push_layout(job, preparation, layout, stdout, as_json=as_json)


def push_layout(
    job: Job, preparation: Preparation, layout: Layout, stdout: TextIO, *, as_json: bool
) -> ExitCode:
    """Push a layout that was read; the digest reference goes to stdout.

    Raises:
        RunnerError: what went wrong; the report is left all the same.
    """
    publication = LayoutPush(job, preparation, layout=layout)
    reference = publication.run()
    tell_image(job, reference, stdout, as_json=as_json, tags=publication.tag_states)
    return ExitCode.OK
