"""Registries for tests: the embedded one on a thread of its own, and Debian's with a token server."""

import asyncio
import threading
from contextlib import contextmanager

from console.sandbox.registry.server import EmbeddedRegistry
from runner.credentials import RegistryCredentials
from runner.image.reference import Registry
from runner.masking import Masked
from runner.registry.effects import Effects

USER, PASSWORD = "publisher", "correct horse"


@contextmanager
def embedded_registry(**settings):
    """An embedded registry that synchronous code can talk to."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="embedded registry")
    thread.start()
    try:
        registry = EmbeddedRegistry(**settings)
        asyncio.run_coroutine_threadsafe(registry.start(), loop).result(10)
        try:
            yield registry
        finally:
            asyncio.run_coroutine_threadsafe(registry.close(), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


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
