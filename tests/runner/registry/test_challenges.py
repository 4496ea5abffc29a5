"""Challenges are read as RFC 9110 writes them."""

import pytest

from runner.registry.challenges import Challenge, chosen_challenge, parse_challenges, with_scopes_first


@pytest.mark.parametrize(
    ("header", "challenges"),
    [
        ('Basic realm="a b"', [Challenge("basic", {"realm": "a b"})]),
        ("Basic", [Challenge("basic", {})]),
        ("BEARER Realm=https://a.example/token", [Challenge("bearer", {"realm": "https://a.example/token"})]),
        (
            'Bearer realm="https://a.example/token",service="r",scope="repository:a/b:pull,push"',
            [
                Challenge(
                    "bearer",
                    {
                        "realm": "https://a.example/token",
                        "service": "r",
                        "scope": "repository:a/b:pull,push",
                    },
                )
            ],
        ),
        (
            r'Basic realm="a \"quoted\" \\ one, two"',
            [Challenge("basic", {"realm": 'a "quoted" \\ one, two'})],
        ),
        (
            'Negotiate, Basic realm="x", Bearer realm="y"',
            [
                Challenge("negotiate", {}),
                Challenge("basic", {"realm": "x"}),
                Challenge("bearer", {"realm": "y"}),
            ],
        ),
        ('Bearer realm = "x" , service = y', [Challenge("bearer", {"realm": "x", "service": "y"})]),
        ("", []),
        ("  ,, ", []),
    ],
)
def test_reads_challenges(header, challenges):
    assert parse_challenges([header]) == challenges


@pytest.mark.parametrize("header", ['Basic realm="x', "=", 'Bearer realm="\\', "\0", 'Basic "x"', "a=b, c=d"])
def test_ends_on_what_is_no_challenge(header):
    assert all(isinstance(challenge, Challenge) for challenge in parse_challenges([header]))


@pytest.mark.parametrize(
    ("headers", "scheme"),
    [
        (["Negotiate", 'Basic realm="x"', 'Bearer realm="y"'], "bearer"),
        (["Negotiate", 'Basic realm="x"'], "basic"),
        (["Negotiate"], None),
    ],
)
def test_bearer_comes_before_basic_and_others_do_not_count(headers, scheme):
    chosen = chosen_challenge(headers)
    assert (chosen and chosen.scheme) == scheme


def test_missing_scopes_come_first_and_once():
    assert with_scopes_first(["c", "a"], ["a", "b"]) == ("c", "a", "b")
