"""A sandbox whose time a test moves, and the public client to talk to it."""

import datetime as dt

import aiohttp
import pytest
import taskcluster
import taskcluster.aio

from console.sandbox.taskcluster import Sandbox
from runner.masking import Masked


class Clock:
    """The sandbox's time: real, and what a test adds to it.

    It starts late, since the client signs with the real time and Hawk allows 15 minutes either way: a test has
    28 minutes to move through.
    """

    def __init__(self):
        self.ahead = dt.timedelta(minutes=-14)

    def __call__(self):
        return dt.datetime.now(dt.UTC) + self.ahead

    def advance(self, **delta):
        self.ahead += dt.timedelta(**delta)

    def at(self, **delta):
        moment = self() + dt.timedelta(**delta)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def sandbox(clock):
    async with await Sandbox.start(root_access_token=Masked("r" * 44), now=clock, long_poll=0.1) as started:
        yield started


@pytest.fixture
async def service(sandbox):
    """`service("queue")`: the public client as root, or as others when credentials are given."""
    async with aiohttp.ClientSession() as session:

        def make(name, **credentials):
            root = {"clientId": sandbox.root_client_id, "accessToken": sandbox.root_access_token.reveal()}
            options = {"rootUrl": sandbox.root_url, "credentials": credentials or root, "maxRetries": 0}
            return getattr(taskcluster.aio, name.capitalize())(options, session=session)

        yield make


@pytest.fixture
def task(clock):
    """A task definition with what a test wants else."""

    def make(**members):
        return {
            "taskQueueId": "proj/ci",
            "created": clock.at(),
            "deadline": clock.at(hours=2),
            "payload": {},
            "metadata": {"name": "n", "description": "d", "owner": "a@b.c", "source": "https://example.com"},
            **members,
        }

    return make
