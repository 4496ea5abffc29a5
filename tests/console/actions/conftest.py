"""Fixtures of these tests."""

from tests.support.clinic import building, patient
from tests.support.gateways import place

__all__ = ["building", "patient", "place"]
