"""Registries for tests: the embedded one on a thread of its own, and Debian's with a token server."""

import json
import subprocess
import time
from contextlib import contextmanager

from console.sandbox.docker_registry import listening
from console.sandbox.registry.server import EmbeddedRegistry
from runner.credentials import RegistryCredentials
from runner.image.reference import Registry
from runner.masking import Masked
from runner.registry.effects import Effects
from tests.support.loops import loop_on_thread
from tests.support.token_server import ISSUER, SERVICE, Signer, token_server

USER, PASSWORD = "publisher", "correct horse"


@contextmanager
def embedded_registry(host="127.0.0.1", port=0, **settings):
    """An embedded registry that synchronous code can talk to."""
    registry = EmbeddedRegistry(**settings)
    with loop_on_thread("embedded registry") as wait:
        wait(registry.start(host, port))
        try:
            yield registry
        finally:
            wait(registry.close())


def credentials_for(host, password=PASSWORD, username=USER):
    """Credentials for a registry on loopback."""
    return RegistryCredentials(Registry.parse(host), username, Masked(password))


class TestEffects:
    """A clock that only sleeping moves, and what was said and slept."""

    __test__ = False

    def __init__(self):
        self.now = 1_000_000.0
        self.slept = []
        self.notices = []

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds

    def effects(self, **changes):
        """Effects for a client."""
        return Effects(
            clock=lambda: self.now,
            sleep=self.sleep,
            jitter=lambda: 0.0,
            notice=self.notices.append,
            **changes,
        )


@contextmanager
def debian_registry(folder, auth):
    """Debian's `docker-registry` with this `auth` section (none: everybody may push); yields its `host:port`.

    The kernel chooses the port, and the log tells it.
    """
    configuration = {
        "version": "0.1",
        "log": {"level": "info", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": "127.0.0.1:0", "secret": "of one test"},
        "auth": auth,
    }
    (folder / "config.yml").write_text(json.dumps(configuration))  # JSON is YAML
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["docker-registry", "serve", str(folder / "config.yml")],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield _address(process, log)
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def debian_registry_with_tokens(folder, accounts, lifetime=300):
    """Debian's `docker-registry` behind a token server of our own; yields its `host:port`."""
    signer = Signer()
    (folder / "roots.pem").write_bytes(signer.pem)
    with token_server(signer, accounts, lifetime) as realm:
        auth = {
            "token": {
                "realm": realm,
                "service": SERVICE,
                "issuer": ISSUER,
                "rootcertbundle": str(folder / "roots.pem"),
            }
        }
        with debian_registry(folder, auth) as host:
            yield host


def _address(process, log):
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        address = listening(log.read_text(errors="replace"))
        if address:
            return address
        time.sleep(0.02)
    raise AssertionError(f"docker-registry did not start:\n{log.read_text(errors='replace')}")
