"""Will the next push publish? Each link of the chain is looked at, and told as soon as those before it are known.

Nothing is changed, and the secret is shown to nobody but the registry that it names.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from console.actions import doctor_facts as facts
from console.actions.doctor_checkout import ReadCheckout, read_checkout
from console.actions.doctor_local import Local, line_for_pull_requests, look
from console.actions.doctor_registry import ask_registry
from console.actions.task_render import Happening, RenderedTasks, check_role
from console.domain import findings_file, findings_registry, findings_role, findings_secret
from console.domain.findings import Diagnosis, Link, untold
from runner.errors import RunnerError
from runner.findings import Level

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from console.connection import Connection
    from console.domain.findings_task import PublishTask
    from runner.settings import Settings


_ONLINE: Final = (
    Link.ROLE,
    Link.PULL_REQUESTS,
    Link.POOL,
    Link.SECRET,
    Link.REGISTRY,
    Link.TAGS,
    Link.BUILD,
)


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


async def diagnose(connection: Connection, question: Question) -> AsyncGenerator[Diagnosis]:
    """Every finding, in the order of the chain.

    Raises:
        UsageError: the folder is no checkout of a repository of GitHub.
    """
    error = await facts.unusable(connection)
    client_id, origin = connection.taskcluster.client_id, connection.settings.origin
    yield findings_secret.sign_in_finding(connection.root_url, client_id, origin, error)
    now = facts.server_time(connection)
    read = await asyncio.to_thread(
        read_checkout, question.folder, question.path, question.happening, question.repository
    )
    # Files, json-e and git: none of it is for the loop.
    local = await asyncio.to_thread(look, read, connection.root_url, now)
    for finding in local.findings:
        yield finding
    if error:
        for link in _ONLINE:
            yield untold(link, "not asked: Taskcluster gives no answer")
        return
    online = [asyncio.ensure_future(check) for check in _online(connection, read, local, now)]
    try:
        for check in online:
            for finding in await check:
                yield finding
    finally:
        for check in online:
            check.cancel()
        await asyncio.gather(*online, return_exceptions=True)


def _online(
    connection: Connection, read: ReadCheckout, local: Local, now: datetime
) -> Iterator[Awaitable[list[Diagnosis]]]:
    """The questions to services, in the order of the chain; all are asked at once."""
    images = local.images
    publishing = [image.task for image in images if image.task is not None]
    if local.rendered is not None and publishing:
        yield _asked(Link.ROLE, "", partial(_role, connection, local.rendered))
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
    line = await asyncio.to_thread(line_for_pull_requests, read, scope, now)
    if line is not None:
        findings = [finding for finding in findings if finding.level is not Level.OK]
        findings.append(findings_file.asks_in_pull_requests(scope, line))
    return findings


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
