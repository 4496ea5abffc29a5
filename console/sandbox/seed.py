"""What a sandbox begins with: Balrog's role and secret, what `anonymous` may do, and the worker's client."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from console.sandbox.sign_in import ROLE as LOGIN_ROLE
from console.sandbox.signed_http import Credentials, TaskclusterFailure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from console.sandbox.signed_http import Api
    from runner.credentials import RegistryCredentials

TASK_QUEUE: Final = "proj-balrog/ci"
SOURCE: Final = "https://github.com/mozilla/balrog"
IMAGE_PATH: Final = "mozilla/balrog"
INDEX_NAMESPACE: Final = "project.balrog.docker"
REPOSITORY_ROLES: Final = "repo:github.com/mozilla/balrog:"
BRANCH_ROLE: Final = f"{REPOSITORY_ROLES}branch:master"
DOCKERHUB: Final = f"{REPOSITORY_ROLES}dockerhub"
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
    # Who signs in may make clients below its own name, as public deployments have it.
    "login-identity:*": tuple(
        f"auth:{verb}:<..>/*"
        for verb in (
            *("create-client", "update-client", "delete-client"),
            *("enable-client", "disable-client", "reset-access-token"),
        )
    ),
    # What a maintainer of Balrog may do, and no more: what is asked for beyond it is not given.
    LOGIN_ROLE: (
        f"assume:{REPOSITORY_ROLES}*",
        f"auth:update-role:{REPOSITORY_ROLES}*",
        f"secrets:get:{REPOSITORY_ROLES}*",
        f"secrets:set:{REPOSITORY_ROLES}*",
        "secrets:list-secrets",
        "auth:audit-history:*",
        "auth:current-scopes",
        "auth:expand-scopes",
        "auth:get-client:*",
        "auth:get-role:*",
        "auth:list-clients",
        "auth:list-roles",
        "github:*",
        "index:list-*",
        "queue:cancel-task:taskcluster-github/*",
        "queue:cancel-task-group:taskcluster-github/*",
        "queue:change-task-priority-in-queue:proj-balrog/*",
        "queue:claimed-*",
        "queue:get-artifact:*",
        "queue:list-*",
        "queue:pending-*",
        "queue:rerun-task:taskcluster-github/*",
        "queue:schedule-task:taskcluster-github/*",
        "queue:seal-task-group:taskcluster-github/*",
        "hooks:get:project-balrog:*",
        "hooks:list-*",
        "hooks:trigger-hook:project-balrog/*",
    ),
}
_CONFLICT: Final = 409


async def seed(api: Api, registry: RegistryCredentials, worker: str) -> Credentials:
    """Create what is missing; roles that were changed since are left as they are.

    Args:
        api: with the root client's credentials.
        registry: what the secret names; it is written anew, for it may have changed.
        worker: `<workerGroup>/<workerId>` of the worker, or with `*` at its end of several.

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
    await api.call("POST", "auth", "clients", WORKER_CLIENT, payload=client)
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
