"""Fixtures of the sandbox's tests."""

from tests.support.deployment import busy, deployment

__all__ = ["busy", "deployment"]
