"""Every engine, one Taskcluster and one registry for the matrix."""

from contextlib import ExitStack

import pytest

from console.sandbox.docker_registry import docker_registry
from runner.errors import Unavailable
from runner.masking import Masked
from tests.support.engine import missing
from tests.support.engines import RELEASES, running_engine
from tests.support.registries import PASSWORD, USER
from tests.support.task import taskcluster


@pytest.fixture(scope="session")
def engines():
    """All at once."""
    with ExitStack() as stack:
        try:
            yield {name: stack.enter_context(running_engine(release)) for name, release in RELEASES.items()}
        except Unavailable as error:
            missing(str(error))


@pytest.fixture(scope="session")
def cluster():
    with taskcluster() as found:
        yield found


@pytest.fixture(scope="session")
def registry(cluster):
    with docker_registry(USER, Masked(PASSWORD)) as address:
        cluster.set_secret({"docker": {"registry": address, "username": USER, "password": PASSWORD}})
        yield address
