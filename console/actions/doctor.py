"""Will the next push publish? Each link of the chain is looked at, and told as soon as those before it are known.

Nothing is changed, and the secret is shown to nobody but the registry that it names.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from console.actions import doctor_facts as facts
from console.actions.doctor_checkout import ReadCheckout, read_checkout
from console.actions.doctor_registry import ask_registry
from console.actions.task_render import Happening, RenderedTasks, check_role, render_task
from console.domain import findings_file, findings_registry, findings_role, findings_secret, findings_task
from console.domain.findings import Diagnosis, Link, broken, doubtful, ok, or_ok, untold
from console.domain.findings_artifacts import artifact_findings
from console.domain.findings_fix import EditFile
from console.domain.scopes import satisfies
from console.domain.taskcluster_yml import FILE_NAME, BadTaskclusterYml
from runner.errors import RunnerError, SettingsError, UsageError
from runner.settings import FILE_NAME as SETTINGS_NAME

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from console.connection import Connection
    from console.domain.findings_task import PublishTask
    from runner.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the doctor is asked.

    Args:
        folder: the checkout.
        path: where git is looked for, as PATH names it.
        happening: the event, or None for a push of the branch that is checked out.
        repository: OWNER/NAME, or None for that of the remote `origin`.
    """

    folder: Path
    path: str
    happening: Happening | None = None
    repository: str | None = None


@dataclass(frozen=True, slots=True)
class _Image:
    """An image of lading.toml, and the task that publishes it, as far as there is one."""

    settings: Settings
    task: PublishTask | None

    @property
    def name(self) -> str:
        return self.settings.image


async def diagnose(connection: Connection, question: Question) -> AsyncGenerator[Diagnosis]:
    """Every finding, in the order of the chain.

    Raises:
        UsageError: the folder is no checkout of a repository of GitHub.
    """
    refusal = await facts.refused_sign_in(connection)
    settings = connection.settings
    yield findings_secret.sign_in_finding(connection.taskcluster.client_id, settings.origin, refusal)
    now = facts.server_time(connection)
    read = await asyncio.to_thread(
        read_checkout, question.folder, question.path, question.happening, question.repository
    )
    rendered, found = _rendered(connection, read, now)
    images, problems = _images(read, rendered)
    for finding in (*problems, *found):
        yield finding
    for image in images:
        for finding in _task_findings(read, image, rendered, now):
            yield replace(finding, image=image.name)
    online = [asyncio.ensure_future(check) for check in _online(connection, read, images, rendered, now)]
    try:
        for check in online:
            for finding in await check:
                yield finding
    finally:
        for check in online:
            check.cancel()
        await asyncio.gather(*online, return_exceptions=True)


def _rendered(
    connection: Connection, read: ReadCheckout, now: datetime
) -> tuple[RenderedTasks | None, list[Diagnosis]]:
    """What the event makes of the task file, and what is wrong with the file."""
    if read.task_file is None:
        return None, [findings_file.absent_file()]
    try:
        rendered = _render(connection.root_url, read, read.happening, now)
    except UsageError as error:
        cause = error.__cause__
        problems = cause.problems if isinstance(cause, BadTaskclusterYml) else ()
        return None, [findings_file.unreadable_file(problems)]
    if rendered.refusals:
        return rendered, [findings_file.unreadable_file(rendered.refusals, "queue-refuses-task")]
    return rendered, list(findings_file.file_findings(rendered.file))


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


def _images(read: ReadCheckout, rendered: RenderedTasks | None) -> tuple[list[_Image], list[Diagnosis]]:
    """The images whose settings can be read, each with its task, and what is wrong with the settings."""
    images: list[_Image] = []
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
        images.append(_Image(settings, task))
        source = "read" if read.settings_file is not None else "not there: what the repository's name says"
        found.append(replace(ok(Link.SETTINGS, f"{source}: {settings.repository}"), image=settings.image))
    return images, found


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
    read: ReadCheckout, image: _Image, rendered: RenderedTasks | None, now: datetime
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
    yield from findings_task.engine_findings(task)
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


