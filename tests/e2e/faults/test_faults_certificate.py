"""A registry whose certificate is of an unknown authority, for another name, or of the past."""

import pytest

from tests.support.certificates import ELSEWHERE, EXPIRED, LOOPBACK, NOW, Authority, server_context
from tests.support.fault_place import registry_for
from tests.support.fault_proxies import http_middleman

pytestmark = [pytest.mark.enable_socket, pytest.mark.xdist_group("faults")]


@pytest.fixture
def authority(tmp_path):
    folder = tmp_path / "authority"
    folder.mkdir()
    return Authority(folder)


@pytest.fixture
def context(authority):
    context = server_context()
    authority.give(context)
    return context


@pytest.fixture
def given(authority, context):
    return authority, context


@pytest.fixture
def registry(canary):
    with registry_for(canary, "https") as found:
        yield found


@pytest.fixture
def place(place, context):
    """Before the registry stands what speaks TLS."""
    with http_middleman(f"http://{place.registry.host}", [], context) as url:
        place.point_at(url.removeprefix("https://"))
        yield place


def test_an_unknown_authority_until_it_is_trusted(place, task, authority):
    struck = place.publish(task, "direct")
    trusted = {"SSL_CERT_FILE": str(authority.trusted)}
    texts = ("certificate is not trusted", "authority is unknown", "SSL_CERT_FILE", "certs.d")
    place.settle(struck, task, "direct", 3, *texts, **trusted)


@pytest.mark.parametrize(
    ("wrong", "texts"),
    [
        ((ELSEWHERE, NOW), ("not valid for '127.0.0.1'", "called otherwise", "Use the name")),
        ((LOOPBACK, EXPIRED), ("has expired", "not valid yet or no more", "check the clock")),
    ],
    ids=["another name", "expired"],
)
def test_a_wrong_certificate_until_there_is_another(place, task, given, wrong, texts):
    authority, context = given
    authority.give(context, *wrong)
    trusted = {"SSL_CERT_FILE": str(authority.trusted)}
    struck = place.publish(task, "direct", **trusted)
    authority.give(context)
    place.settle(struck, task, "direct", 3, "certificate is not trusted", *texts, **trusted)
