"""Plain HTTP is spoken on loopback and where the user said so."""

import pytest

from runner.errors import Refused
from runner.registry.addresses import checked, moved, origin, with_query

HERE = "https://registry.example/v2/a/blobs/uploads/1?_state=x"


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/v2/a/blobs/uploads/2?_state=y", "https://registry.example/v2/a/blobs/uploads/2?_state=y"),
        ("2", "https://registry.example/v2/a/blobs/uploads/2"),
        ("https://other.example:8443/x", "https://other.example:8443/x"),
        ("//other.example/x", "https://other.example/x"),
        ("", HERE),
    ],
)
def test_resolves_a_location(location, url):
    assert moved(HERE, location, ()) == url


@pytest.mark.parametrize(
    "url",
    ["http://localhost:5000/v2/", "http://127.0.0.1/x", "http://[::1]:5000/", "http://in.example:5000/"],
)
def test_allows_plain_http_on_loopback_and_where_it_is_named(url):
    assert checked(url, {"In.example:5000"}) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://registry.example/",
        "http://in.example/",
        "http://127.0.0.1.example/",
        "http://localhost.example/",
        "http://10.0.0.1/",
        "file:///etc/passwd",
        "https://user@registry.example/",
        "https://user:password@registry.example/",
        "https://registry.example:port/",
        "https:///x",
        "x",
    ],
)
def test_refuses_other_addresses_and_does_not_repeat_them(url):
    with pytest.raises(Refused) as caught:
        checked(url, {"in.example:5000"})
    assert "password" not in str(caught.value)
    assert "/x" not in str(caught.value)


def test_an_origin_is_scheme_host_and_port():
    assert origin("https://A.example/x") == origin("https://a.example:443/y") == ("https", "a.example", 443)
    assert origin("http://a.example/") != origin("https://a.example/")


def test_adds_to_a_query():
    assert with_query("https://a/b", digest="sha256:1") == "https://a/b?digest=sha256:1"
    assert with_query("https://a/b?c=d%2Fe", digest="sha256:1") == "https://a/b?c=d%2Fe&digest=sha256:1"