def _online(
    connection: Connection,
    read: ReadCheckout,
    images: list[_Image],
    rendered: RenderedTasks | None,
    now: datetime,
) -> Iterator[Awaitable[list[Diagnosis]]]:
    """The questions to services, in the order of the chain; all are asked at once."""
    publishing = [image.task for image in images if image.task is not None]
    if rendered is not None and publishing:
        yield _asked(Link.ROLE, "", partial(_role, connection, rendered))
    for secret in dict.fromkeys(image.settings.secret for image in images):
        yield _asked(Link.PULL_REQUESTS, "", partial(_pull_requests, connection, read, secret, now))
    for task in {task.pool: task for task in publishing}.values():
        yield _asked(Link.POOL, "", partial(_pool, connection, task))
    for image in images:
        yield _asked(Link.SECRET, image.name, partial(_secret, connection, read, image.settings, now))
    yield _asked(Link.BUILD, "", partial(_build, connection, read.slug))


async def _asked(link: Link, image: str, check: Callable[[], Awaitable[list[Diagnosis]]]) -> list[Diagnosis]:
    try:
        found = await check()
    except RunnerError as error:
        found = [untold(link, error.what, error.action)]
    return [replace(finding, image=image) for finding in found]


async def _role(connection: Connection, rendered: RenderedTasks) -> list[Diagnosis]:
    rendering = rendered.rendering
    role_id = rendering.role or ""
    check = await check_role(connection, rendering)
    if check.suffices is None:
        return [
            untold(Link.ROLE, f"{role_id}: {check.unknown}", "Sign in with a client that may list roles.")
        ]
    role, unread = await facts.role_of(connection, role_id)
    return list(findings_role.role_findings(role_id, check.lacking, check.nearest, role, unread=unread))


async def _pull_requests(
    connection: Connection, read: ReadCheckout, secret: str, now: datetime
) -> list[Diagnosis]:
    scope = f"secrets:get:{secret}"
    found = await facts.strangers_of(connection, read.slug, scope)
    findings = list(findings_role.stranger_findings(found.access, found.holders, read.role, found.granted))
    if _runs_for_pull_requests(read, scope, now):
        findings = [finding for finding in findings if finding.name != Link.PULL_REQUESTS.value]
        findings.append(
            doubtful(
                Link.PULL_REQUESTS,
                "pull-request-asks-for-secret",
                f"{FILE_NAME} makes a task of a pull request that asks for `{scope}`, which is refused.",
                'Let the task\'s `$if` name its events: tasks_for == "github-push".',
                EditFile(file=FILE_NAME),
            )
        )
    return findings


def _runs_for_pull_requests(read: ReadCheckout, scope: str, now: datetime) -> bool:
    for by_stranger in (False, True):
        with suppress(UsageError):
            rendered = _render("", read, Happening(pull_request=1, by_stranger=by_stranger), now)
            for task_id in rendered.rendering.tasks:
                task = findings_task.PublishTask(rendered.file, rendered.rendering, task_id)
                if satisfies(task.scopes, scope):
                    return True
    return False


async def _pool(connection: Connection, task: PublishTask) -> list[Diagnosis]:
    found = await facts.pool_of(connection, task.pool)
    return list(
        findings_role.pool_findings(task.pool, found.managed, found.workers, found.unread, task.pool_in_file)
    )


async def _secret(
    connection: Connection, read: ReadCheckout, settings: Settings, now: datetime
) -> list[Diagnosis]:
    secret = await facts.secret_of(connection, settings.secret)
    found = list(findings_secret.secret_findings(secret, settings, now))
    credentials = findings_secret.credentials_of(secret, settings)
    registry = await ask_registry(read, settings, credentials, now)
    standings = {decision.standing for decision in registry.decisions or () if decision.standing}
    tasks = await facts.tasks_of(connection, settings.index, standings)
    registry = replace(registry, tasks=tasks)
    return [
        *found,
        *findings_registry.registry_findings(registry, settings),
        *findings_registry.tag_findings(registry, settings),
    ]


async def _build(connection: Connection, slug: str) -> list[Diagnosis]:
    build, unread = await facts.last_build(connection, slug)
    return [findings_registry.build_finding(slug, build, unread)]
