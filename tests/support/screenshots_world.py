"""A deployment that is the same every time: its clock, its names and its history are fixed."""

import contextlib
import os
import re
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from unittest import mock

from console.app import Lading
from console.config import Config
from console.connection import Connection, ConnectionSettings
from console.credentials.keyring_store import CredentialStore
from console.credentials.value import Credentials
from console.sandbox.registry.authentication import Account, BasicAuth
from console.sandbox.sample import make_sample
from console.sandbox.seed import DOCKERHUB, REPOSITORY_ROLES, TASK_QUEUE
from console.sandbox.sign_in import ROLE as LOGIN_ROLE
from console.services.pacing import Pace
from console.services.taskcluster import opened
from console.shell import Opening, Session
from runner.masking import Masked
from tests.support.hosted_sandbox import hosted_sandbox
from tests.support.keyrings import Backend
from tests.support.registries import embedded_registry
from tests.support.screens import Clock

ROOT_URL = "https://tc.example.org"
# A free port is another one every time, of as many digits; the drawing's own number, a fingerprint and the commit of
# the settings that name it follow from it.
_PASSING = {
    re.compile(r"(?<=at&#160;)[0-9a-f]{12}"): "8d1f0c4b7a3e",
    re.compile(r"127\.0\.0\.1:\d{1,5}"): "127.0.0.1:50000",
    re.compile(r"terminal-\d+"): "terminal",
    re.compile(r"\([0-9a-f]{8}\)"): "(0123abcd)",
}
USER, TOKEN, NEXT_TOKEN = "balrog", "the token of balrog", "the next token of balrog"
MAINTAINER = "github/4242|maintainer"
READS_SECRET = f"secrets:get:{DOCKERHUB}"
GENERATED = (
    "*DO NOT EDIT* - This resource is configured automatically by "
    "[ci-admin](https://github.com/mozilla-releng/fxci-config).\n\nReleases of Balrog"
)
HOSTILE = "\x1b[31m[bold]\u202egnp.exe\x1b]0;owned\x07[/]"


def _as_long(lasting, found):
    return lasting[: len(found[0])]


class Drawn(Lading):
    """A console whose pictures are the same every time."""

    def export_screenshot(self, **options):
        drawn = super().export_screenshot(**options)
        for passing, lasting in _PASSING.items():
            drawn = passing.sub(partial(_as_long, lasting), drawn)
        return drawn


class World:
    """What is there, and a console on it as somebody.

    Args:
        sandbox: the services.
        registry: where images go.
        folder: the checkout.
        clock: of all of them.
    """

    def __init__(self, sandbox, registry, folder, clock):
        self.sandbox = sandbox
        self.registry = registry
        self.folder = folder
        self.clock = clock

    def client(self, name, *scopes, description="", disabled=False):
        """Credentials of a client that is made, or made anew."""
        if name in {found["clientId"] for found in self.sandbox.call("GET", "auth", "clients")["clients"]}:
            self.sandbox.call("DELETE", "auth", "clients", name)
        payload = {"expires": "3000-01-01T00:00:00Z", "description": description, "scopes": list(scopes)}
        made = self.sandbox.call("PUT", "auth", "clients", name, payload=payload)
        if disabled:
            self.sandbox.call("POST", "auth", "clients", name, "disable")
        return Credentials(name, Masked(made["accessToken"]))

    def set_secret(self, expires="2026-09-01T00:00:00.000Z", name=DOCKERHUB):
        """The secret as the console leaves it."""
        content = {"docker": {"registry": self.registry.host, "username": USER, "password": TOKEN}}
        payload = {"secret": content, "expires": expires}
        self.sandbox.call("PUT", "secrets", "secret", name, payload=payload)

    def console(self, credentials=None, *, read_only=False, config=None, folder=None, first="overview"):
        """An application that has not begun, for the maintainer or somebody else."""
        folder = folder or self.folder
        who = credentials or self.maintainer
        settings = ConnectionSettings(ROOT_URL, who, "environment", read_only)

        @contextlib.asynccontextmanager
        async def open_session(tell):
            pace = Pace(now=lambda: self.clock().timestamp())
            async with opened(self.sandbox.root_url, who, pace=pace, read_only=read_only) as gateway:
                # The server's own library dates its answers by the machine.
                with mock.patch.object(gateway, "time", pace.now):
                    yield Session(Connection(settings, gateway), folder)

        return type("Console", (Drawn,), {"DEFAULT_MODE": first, "world": self})(
            Opening(
                open_session=open_session,
                folder=folder,
                config=config or Config(),
                profile="balrog",
                root_url=ROOT_URL,
                read_only=read_only,
                environment={
                    "PATH": os.environ["PATH"],
                    "DOCKER_CONFIG": str(self.folder.parent / "docker"),
                },
                now=self.clock,
                store=CredentialStore(Backend),
            )
        )

    def furnish(self):
        """Roles, clients, a secret, and a month in which they came to be."""
        self.clock.time = datetime(2026, 2, 5, 9, 30, tzinfo=UTC)
        self.maintainer = self.client(MAINTAINER, f"assume:{LOGIN_ROLE}", description="who looks")
        self.sandbox.set_role(f"{REPOSITORY_ROLES}release:published", READS_SECRET, description=GENERATED)
        self.sandbox.set_role(f"{REPOSITORY_ROLES}pull-request", "queue:route:checks", description="Seeded")
        self.sandbox.set_role("mozilla-group:releng", "assume:project-admin:balrog", "hooks:list-hooks:*")
        self.sandbox.set_role(
            "project-admin:balrog",
            f"secrets:get:{REPOSITORY_ROLES}*",
            f"secrets:set:{REPOSITORY_ROLES}*",
            description="Whoever keeps Balrog running",
        )
        self.client("project/balrog/deploy", f"secrets:get:{REPOSITORY_ROLES}*", description="Deploys")
        self.client("project/balrog/before", READS_SECRET, description="Not in use", disabled=True)
        self.clock.pass_(days=20)
        self.set_secret()
        self.clock.time = Clock().time
        self.sandbox.call(
            "POST",
            *("queue", "claim-work", TASK_QUEUE),
            payload={"tasks": 1, "workerGroup": "sandbox", "workerId": "local"},
        )


@contextmanager
def screenshots_world(folder):
    """The world, for as long as the context is open; its checkout is made in the folder."""
    clock = Clock()
    clock.time = datetime(2026, 2, 1, 9, 0, tzinfo=UTC)
    with ExitStack() as stack:
        # The client signs with the time of its machine, and the services look at theirs.
        stack.enter_context(
            mock.patch("mohawk.base.utc_now", side_effect=lambda **_: int(clock().timestamp()))
        )
        auth = BasicAuth([Account(USER, token) for token in (TOKEN, NEXT_TOKEN)])
        registry = stack.enter_context(embedded_registry(auth=auth))
        sandbox = stack.enter_context(hosted_sandbox(now=clock, long_poll=0.0))
        make_sample(folder / "balrog", registry.host, os.environ)
        world = World(sandbox, registry, folder / "balrog", clock)
        world.furnish()
        yield world
