"""A seeded sandbox on a thread of its own, and `lading`'s commands run against it by whom a test names."""

import io
import sys
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
from tests.support.loops import loop_on_thread


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


class HostedSandbox:
    """Calls as root, and commands as anybody.

    Args:
        wait: gives what a coroutine of the sandbox's thread returns.
        sandbox: on that thread.
    """

    def __init__(self, wait, sandbox):
        self.wait = wait
        self.root_url = sandbox.root_url
        self.root = Credentials(sandbox.root_client_id, sandbox.root_access_token)
        self._clients = {}

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


@contextmanager
def hosted_sandbox(**settings):
    """A sandbox with its seed, for as long as the context is open; settings are those of `Sandbox.start`."""
    with loop_on_thread("sandbox") as wait:
        sandbox = wait(Sandbox.start(**{"long_poll": 0.2, **settings}))
        try:
            hosted = HostedSandbox(wait, sandbox)
            hosted.seed()
            yield hosted
        finally:
            wait(sandbox.close())
