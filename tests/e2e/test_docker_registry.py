"""The real registry lets its one user in, nobody else, and is gone after."""

import base64
from http.client import HTTPConnection

import pytest

from console.sandbox.debian import find
from console.sandbox.docker_registry import PROGRAMS, docker_registry, listening
from runner.masking import Masked
from tests.support.engine import missing

pytestmark = [pytest.mark.registry, pytest.mark.enable_socket]


@pytest.fixture(scope="module")
def address():
    if not all(map(find, PROGRAMS)):
        missing("docker-registry and htpasswd (apache2-utils) are not installed.")
    with docker_registry("publisher", Masked("right")) as address:
        yield address


def status(address, password=None):
    headers = {}
    if password is not None:
        headers["Authorization"] = "Basic " + base64.b64encode(f"publisher:{password}".encode()).decode()
    connection = HTTPConnection(address, timeout=10)
    connection.request("GET", "/v2/", headers=headers)
    answer = connection.getresponse().status
    connection.close()
    return answer


@pytest.mark.parametrize(("password", "expected"), [("right", 200), ("wrong", 401), (None, 401)])
def test_only_the_password_lets_in(address, password, expected):
    assert status(address, password) == expected


def test_it_is_gone_after():
    if not all(map(find, PROGRAMS)):
        missing("docker-registry and htpasswd (apache2-utils) are not installed.")
    with docker_registry("publisher", Masked("right")) as address:
        assert status(address) == 401
    with pytest.raises(ConnectionRefusedError):
        status(address)


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ('time="2026" level=info msg="listening on 127.0.0.1:40001" go.version=go1.19', "127.0.0.1:40001"),
        ("level=info msg=starting", None),
    ],
)
def test_its_address_is_read_from_its_log(log, expected):
    assert listening(log) == expected
