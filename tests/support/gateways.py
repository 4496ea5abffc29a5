"""A sandbox, a front that injects faults, and gateways to it whose waits take no time."""

from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import pytest

from console.connection import Connection, ConnectionSettings
from console.credentials.value import Credentials
from console.sandbox.taskcluster import Sandbox
from console.services.pacing import Pace
from console.services.taskcluster import opened
from runner.masking import Masked
from tests.support.front import Front, front_of


@dataclass
class Place:
    """What a test of the gateway has."""

    sandbox: Sandbox
    front: Front
    stack: AsyncExitStack
    slept: list[float] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    @property
    def root(self):
        return Credentials(self.sandbox.root_client_id, self.sandbox.root_access_token)

    def pace(self, **settings):
        async def sleep(seconds):
            self.slept.append(seconds)

        return Pace(**{"sleep": sleep, "jitter": lambda: 0.0, "notice": self.told.append, **settings})

    async def gateway(self, credentials=None, *, anonymous=False, read_only=False, **settings):
        who = None if anonymous else credentials or self.root
        context = opened(self.front.root_url, who, read_only=read_only, pace=self.pace(**settings))
        return await self.stack.enter_async_context(context)

    async def connection(self, credentials=None, **settings):
        gateway = await self.gateway(credentials, **settings)
        return Connection(ConnectionSettings(self.front.root_url, credentials or self.root), gateway)

    async def client(self, *scopes, name="test/limited"):
        """A client that has just these scopes."""
        payload = {"expires": "3000-01-01T00:00:00Z", "description": "d", "scopes": list(scopes)}
        gateway = await self.gateway()
        made = await gateway.call("auth", "createClient", name, payload=payload)
        return Credentials(name, Masked(made["accessToken"]))


@pytest.fixture
async def place():
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(await Sandbox.start())
        front = await stack.enter_async_context(front_of(sandbox.root_url))
        async with AsyncExitStack() as gateways:
            yield Place(sandbox, front, gateways)
