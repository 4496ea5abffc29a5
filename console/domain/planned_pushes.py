"""Where a plan's tasks push images to: by the commit's lading.toml and what the tasks are told of the event."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

from console.domain.findings_task import publisher
from runner.errors import RunnerError
from runner.image.tags import default_templates, fields_of, tags_of, template_problems
from runner.settings import FILE_NAME, load_settings
from runner.task.event import event_from_environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from console.domain.findings_task import PublishTask
    from console.domain.taskcluster_yml import Rendering, TaskclusterYml
    from runner.settings import Settings

_HOST = "github.com"


def planned_pushes(
    settings_file: str | None,
    file: TaskclusterYml,
    rendering: Rendering,
    *,
    slug: str,
    revision: str,
    now: datetime,
) -> Iterator[str]:
    """Each image with the tags that its task puts, as an effect in words.

    Args:
        settings_file: the commit's `lading.toml`, or None where it has none.
        file: its task file.
        rendering: what the event makes of that.
        slug: the repository.
        revision: the commit.
        now: of dated tags, where the task is told no time.
    """
    try:
        names = list(tomllib.loads(settings_file or "").get("image", {})) or [None]
    except (tomllib.TOMLDecodeError, AttributeError, TypeError) as error:
        yield f"what it pushes is not known: {FILE_NAME} cannot be read: {error}"
        return
    for name in names:
        try:
            settings = load_settings(settings_file, {}, {}, image=name, slug=slug, host=_HOST)
            task = publisher(file, rendering, settings)
            if task is None:
                continue
            environment = task.environment
            settings = load_settings(settings_file, environment, {}, image=name, slug=slug, host=_HOST)
        except RunnerError as error:
            yield f"what it pushes is not known: {error.what}"
            continue
        yield _words(settings, task, slug, revision, now)


def _words(settings: Settings, task: PublishTask, slug: str, revision: str, now: datetime) -> str:
    event, _ = event_from_environment(task.environment, lambda: f"https://{_HOST}/{slug}", lambda: revision)
    if event is None:
        return f"it pushes {settings.repository}, under tags that are not known"
    templates = settings.tags or default_templates(event.branch, event.tag)
    known = fields_of(event.branch, event.tag, event.version, event.revision, event.created or now)
    problems = template_problems(templates, known)
    if problems:
        return f"it would push {settings.repository}, but {'; '.join(problems)}"
    return "it pushes " + ", ".join(f"{settings.repository}:{tag}" for tag in tags_of(templates, known))
