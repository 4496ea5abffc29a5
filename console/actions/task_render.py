"""Show what Taskcluster-Github makes of an event, and whether the event's role lets it."""

from __future__ import annotations

import base64
import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from console.actions.read_access import read_access
from console.domain.explain import No, explain
from console.domain.scopes import satisfies
from console.domain.task_request import lacking_scopes, refusals
from console.domain.taskcluster_yml import BadTaskclusterYml, Problem, TaskclusterYml, read
from console.domain.taskcluster_yml_advice import Advice, advise
from console.domain.taskcluster_yml_event import (
    GithubEvent,
    Told,
    pull_request_event,
    push_event,
    release_event,
)
from console.failures import MissingScopes, Rejected
from console.services import auth
from runner.errors import Unavailable, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from console.connection import Connection
    from console.domain.access import Access
    from console.domain.nearest_miss import Miss
    from console.domain.taskcluster_yml import Rendering

NO_ROOT_URL = "https://taskcluster.invalid"
"""`taskcluster_root_url` where no deployment is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """What happens in the repository; one of the first four is set.

    Args:
        branch: that is pushed to.
        tag: that is pushed.
        pull_request: the number of one that is opened.
        release: the tag of one that is published.
        by_stranger: whether the pull request is of somebody who is no collaborator.
    """

    branch: str | None = None
    tag: str | None = None
    pull_request: int | None = None
    release: str | None = None
    by_stranger: bool = False

    def event(
        self, slug: str, revision: str, file: TaskclusterYml, clone_url: str | None = None
    ) -> GithubEvent:
        """What GitHub would tell of it, and Taskcluster-Github make of that by the file's policy."""
        told = Told(clone_url=clone_url)
        if self.pull_request is not None:
            trusted = not self.by_stranger or len(file.roles_of_pull_requests) == 1
            return pull_request_event(slug, self.pull_request, revision, trusted=trusted, told=told)
        if self.release is not None:
            return release_event(slug, self.release, told=told)
        ref = f"refs/tags/{self.tag}" if self.tag is not None else f"refs/heads/{self.branch}"
        return push_event(slug, ref, revision, told=told)

    @property
    def words(self) -> str:
        """What is built: `branch main`, `release v1.2`."""
        if self.pull_request is not None:
            return f"pull request {self.pull_request}"
        if self.branch is not None:
            return self.branch
        return f"release {self.release}" if self.release is not None else f"tag {self.tag}"


@dataclass(frozen=True, slots=True)
class RenderedTasks:
    """What is made of an event.

    Args:
        name: the file's name, for messages.
        file: the file.
        rendering: the tasks and how they are created.
        refusals: what the queue would refuse of them.
        advice: what in the file is out of date.
        policy: why nothing runs, though tasks render; "" where nothing forbids it.
    """

    name: str
    file: TaskclusterYml
    rendering: Rendering
    refusals: tuple[Problem, ...]
    advice: tuple[Advice, ...]
    policy: str


def render_task(
    name: str,
    text: str,
    happening: Happening,
    *,
    slug: str,
    revision: str,
    root_url: str | None,
    now: datetime,
    clone_url: str | None = None,
) -> RenderedTasks:
    """Render the file.

    Args:
        name: the file's, for messages.
        text: `.taskcluster.yml`.
        happening: what happens.
        slug: the repository.
        revision: its commit.
        root_url: of the deployment, or None.
        now: when, UTC.
        clone_url: where tasks clone the repository from, or None for the URL that GitHub gives.

    Raises:
        UsageError: the file does not become tasks.
    """
    moment = now.astimezone(UTC)
    try:
        file = read(text)
        rendering = file.render(
            happening.event(slug, revision, file, clone_url),
            root_url=root_url or NO_ROOT_URL,
            now=moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            new_id=slug_id,
        )
    except BadTaskclusterYml as error:
        problems = "".join(f"\n{problem.told_of(name)}" for problem in error.problems)
        raise UsageError(f"The task file does not become tasks.{problems}") from error
    policy = ""
    if happening.by_stranger and not file.runs_for_strangers:
        policy = (
            f"the policy for pull requests is `{file.pull_requests}`: nothing runs of who is no collaborator"
        )
        rendering = replace(rendering, tasks={}, hooks=())
    wrong = (
        Problem(f"the queue would refuse the task: {reason}", file.place_of(rendering, task_id, path))
        for task_id, task in rendering.tasks.items()
        for reason, path in refusals(task_id, task, moment)
    )
    return RenderedTasks(name, file, rendering, tuple(wrong), advise(file), policy)


def slug_id() -> str:
    """A slug id that does not begin with a dash."""
    raw = bytearray(uuid.uuid4().bytes)
    raw[0] &= 0x7F
    return base64.urlsafe_b64encode(raw)[:22].decode()


@dataclass(frozen=True, slots=True)
class RoleCheck:
    """Whether a role suffices.

    Args:
        lacking: the scopes that it lacks, as far as its scopes are known.
        unknown: why they are not all known, or "".
        nearest: of scopes that it lacks, what the deployment's roles grant that comes nearest.
    """

    lacking: tuple[str, ...] = ()
    unknown: str = ""
    nearest: Mapping[str, Miss] = field(default_factory=dict)

    @property
    def suffices(self) -> bool | None:
        """Yes, no, or None: it cannot be told."""
        return True if not self.lacking else None if self.unknown else False


def needs_of(rendering: Rendering, held: tuple[str, ...] = ()) -> tuple[str, ...]:
    """What creating the tasks and triggering the hooks needs beyond what is held, sorted."""
    hooks = (f"github:trigger-hook:{hook}" for hook in rendering.hooks)
    lacking = (scope for scope in hooks if not satisfies(held, scope))
    return tuple(sorted({*lacking_scopes(rendering.tasks.values(), held), *lacking}))


async def check_role(connection: Connection, rendering: Rendering) -> RoleCheck:
    """Whether the event's role lets the tasks be created, by the server's expansion or by the roles.

    Raises:
        SignInNeeded: the credentials are not accepted.
    """
    try:
        lacking = needs_of(rendering, await auth.expand(connection.taskcluster, rendering.scopes))
    except (MissingScopes, Rejected, Unavailable):
        access = await read_access(connection, clients=False)
        held = tuple(access.rules.expand(rendering.scopes))
        lacking = needs_of(rendering, held)
        return RoleCheck(lacking, access.roles_unread, _nearest(access, rendering, lacking))
    if not lacking:
        return RoleCheck()
    return RoleCheck(lacking, "", _nearest(await read_access(connection, clients=False), rendering, lacking))


def _nearest(access: Access, rendering: Rendering, lacking: tuple[str, ...]) -> dict[str, Miss]:
    answers = {scope: explain(access, rendering.scopes, scope) for scope in lacking}
    return {
        scope: answer.misses[0]
        for scope, answer in answers.items()
        if isinstance(answer, No) and answer.misses
    }
