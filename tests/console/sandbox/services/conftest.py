"""A sandbox per test."""

import pytest

from console.sandbox.taskcluster import Sandbox
from runner.masking import Masked


@pytest.fixture
async def sandbox():
    async with await Sandbox.start(root_access_token=Masked("r" * 44)) as started:
        yield started
