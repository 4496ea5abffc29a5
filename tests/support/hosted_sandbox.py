"""A seeded sandbox on a thread of its own, and `lading`'s commands run against it by whom a test names."""

import asyncio
import io
import sys
import threading
from contextlib import contextmanager
from unittest import mock

import aiohttp

from console import cli
from console.sandbox.seed import seed
from console.sandbox.signed_http import Api, Credentials
from console.sandbox.taskcluster import Sandbox
from runner.credentials import RegistryCredentials
from runner.image.reference import Registry
from runner.masking import Masked


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


class HostedSandbox:
    """Calls as root, and commands as anybody."""

    def __init__(self, loop, sandbox):
        self._loop = loop
        self.root_url = sandbox.root_url
        self.root = Credentials(sandbox.root_client_id, sandbox.root_access_token)
        self._clients = {}

    def wait(self, coroutine):
        """What a coroutine of the sandbox's thread returns."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    async def _with_api(self, use):
        async with aiohttp.ClientSession() as session:
            return await use(Api(session, self.root_url, self.root))

    def call(self, method, service, *parts, payload=None):
        """What a service answers the root client."""
        return self.wait(self._with_api(lambda api: api.call(method, service, *parts, payload=payload)))

    def seed(self):
        """Balrog's role and secret, what `anonymous` may do, and a worker's client."""
        registry = RegistryCredentials(Registry("127.0.0.1:5000"), "balrog", Masked("hunter2"))
        self.wait(self._with_api(lambda api: seed(api, registry, "sandbox/local")))

    def set_role(self, role_id, *scopes, description=""):
        """Create or replace a role."""
        self.call("DELETE", "auth", "roles", role_id)
        self.call(
            "PUT",
            "auth",
            "roles",
            role_id,
            payload={"description": description, "scopes": sorted(scopes)},
        )

    def client(self, *scopes):
        """The variables of a client that has just these scopes."""
        if scopes not in self._clients:
            client_id = f"test/{len(self._clients)}"
            made = self.call(
                "PUT",
                "auth",
                "clients",
                client_id,
                payload={"expires": "3000-01-01T00:00:00Z", "description": "", "scopes": list(scopes)},
            )
            self._clients[scopes] = {
                "TASKCLUSTER_CLIENT_ID": client_id,
                "TASKCLUSTER_ACCESS_TOKEN": made["accessToken"],
            }
        return self._clients[scopes]

    def lading(self, *words, by=None, stdin="", stdout=None, **environment):
        """Run a command as root, or with the variables `by`; returns its code, output and narration."""
        variables = {
            "TASKCLUSTER_ROOT_URL": self.root_url,
            "TASKCLUSTER_CLIENT_ID": self.root.client_id,
            "TASKCLUSTER_ACCESS_TOKEN": self.root.access_token.reveal(),
        }
        if by is not None:
            variables = {"TASKCLUSTER_ROOT_URL": self.root_url, **by}
        out, err = stdout or io.StringIO(), io.StringIO()
        source = stdin if isinstance(stdin, io.TextIOBase) else io.StringIO(stdin)
        with mock.patch.object(sys, "stdin", source):
            code = cli.run(words, {**variables, **environment}, out, err)
        return code, out.getvalue(), err.getvalue()


async def _no_task_left():
    """What still ran would be destroyed with the loop, and blamed on another test."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    if left:
        _, left = await asyncio.wait(left, timeout=10)
    assert not left, left


@contextmanager
def hosted_sandbox(**settings):
    """A sandbox with its seed, for as long as the context is open; settings are those of `Sandbox.start`."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="sandbox")
    thread.start()

    def wait(coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(30)

    try:
        sandbox = wait(Sandbox.start(**{"long_poll": 0.2, **settings}))
        try:
            hosted = HostedSandbox(loop, sandbox)
            hosted.seed()
            yield hosted
        finally:
            wait(sandbox.close())
            wait(_no_task_left())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
