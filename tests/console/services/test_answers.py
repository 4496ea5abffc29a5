"""Whatever a server answers with 4xx is one error of ours, fit to show."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.failures import MissingScopes, in_words
from console.services.answers import Refusal, error_of
from runner.errors import ExitCode, RunnerError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["code", "message", "error", "requestInfo"])


def refusal(status, body, client_id="c"):
    return Refusal(status, body, "auth", client_id, "https://tc.invalid")


@settings(max_examples=60, deadline=None)
@given(st.integers(300, 499), JSON | st.dictionaries(KEYS, JSON), st.none() | st.just("c"))
def test_any_body_becomes_an_error_with_an_exit_code(status, body, client_id):
    error = error_of(refusal(status, body, client_id))
    assert isinstance(error, RunnerError)
    assert error.exit_code is not ExitCode.INTERNAL
    assert str(error)


def fenced(missing, *, anonymous=False):
    head = (
        "This request requires Taskcluster credentials that satisfy the following scope expression:"
        if anonymous
        else "Client ID c does not have sufficient scopes and is missing the following scopes:"
    )
    return {"code": "InsufficientScopes", "message": f"{head}\n\n```\n{missing}\n```\n\n---\n\n* method: get"}


@pytest.mark.parametrize("anonymous", [False, True])
@pytest.mark.parametrize(
    ("missing", "scopes", "words"),
    [
        ("a:b c", ("a:b c",), "`a:b c`"),
        ({"AllOf": ["a", "b"]}, ("a", "b"), "`a` and `b`"),
        ({"AnyOf": ["a", "b"]}, ("a", "b"), "(`a` or `b`)"),
        ({"AllOf": ["a", {"AnyOf": ["b", "c"]}]}, ("a", "b", "c"), "`a` and (`b` or `c`)"),
        ({"AllOf": ["a"]}, ("a",), "`a`"),
        ({"Neither": ["a"]}, ('{"Neither": ["a"]}',), '`{"Neither": ["a"]}`'),
    ],
    ids=str,
)
def test_the_missing_scopes_are_read_in_each_of_their_shapes(anonymous, missing, scopes, words):
    text = missing if isinstance(missing, str) else json.dumps(missing)
    error = error_of(refusal(403, fenced(text, anonymous=anonymous), None if anonymous else "c"))
    assert isinstance(error, MissingScopes)
    assert error.scopes == scopes
    assert error.missing is not None
    assert in_words(error.missing) == words
    assert words in str(error)


@pytest.mark.parametrize("message", ["no fence", "missing the following scopes:\n\n```\n{\n```\n", ""])
def test_a_refusal_without_a_readable_scope_is_still_told(message):
    error = error_of(refusal(403, {"code": "InsufficientScopes", "message": message}))
    assert isinstance(error, MissingScopes)
    assert "client c lacks" in str(error)
