"""What the doctor asks Taskcluster: who may see it, sees it; what may not be read is said in the value."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from console.actions.read_access import read_access
from console.domain.findings_secret import SecretFacts
from console.domain.scopes import satisfies
from console.domain.secret_record import HiddenSecret, NoSecret
from console.domain.taskcluster_yml_event import role_prefix
from console.domain.who_can import who_can
from console.failures import Absent, MissingScopes, NoSuchRoute, Rejected, SignInNeeded
from console.services import auth, secret_store
from runner.errors import RunnerError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from console.connection import Connection
    from console.domain.access import Access, Role
    from console.domain.who_can import Holders
    from runner.image.digest import Digest


async def unusable(connection: Connection) -> RunnerError | None:
    """Why nothing can be asked: the credentials are not accepted, or nobody answers; None where it can."""
    try:
        await auth.current_scopes(connection.taskcluster)
    except (SignInNeeded, Unavailable) as error:
        return error
    except RunnerError:
        return None
    return None


async def role_of(connection: Connection, role_id: str) -> tuple[Role | None, str]:
    """A role, or None where there is none; and why it could not be read, or ""."""
    try:
        return (await auth.role(connection.taskcluster, role_id)).role, ""
    except Absent:
        return None, ""
    except RunnerError as error:
        return None, error.what


@dataclass(frozen=True, slots=True)
class Strangers:
    """Who may read a secret.

    Args:
        access: the roles, as far as they could be read.
        holders: of the secret's scope.
        granted: whether the server's expansion gives it to pull requests; None where it could not be asked.
    """

    access: Access
    holders: Holders
    granted: bool | None


async def strangers_of(connection: Connection, slug: str, scope: str) -> Strangers:
    """Who may read a secret, by the roles and by the server."""
    access = await read_access(connection, clients=False)
    roles = [f"assume:{role_prefix(slug)}{job}" for job in ("pull-request", "pull-request-untrusted")]
    try:
        expanded = await auth.expand(connection.taskcluster, roles)
        granted: bool | None = satisfies(expanded, scope)
    except (MissingScopes, Rejected, Unavailable):
        granted = None
    # Thousands of roles take their time, which the loop has not.
    return Strangers(access, await asyncio.to_thread(who_can, access, scope), granted)


@dataclass(frozen=True, slots=True)
class PoolFacts:
    """What is known of a worker pool; as `pool_findings` takes it."""

    managed: bool | None
    workers: int | None
    unread: str = ""


async def pool_of(connection: Connection, pool: str) -> PoolFacts:
    """Whether worker-manager has a pool, and how many workers the queue has seen there lately."""
    provisioner, _, worker_type = pool.partition("/")
    managed: bool | None
    unread = ""
    try:
        await connection.taskcluster.call("worker-manager", "workerPool", pool)
        managed = True
    except (Absent, NoSuchRoute):
        managed = False  # a deployment without worker-manager has no pools but those whose workers ask
    except RunnerError as error:
        managed, unread = None, error.what
    workers: int | None
    try:
        answer = await connection.taskcluster.call("queue", "listWorkers", provisioner, worker_type)
        workers = len(answer.get("workers", ()))
    except RunnerError as error:
        workers, unread = None, unread or error.what
    return PoolFacts(managed, workers, unread)


async def secret_of(connection: Connection, name: str) -> SecretFacts:
    """What can be learnt of a secret."""
    try:
        state = await secret_store.state(connection.taskcluster, name)
    except RunnerError as error:
        return SecretFacts(unread=error.what)
    if isinstance(state, NoSecret):
        return SecretFacts(is_there=False, was_there=await _was_there(connection, name))
    if isinstance(state, HiddenSecret):
        return SecretFacts(is_there=await _is_listed(connection, name), unread=f"this needs `{state.scope}`.")
    return SecretFacts(state.body, state.expires, is_there=True)


async def _is_listed(connection: Connection, name: str) -> bool | None:
    try:
        return name in await secret_store.names(connection.taskcluster)
    except RunnerError:
        return None


async def _was_there(connection: Connection, name: str) -> bool:
    """Whether it expired: it was set, and nobody deleted it."""
    try:
        history = await auth.history(connection.taskcluster, "secret", name)
    except RunnerError:
        return False
    return bool(history) and history[-1].action != "deleted"


async def tasks_of(
    connection: Connection, namespace: str | None, digests: Iterable[Digest]
) -> dict[str, str]:
    """The tasks that published digests, by the index; those that it does not know, or does not tell, are left out."""
    found: dict[str, str] = {}
    for digest in digests if namespace else ():
        try:
            entry = await connection.taskcluster.call("index", "findTask", f"{namespace}.sha256.{digest.hex}")
            found[str(digest)] = str(entry["taskId"])
        except (RunnerError, LookupError, TypeError):
            continue
    return found


async def last_build(connection: Connection, slug: str) -> tuple[dict[str, Any] | None, str]:
    """The build of a repository that changed last, or None; and why it could not be read, or ""."""
    organization, _, name = slug.partition("/")
    # As builds name a repository: with `%` for a dot.
    query = {"organization": organization, "repository": name.replace(".", "%"), "limit": "1"}
    try:
        answer = await connection.taskcluster.call("github", "builds", query=query)
        builds = answer["builds"]
        return (dict(builds[0]) if builds else None), ""
    except RunnerError as error:
        return None, error.what
    except (LookupError, TypeError, ValueError):
        return None, "github answers with a build of a shape that is not known."


def server_time(connection: Connection) -> datetime:
    """The deployment's time, as far as it is known."""
    return datetime.fromtimestamp(connection.taskcluster.time(), UTC)
