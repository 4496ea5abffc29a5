"""A real Docker Engine for a session of tests, and what a missing one means."""

from __future__ import annotations

import os
from typing import Never

import pytest


def missing(reason: str) -> Never:
    """Skip, with the reason; in CI, where everything can be installed, fail."""
    if os.environ.get("CI"):
        pytest.fail(f"{reason} In CI this may not be skipped.", pytrace=False)
    pytest.skip(reason)
