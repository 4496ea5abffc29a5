"""`index create`: join layouts of several platforms into one image, and push that."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TextIO

from runner.commands.push import push_layout
from runner.image.layout import Layout
from runner.image.layout_joining import join_layouts
from runner.layout_publication import check_revision
from runner.preparation import Preparation
from runner.task_layout import TASK_ID, fetch_layout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.errors import ExitCode
    from runner.job import Job


def create_index(job: Job, sources: Sequence[str], stdout: TextIO, *, as_json: bool) -> ExitCode:
    """Join the layouts and push what they make; the digest reference goes to stdout.

    Args:
        job: what is pushed.
        sources: each a layout's folder, or the id of the task that built it.
        stdout: where the result goes.
        as_json: as JSON.

    Raises:
        UsageError: two are for one platform.
        RunnerError: as `push`, of each.
    """
    with TemporaryDirectory(prefix="lading-layouts.") as name, Preparation(job) as preparation:
        preparation.check_event()
        layouts = []
        for number, source in enumerate(sources):
            if TASK_ID.match(source) and not Path(source).is_dir():
                with job.narrator.step(f"Fetch the layout of task {source}"):
                    layout = fetch_layout(job, preparation.taskcluster, source, Path(name, str(number)))
            else:
                with job.narrator.step(f"Hash the layout in {source}"):
                    layout = Layout.read(Path(source))
            check_revision(layout, job)
            layouts.append(layout)
        joined = join_layouts(layouts, Path(name, "joined"))
        return push_layout(job, preparation, joined, stdout, as_json=as_json)
