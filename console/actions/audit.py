"""What was done to a repository's secrets and roles, and what it built, in one line of time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from console.actions.build_list import Where, list_whole, where_of
from console.failures import Absent, MissingScopes
from console.services import auth
from runner.errors import RunnerError, Unavailable
from runner.task.event import parse_time

if TYPE_CHECKING:
    from collections.abc import Collection

    from console.actions.repository import Repository
    from console.connection import Connection
    from console.domain.builds import Build

RETENTION: Final = timedelta(days=30)
"""How long a deployment keeps its audit, unless it is set up otherwise (services/auth/config.yml)."""


KINDS: Final = ("secret", "role", "build")
# The last that are told of.
_BUILDS: Final = 30


class Entity(NamedTuple):
    """What an audit is about.

    Args:
        kind: `secret`, `role` or `build`.
        name: its name, or its id; of a build the task's or the group's.
    """

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was done; neither old nor new values are kept.

    Args:
        entity: to what.
        action: `created`, `updated`, `deleted`, `expired` and others; of a build its state.
        client_id: by whom; of a build whom its task names, which need be no client.
        time: an ISO 8601 time.
        build: what is known of it, where it is one.
    """

    entity: Entity
    action: str
    client_id: str
    time: str
    build: Build | None = None


@dataclass(frozen=True, slots=True)
class Silence:
    """Something of which the audit tells nothing.

    Args:
        entity: what.
        reason: why, fit to show.
        is_unread: whether it could not be read, so that there may be events.
    """

    entity: Entity
    reason: str
    is_unread: bool


@dataclass(frozen=True, slots=True)
class Trail:
    """The audit of a repository.

    Args:
        events: the latest first.
        silences: of what there is no event, and why.
        kept_since: before this the audit keeps nothing, by default.
        prefix: with what the names of this repository's own roles and secrets begin; "" where that is not known.
        unread: why there may be more entities; "" where these are all.
    """

    events: tuple[Event, ...]
    silences: tuple[Silence, ...]
    kept_since: datetime
    prefix: str
    unread: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether all that is kept could be read."""
        return not self.unread and not any(silence.is_unread for silence in self.silences)

    def of(self, kinds: Collection[str]) -> Trail:
        """What of it is about entities of these kinds."""
        return replace(
            self,
            events=tuple(event for event in self.events if event.entity.kind in kinds),
            silences=tuple(silence for silence in self.silences if silence.entity.kind in kinds),
            unread=self.unread if "role" in kinds else "",
        )


async def read_audit(connection: Connection, repository: Repository) -> Trail:
    """The audit of the secrets that the repository's images name, and of its roles; and its last builds.

    Raises:
        SignInNeeded: the credentials are not accepted.
    """
    now = datetime.fromtimestamp(connection.taskcluster.time(), UTC)
    roles, unread = await _roles(connection, repository.role_prefix)
    entities = [
        *(Entity("secret", name) for name in repository.secrets),
        *(Entity("role", name) for name in roles),
    ]
    found = await asyncio.gather(*(_history(connection, entity, now) for entity in entities))
    built, unbuilt = await _builds(connection, where_of(repository))
    events = [*built, *(event for one in found if not isinstance(one, Silence) for event in reversed(one))]
    events.sort(key=lambda event: event.time, reverse=True)
    silences = (*(one for one in found if isinstance(one, Silence)), *unbuilt)
    return Trail(tuple(events), silences, now - RETENTION, repository.role_prefix, unread)


async def _builds(connection: Connection, where: Where) -> tuple[list[Event], list[Silence]]:
    if where == Where():
        return [], []
    found = await list_whole(connection, where, _BUILDS)
    events = [
        Event(
            Entity("build", build.task_id or build.group_id),
            build.state,
            build.who,
            _iso(build.created),
            build,
        )
        for build in found.builds
        if build.created is not None
    ]
    about = Entity("build", where.slug or where.namespaces[0])
    silences = [Silence(about, problem, is_unread=True) for problem in found.unread]
    if not found.builds and not silences:
        silences = [Silence(about, "no build is known", is_unread=False)]
    return events, silences


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def _roles(connection: Connection, prefix: str) -> tuple[list[str], str]:
    if not prefix:
        return [], "the checkout has no remote of which the repository's name is known"
    names: list[str] = []
    try:
        async for role in auth.roles(connection.taskcluster):
            names += [role.role_id] * role.role_id.startswith(prefix)
    except (MissingScopes, Unavailable) as error:
        return sorted(names), f"the roles could not all be read: {error.what}"
    return sorted(names), ""


async def _history(connection: Connection, entity: Entity, now: datetime) -> tuple[Event, ...] | Silence:
    try:
        entries = await auth.history(connection.taskcluster, *entity)
    except Absent:
        entries = ()
    except (MissingScopes, Unavailable) as error:
        return Silence(entity, error.what, is_unread=True)
    if entries:
        return tuple(Event(entity, entry.action, entry.client_id, entry.time) for entry in entries)
    return Silence(entity, await _why_silent(connection, entity, now), is_unread=False)


async def _why_silent(connection: Connection, entity: Entity, now: datetime) -> str:
    days = RETENTION.days
    if entity.kind == "role":
        try:
            changed = parse_time((await auth.role(connection.taskcluster, entity.name)).last_modified)
        except (RunnerError, ValueError):
            pass
        else:
            if changed < now - RETENTION:
                return f"changed last on {changed:%Y-%m-%d}, beyond the {days} days that the audit keeps"
    return f"nothing within the {days} days that the audit keeps; what was before is not known"
