"""One seeded sandbox for a module's tests."""

import pytest

from tests.support.clinic import building, patient
from tests.support.hosted_sandbox import hosted_sandbox

__all__ = ["building", "patient", "sandbox"]


@pytest.fixture(scope="module")
def sandbox(request):
    with hosted_sandbox() as hosted:
        yield hosted
