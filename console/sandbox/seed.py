"""What a sandbox begins with: Balrog's role and secret, what `anonymous` may do, and the worker's client."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from console.sandbox.signed_http import Credentials, TaskclusterFailure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from console.sandbox.signed_http import Api
    from runner.credentials import RegistryCredentials

TASK_QUEUE: Final = "proj-balrog/ci"
SOURCE: Final = "https://github.com/mozilla/balrog"
IMAGE_PATH: Final = "mozilla/balrog"
INDEX_NAMESPACE: Final = "project.balrog.docker"
BRANCH_ROLE: Final = "repo:github.com/mozilla/balrog:branch:master"
DOCKERHUB: Final = "repo:github.com/mozilla/balrog:dockerhub"
WORKER_CLIENT: Final = "sandbox/worker"

_ROLES: Final = {
    # What Taskcluster-Github needs for a push (the pool, the project, itself and its route), and the task's own.
    BRANCH_ROLE: (
        f"queue:create-task:highest:{TASK_QUEUE}",
        "queue:create-task:project:none",
        "queue:scheduler-id:taskcluster-github",
        "queue:route:checks",
        "queue:route:statuses",
        "queue:route:index.project.balrog.*",
        f"index:insert-task:{INDEX_NAMESPACE}.*",
        f"secrets:get:{DOCKERHUB}",
    ),
    # As public deployments have it.
    "anonymous": (
        "queue:get-artifact:public/*",
        "queue:get-task:*",
        "queue:status:*",
        "queue:list-artifacts:*",
        "index:find-task:*",
    ),
}
_CONFLICT: Final = 409


async def seed(api: Api, registry: RegistryCredentials, worker: str) -> Credentials:
    """Create what is missing; roles that were changed since are left as they are.

    Args:
        api: with the root client's credentials.
        registry: what the secret names; it is written anew, for it may have changed.
        worker: `<workerGroup>/<workerId>` of the worker.

    Returns:
        The worker's credentials.
    """
    for role, scopes in _ROLES.items():
        await _create(
            api, ("roles", role), {"description": "Seeded by the sandbox", "scopes": sorted(scopes)}
        )
    await api.call("PUT", "secrets", "secret", DOCKERHUB, payload=_secret(registry))
    client = {
        "description": "The sandbox's own worker",
        "expires": _in_days(3650),
        "scopes": sorted((f"queue:claim-work:{TASK_QUEUE}", f"queue:worker-id:{worker}")),
    }
    await _create(api, ("clients", WORKER_CLIENT), client)
    # The token of a client that exists is told by nothing else.
    return Credentials.from_json(await api.call("POST", "auth", "clients", WORKER_CLIENT, "reset"))


async def _create(api: Api, parts: Sequence[str], payload: object) -> None:
    try:
        await api.call("PUT", "auth", *parts, payload=payload)
    except TaskclusterFailure as error:
        if error.status != _CONFLICT:
            raise


def _secret(registry: RegistryCredentials) -> dict[str, object]:
    docker = {
        "registry": registry.registry.host,
        "username": registry.username,
        "password": registry.password.reveal(),
    }
    return {"secret": {"docker": docker}, "expires": _in_days(365)}


def _in_days(days: int) -> str:
    return (
        (datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )
