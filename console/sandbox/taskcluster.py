"""The sandbox itself: all services on one loopback port."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Self

from aiohttp import web

from console.sandbox import sign_in
from console.sandbox.deployment import FAR_FUTURE, INDEX_CLIENT, QUEUE_CLIENT, Client, Deployment
from console.sandbox.layer import Layer
from console.sandbox.routing import Router, Service
from console.sandbox.services import (
    artifact_create,
    artifact_reads,
    auth_clients,
    auth_roles,
    auth_scopes,
    expiry,
    github_builds,
    github_render,
    hook_fire,
    hook_model,
    hooks_service,
    index_service,
    object_service,
    queue_claims,
    queue_control,
    queue_create,
    queue_messages,
    queue_reads,
    queue_resolve,
    queue_workers,
    secret_service,
    vital_signs,
)
from console.sandbox.storage import ROUTE
from console.sandbox.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.masking import Masked

ROOT_CLIENT: Final = "static/taskcluster/root"
LARGEST_BODY: Final = 10 * 1024 * 1024

_MODULES: Final = (
    *(auth_clients, auth_roles, auth_scopes, secret_service),
    *(
        artifact_create,
        artifact_reads,
        github_builds,
        github_render,
        hook_fire,
        hooks_service,
        index_service,
        object_service,
    ),
    *(queue_claims, queue_control, queue_create, queue_reads, queue_resolve, queue_workers),
)
_ANYTHING: Final = r"{rest:[\s\S]*}"
"""The rest of a path; `.` alone leaves line breaks out."""

_LONGEST_LINE: Final = 16 * 1024
_TICK: Final = 0.5
"""Seconds between two looks at what has run out."""

_CLEARING: Final = 7200
"""Ticks, an hour's, from one clearing away to the next."""


def _services() -> dict[str, Service]:
    services = {module.SERVICE.name: module.SERVICE for module in _MODULES}
    for name in ("auth", "secrets", "queue", "object", "index", "hooks", "github"):
        vital_signs.add_to(services.setdefault(name, Service(name)))
    return services


def published_routes() -> Router:
    """Every route that the public client knows of the services that the sandbox has."""
    import taskcluster  # a third of a second, for those who start a sandbox only

    services = _services()
    return Router(services, {name: getattr(taskcluster, name.capitalize()).funcinfo for name in services})


class Sandbox:
    """A running Taskcluster; `start` makes one, `close` ends it."""

    def __init__(self, deployment: Deployment, router: Router, runner: web.AppRunner) -> None:
        self._deployment = deployment
        self._router = router
        self._runner = runner
        self._time = asyncio.create_task(self._pass_time(), name="sandbox time")

    @classmethod
    async def start(
        cls,
        *,
        database: str = ":memory:",
        host: str = "127.0.0.1",
        port: int = 0,
        root_access_token: Masked | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        random: Callable[[int], bytes] = secrets.token_bytes,
        long_poll: float = 20.0,
    ) -> Self:
        """Start serving.

        Args:
            database: a file that keeps the state, or `:memory:`.
            host: the address to listen on.
            port: the port, or 0 for a free one.
            root_access_token: of the client with scope `*`; one that the database keeps if None.
            now: the time, in UTC.
            random: so many random bytes.
            long_poll: how long `claimWork` waits for a task, in seconds.

        Raises:
            OSError: the address cannot be listened on.
        """
        deployment = Deployment("", Store(database), {}, now, random, long_poll)
        tokens = {ROOT_CLIENT: root_access_token, QUEUE_CLIENT: None, INDEX_CLIENT: None}
        for client_id, given in tokens.items():
            token = given or deployment.key(client_id)
            deployment.statics[client_id] = Client(client_id, token, ("*",), FAR_FUTURE)
        deployment.on_completed.append(index_service.index_by_routes)
        deployment.on_changed.append(queue_messages.publish)
        hook_model.bind_all(deployment)
        router = published_routes()
        application = web.Application(client_max_size=LARGEST_BODY + 1)
        application.router.add_route("*", "/api/" + _ANYTHING, Layer(deployment, router).answer)
        application.router.add_route("*", ROUTE + _ANYTHING, deployment.storage.answer)
        page = sign_in.SignIn(deployment)
        application.router.add_get(sign_in.ROUTE, page.show)
        application.router.add_post(sign_in.ROUTE, page.save)
        runner = web.AppRunner(
            application,
            access_log=None,
            shutdown_timeout=1,
            # Storage keeps what it was sent, as S3 does: artifacts arrive gzipped and leave gzipped.
            auto_decompress=False,
            # As the services take them: a certificate in a bewit or a header is long.
            max_line_size=_LONGEST_LINE,
            max_field_size=_LONGEST_LINE,
        )
        await runner.setup()
        site = web.TCPSite(runner, host, port)
        await site.start()
        address = runner.addresses[0]
        deployment.root_url = f"http://{address[0]}:{address[1]}"
        return cls(deployment, router, runner)

    @property
    def root_url(self) -> str:
        """Where it is, without a slash at the end."""
        return self._deployment.root_url

    @property
    def root_client_id(self) -> str:
        """The client with scope `*`."""
        return ROOT_CLIENT

    @property
    def root_access_token(self) -> Masked:
        """Its token."""
        return self._deployment.statics[ROOT_CLIENT].access_token

    @property
    def lacking(self) -> list[str]:
        """The published entries that answer 501, as `service.entry`."""
        return sorted(f"{service}.{endpoint.name}" for service, endpoint in self._router.lacking)

    async def close(self) -> None:
        """Stop serving and close the state."""
        self._deployment.arrivals.close()
        self._time.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._time
        await self._runner.cleanup()
        self._deployment.store.close()

    async def _pass_time(self) -> None:
        ticks = 0
        while True:
            if ticks % _CLEARING == 0:
                expiry.clear(self._deployment)
            await asyncio.sleep(_TICK)
            ticks += 1
            queue_resolve.pass_time(self._deployment)
            hook_fire.fire_scheduled(self._deployment)
            hook_fire.fire_bound(self._deployment)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.close()
