"""What the doctor tells of a checkout without asking anybody: its settings, its task file, the task that publishes."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from console.actions.task_render import Happening, RenderedTasks, render_task
from console.domain import findings_file, findings_task
from console.domain.findings import Diagnosis, Link, broken, ok, or_ok
from console.domain.findings_artifacts import artifact_findings
from console.domain.findings_engine import engine_findings
from console.domain.findings_fix import EditFile
from console.domain.scopes import satisfies
from console.domain.taskcluster_yml import FILE_NAME, BadTaskclusterYml
from runner.errors import SettingsError, UsageError
from runner.settings import FILE_NAME as SETTINGS_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from console.actions.doctor_checkout import ReadCheckout
    from console.domain.findings_task import PublishTask
    from runner.settings import Settings


@dataclass(frozen=True, slots=True)
class Image:
    """An image, and the task that publishes it.

    Args:
        settings: what it is set to, where that task runs.
        task: the task, or None where the event makes none.
    """

    settings: Settings
    task: PublishTask | None

    @property
    def name(self) -> str:
        """In lading.toml."""
        return self.settings.image


@dataclass(frozen=True, slots=True)
class Local:
    """What a checkout says by itself.

    Args:
        findings: in the order of the chain.
        images: those whose settings can be read.
        rendered: what the event makes of the task file, or None where it does not become tasks.
    """

    findings: tuple[Diagnosis, ...]
    images: tuple[Image, ...]
    rendered: RenderedTasks | None


def look(read: ReadCheckout, root_url: str, now: datetime) -> Local:
    """Look at a checkout; it reads files and asks git: call it in a thread."""
    rendered, found = _render_file(read, root_url, now)
    images, problems = _images_of(read, rendered)
    own = (
        replace(finding, image=image.name)
        for image in images
        for finding in _task_findings(read, image, rendered, now)
    )
    return Local((*problems, *found, *own), tuple(images), rendered)


def _render_file(
    read: ReadCheckout, root_url: str, now: datetime
) -> tuple[RenderedTasks | None, list[Diagnosis]]:
    """What the event makes of the task file, and what is wrong with the file."""
    if read.task_file is None:
        return None, [findings_file.absent_file()]
    try:
        rendered = _render(root_url, read, read.happening, now)
    except UsageError as error:
        cause = error.__cause__
        problems = cause.problems if isinstance(cause, BadTaskclusterYml) else ()
        return None, [findings_file.unreadable_file(problems)]
    if rendered.refusals:
        return rendered, [findings_file.unreadable_file(rendered.refusals, "queue-refuses-task")]
    is_committed = not read.checkout.has_uncommitted(FILE_NAME)
    return rendered, list(findings_file.file_findings(rendered.file, is_committed=is_committed))


def _render(root_url: str, read: ReadCheckout, happening: Happening, now: datetime) -> RenderedTasks:
    return render_task(
        FILE_NAME,
        read.task_file or "",
        happening,
        slug=read.slug,
        revision=read.revision,
        root_url=root_url,
        now=now,
    )


def _images_of(read: ReadCheckout, rendered: RenderedTasks | None) -> tuple[list[Image], list[Diagnosis]]:
    """The images whose settings can be read, each with its task, and what is wrong with the settings."""
    images: list[Image] = []
    found: list[Diagnosis] = []
    try:
        names = read.images()
    except SettingsError as error:
        return [], [_unreadable_settings(error, "")]
    for name in names:
        try:
            settings = read.settings(name, {})
            task = _publisher(rendered, settings)
            if task is not None:
                settings = read.settings(name, task.environment)
        except SettingsError as error:
            found.append(_unreadable_settings(error, name or ""))
            continue
        images.append(Image(settings, task))
        found.append(replace(_settings_finding(read, settings), image=settings.image))
    return images, found


def _settings_finding(read: ReadCheckout, settings: Settings) -> Diagnosis:
    if not read.has_file(settings.dockerfile):
        return broken(
            Link.SETTINGS,
            "dockerfile-absent",
            f"There is no {settings.dockerfile}, from which the image is built.",
            f"Commit one, or correct `dockerfile` in {SETTINGS_NAME}.",
            EditFile(file=SETTINGS_NAME, image=settings.image),
        )
    source = "read" if read.settings_file is not None else "not there: what the repository's name says"
    return ok(Link.SETTINGS, f"{source}: {settings.repository}")


def _publisher(rendered: RenderedTasks | None, settings: Settings) -> PublishTask | None:
    if rendered is None:
        return None
    return findings_task.publisher(rendered.file, rendered.rendering, settings)


def _unreadable_settings(error: SettingsError, image: str) -> Diagnosis:
    finding = broken(
        Link.SETTINGS,
        "settings-unreadable",
        "; ".join(error.problems) + ".",
        f"Correct {SETTINGS_NAME}.",
        EditFile(file=SETTINGS_NAME, image=image),
    )
    return replace(finding, image=image)


def _task_findings(
    read: ReadCheckout, image: Image, rendered: RenderedTasks | None, now: datetime
) -> Iterator[Diagnosis]:
    """What can be told without asking anybody."""
    if rendered is None:
        return
    what = _in_words(read.happening)
    task = image.task
    if task is None:
        yield findings_file.idle_event(what, _elsewhere(read, image.settings, now))
        return
    told = findings_task.told_findings(task, read.slug, read.revision)
    yield from or_ok(told, Link.EVENT, f"{what} of {read.slug} publishes")
    yield from engine_findings(task)
    yield from findings_task.proxy_findings(task)
    yield from findings_task.scope_findings(task, image.settings)
    yield from artifact_findings(task, now)


def _in_words(happening: Happening) -> str:
    if happening.release is not None:
        return f"a release of `{happening.release}`"
    if happening.tag is not None:
        return f"a push of the tag `{happening.tag}`"
    return f"a push to `{happening.branch}`"


def _elsewhere(read: ReadCheckout, settings: Settings, now: datetime) -> str | None:
    """A branch whose pushes publish."""
    for branch in dict.fromkeys((*read.branches, "main", "master")):
        with suppress(UsageError):
            rendered = _render("", read, Happening(branch=branch), now)
            if _publisher(rendered, settings) is not None:
                return branch
    return None


def line_for_pull_requests(read: ReadCheckout, scope: str, now: datetime) -> int | None:
    """Where the file makes a task of a pull request that asks for the scope, or None."""
    for by_stranger in (False, True):
        with suppress(UsageError):
            rendered = _render("", read, Happening(pull_request=1, by_stranger=by_stranger), now)
            for task_id in rendered.rendering.tasks:
                task = findings_task.PublishTask(rendered.file, rendered.rendering, task_id)
                if satisfies(task.scopes, scope):
                    return task.edit().line
    return None
