"""Fixtures of these tests."""

from tests.support.gateways import place

__all__ = ["place"]
