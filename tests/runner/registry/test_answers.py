"""What a registry says is told on one line, and leads to the right kind of error."""

import pytest

from runner.errors import IntegrityFailure, Refused, Unavailable
from runner.registry.answers import Doing, Temporary, error_codes, failure

DOING = Doing("registry.example", "PUT", "manifest `v1` of a/b", "publisher", pushes=True)


def told(status, body=b"", **headers):
    return failure(DOING, status, headers, body, now=0.0)


def test_names_the_registry_the_request_and_what_the_registry_said():
    body = b'{"errors": [{"code": "NAME_INVALID", "message": "no such name", "detail": {}}]}'
    assert str(told(400, body)).startswith(
        "Registry registry.example answered 400 to PUT of manifest `v1` of a/b. "
        "It says: NAME_INVALID: no such name."
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"\xff",
        b"[" * 100_000,
        b"[]",
        b'{"errors": 1}',
        b'{"errors": [1, null]}',
        b'{"errors": [{}]}',
    ],
)
def test_a_body_of_another_kind_says_nothing(body):
    assert [pair for pair in error_codes(body) if any(pair)] == []


def test_control_characters_and_long_texts_are_not_repeated():
    body = b'{"errors": [{"code": "X", "message": "a\\u001b[31mred\\r\\n\\u202e' + b"y" * 5000 + b'"}]}'
    assert error_codes(body)[0][1].startswith("a [31mred y")
    assert len(str(told(400, body))) < 600


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_is_worth_another_attempt(status):
    assert isinstance(told(status), Temporary)


@pytest.mark.parametrize("status", [501, 505, 507])
def test_is_unavailable_and_not_worth_another_attempt(status):
    error = told(status)
    assert isinstance(error, Unavailable)
    assert not isinstance(error, Temporary)


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 405, 413, 415])
def test_is_refused(status):
    assert isinstance(told(status), Refused)


@pytest.mark.parametrize("code", ["MANIFEST_BLOB_UNKNOWN", "DIGEST_INVALID", "SIZE_INVALID"])
def test_is_an_integrity_failure(code):
    body = b'{"errors": [{"code": "%s"}]}' % code.encode()
    assert isinstance(told(400, body), IntegrityFailure)
