"""A whole sandbox: services, registry, seed, sample repository and worker."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import secrets
import shlex
import sys
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import aiohttp
import platformdirs

from console.sandbox.chain_of_trust import SigningKey
from console.sandbox.registry.authentication import Account, TokenAuth
from console.sandbox.registry.server import EmbeddedRegistry
from console.sandbox.registry.storage import Storage
from console.sandbox.sample import make_sample
from console.sandbox.seed import TASK_QUEUE, seed
from console.sandbox.signed_http import Api, Credentials
from console.sandbox.task_run import WorkerSettings
from console.sandbox.taskcluster import Sandbox
from console.sandbox.worker import Worker
from runner.credentials import RegistryCredentials
from runner.image.reference import Registry
from runner.masking import Masked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

_USERNAME: Final = "balrog"
_LOOPBACK: Final = "127.0.0.1"


@dataclass(slots=True)
class Identity:
    """What stays the same from one start to the next, so that secrets, images and URLs keep their meaning.

    Args:
        port: the services'; 0 takes a free one.
        registry_port: the embedded registry's; 0 takes a free one.
        access_token: the root client's.
        registry_password: the embedded registry's.
        signing_key: its workers'.
    """

    port: int
    registry_port: int
    access_token: Masked
    registry_password: Masked
    signing_key: SigningKey = field(default_factory=SigningKey)

    @classmethod
    def load(cls, path: Path) -> Identity:
        """The identity kept in a file, or a new one."""
        if not path.exists():
            return cls(0, 0, Masked(secrets.token_urlsafe(33)), Masked(secrets.token_urlsafe(24)))
        kept = json.loads(path.read_text())
        return cls(
            kept["port"],
            kept["registryPort"],
            Masked(kept["accessToken"]),
            Masked(kept["registryPassword"]),
            SigningKey(Masked(kept["signingKey"])) if "signingKey" in kept else SigningKey(),
        )

    def save(self, path: Path) -> None:
        """Keep it for the next start; the file is the user's alone."""
        kept = {
            "port": self.port,
            "registryPort": self.registry_port,
            "accessToken": self.access_token.reveal(),
            "registryPassword": self.registry_password.reveal(),
            "signingKey": self.signing_key.seed.reveal(),
        }
        write_private(path, json.dumps(kept, indent=2) + "\n")


@dataclass(frozen=True, slots=True)
class Running:
    """A sandbox that accepts requests.

    Args:
        root_url: of its services.
        credentials: of the client `static/taskcluster/root`, scope `*`.
        registry: `host:port` of the registry that its secret names.
        sample: the sample repository's folder.
        keys: the file that pins what its workers sign with, for `verify --keys`.
        workers: what runs its tasks, each one at a time.
    """

    root_url: str
    credentials: Credentials
    registry: str
    sample: Path
    keys: Path
    workers: tuple[Worker, ...]

    def variables(self) -> str:
        """What other programs need, as lines of NAME=VALUE that a shell can read."""
        values = {
            "TASKCLUSTER_ROOT_URL": self.root_url,
            "TASKCLUSTER_CLIENT_ID": self.credentials.client_id,
            "TASKCLUSTER_ACCESS_TOKEN": self.credentials.access_token.reveal(),
            "LADING_REGISTRY": self.registry,
            "LADING_SAMPLE_REPO": str(self.sample),
            "LADING_KEYS": str(self.keys),
        }
        return "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())


@contextlib.asynccontextmanager
async def running(
    *,
    ephemeral: bool,
    registry: Registry | None,
    environment: Mapping[str, str],
    say: Callable[[str], None],
    workers: int = 1,
) -> AsyncIterator[Running]:
    """Run a sandbox for as long as the context is open.

    Args:
        ephemeral: keep nothing; else state is in the user's data folder.
        registry: a registry to name in the seed in place of the embedded one.
        environment: this process's; tasks get PATH and DOCKER_HOST of it.
        say: takes narration, a line at a time.
        workers: how many tasks run at once.

    Raises:
        OSError: a port is taken, git is not there, a folder cannot be written.
        subprocess.CalledProcessError: git fails.
    """
    async with contextlib.AsyncExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lading-sandbox-")))
        state = scratch / "state" if ephemeral else platformdirs.user_data_path("lading") / "sandbox"
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        identity = Identity.load(state / "identity.json")
        if registry is None:
            registry = await _start_registry(stack, state, identity)
        database = ":memory:" if ephemeral else str(state / "taskcluster.sqlite")
        services = await Sandbox.start(
            database=database,
            host=_LOOPBACK,
            port=identity.port,
            root_access_token=identity.access_token,
        )
        stack.push_async_callback(services.close)
        say(f"Taskcluster at {services.root_url}")
        identity.port = int(services.root_url.rpartition(":")[2])
        identity.save(state / "identity.json")
        credentials = Credentials(services.root_client_id, services.root_access_token)
        tasks = scratch / "tasks"
        tasks.mkdir()
        settings = WorkerSettings(
            root_url=services.root_url,
            task_queue_id=TASK_QUEUE,
            environment=task_environment(environment),
            folder=tasks,
            signing_key=identity.signing_key,
            say=say,
        )
        keys = state / "keys"
        keys.write_text(identity.signing_key.pin(services.root_url))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        worker_credentials = await seed(
            Api(session, services.root_url, credentials),
            RegistryCredentials(registry, _USERNAME, identity.registry_password),
            f"{settings.worker_group}/{settings.worker_id}*",
        )
        sample = state / "balrog"
        make_sample(sample, registry.host, environment)
        started = []
        for number in range(1, workers + 1):
            own = settings if number == 1 else replace(settings, worker_id=f"{settings.worker_id}-{number}")
            started.append(await Worker.start(own, worker_credentials))
            stack.push_async_callback(started[-1].close)
        yield Running(services.root_url, credentials, registry.host, sample, keys, tuple(started))


async def _start_registry(stack: contextlib.AsyncExitStack, state: Path, identity: Identity) -> Registry:
    account = Account(_USERNAME, identity.registry_password.reveal())
    storage = Storage(state / "registry")
    stack.callback(storage.close)
    # As Docker Hub has its public repositories: anybody may pull, and so verify.
    auth = TokenAuth([account], anonymous={"*": frozenset({"pull"})})
    embedded = EmbeddedRegistry(auth=auth, storage=storage)
    stack.push_async_callback(embedded.close)
    await embedded.start(_LOOPBACK, identity.registry_port)
    registry = Registry.parse(embedded.host)
    identity.registry_port = int(embedded.host.rpartition(":")[2])
    return registry


def task_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What tasks get of this machine: PATH, with this installation's own programs first, USER, DOCKER_HOST."""
    path = os.pathsep.join((str(Path(sys.executable).parent), environment.get("PATH", os.defpath)))
    engine = {name: environment[name] for name in ("DOCKER_HOST",) if name in environment}
    return {"PATH": path, "USER": pwd.getpwuid(os.getuid()).pw_name, **engine}


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    descriptor, part = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        Path(part).replace(path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise
